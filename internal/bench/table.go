package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// table prints the figures as docs/benchmarks.md shows them.
func (s *scenario) table(all []figures) {
	var b strings.Builder
	row := func(what string, cell func(figures) string) {
		b.WriteString("| " + what + " |")
		for _, f := range all {
			b.WriteString(" " + cell(f) + " |")
		}
		b.WriteString("\n")
	}
	row(fmt.Sprintf("%d connections, budget %d/s", s.n, s.budget), func(f figures) string { return f.name })
	row("---", func(figures) string { return "---" })
	row("resident without a connection", func(f figures) string { return megabytes(f.none.resident) })
	row("resident with all, idle", func(f figures) string { return megabytes(f.up.resident) })
	row("of it file pages, which the kernel can drop", func(f figures) string { return megabytes(f.up.file) })
	row("most ever resident", func(f figures) string { return megabytes(f.up.peak) })
	row("**resident per connection**", func(f figures) string {
		return fmt.Sprintf("**%.0f KB**", float64(f.up.resident-f.none.resident)/1024/float64(s.n))
	})
	row("CPU per minute, idle", func(f figures) string {
		return seconds(time.Duration(float64(f.cpu) * float64(time.Minute) / float64(max(f.idle, 1))))
	})
	row("**all connected after**", func(f figures) string { return "**" + seconds(f.connected) + "**" })
	row("of it until ready", func(f figures) string { return seconds(f.ready) })
	row("CPU until then", func(f figures) string { return seconds(f.spent) })
	row("dials a second at most, and in 0.1 s", func(f figures) string { return fmt.Sprintf("%d, %d", f.dials.Second, f.dials.Tenth) })
	row("dials made", func(f figures) string { return fmt.Sprint(f.dials.Dials) })
	row(fmt.Sprintf("**all recovered after an outage of %v**", s.outage), func(f figures) string {
		if f.recovered == 0 {
			return fmt.Sprintf("not in %v", barePatience)
		}
		return "**" + seconds(f.recovered) + "**"
	})
	row("CPU from the loss until then", func(f figures) string { return seconds(f.respent) })
	row("dials a second at most then, and in 0.1 s", func(f figures) string { return fmt.Sprintf("%d, %d", f.redials.Second, f.redials.Tenth) })
	row("dials made then", func(f figures) string { return fmt.Sprint(f.redials.Dials) })
	row("restored by command, at most, and how many queued", func(f figures) string {
		if f.queue == 0 {
			return "–"
		}
		return fmt.Sprintf("%s, %d", seconds(f.pulled), f.queue)
	})
	_, _ = os.Stdout.WriteString(b.String())
}

func megabytes(n int64) string       { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
