package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// table prints the flows as docs/benchmarks.md shows them.
func (t *torrent) table(all []flow) {
	var b strings.Builder
	row := func(what string, cell func(*flow) string) {
		b.WriteString("| " + what + " |")
		for i := range all {
			b.WriteString(" " + cell(&all[i]) + " |")
		}
		b.WriteString("\n")
	}
	pace := fmt.Sprintf("%.0f/s", t.rate)
	if t.rate == 0 {
		pace = fmt.Sprintf("%d in flight to each", t.window)
	}
	row(fmt.Sprintf("%d instances, %s for %v", t.n, pace, t.span), func(f *flow) string { return f.name })
	row("---", func(*flow) string { return "---" })
	row("texts written", func(f *flow) string { return fmt.Sprint(f.written.Sent) })
	row("**acknowledged**", func(f *flow) string { return fmt.Sprintf("**%d**", f.acknowledged) })
	row("in the log, each once", func(f *flow) string {
		if f.commits == 0 {
			return "–"
		}
		return fmt.Sprint(f.logged)
	})
	row("**acknowledged a second**, and in the worst second", func(f *flow) string { return fmt.Sprintf("**%.0f**, %d", f.rate, f.least) })
	row("sent or encrypted more than once", func(f *flow) string { return fmt.Sprint(f.resent) })
	row("written late at most", func(f *flow) string { return millis(f.written.Late) })
	row("server takes it → acknowledged, p50 / p99 / most", func(f *flow) string { return percents(f.taken) })
	row("on the wire → acknowledged, p50 / p99 / most", func(f *flow) string { return percents(f.wire) })
	row("CPU, of one core", func(f *flow) string { return share(f.cpu, f.span) })
	row("**CPU a message**", func(f *flow) string { return "**" + each(f.cpu, f.acknowledged) + "**" })
	row("of the sandbox, of one core, and a message", func(f *flow) string {
		return share(f.sandboxCPU, f.span) + ", " + each(f.sandboxCPU, f.acknowledged)
	})
	row("commits a second, messages a commit", func(f *flow) string {
		if f.commits == 0 {
			return "–"
		}
		return fmt.Sprintf("%.0f, %.2f", float64(f.commits)/f.span.Seconds(), float64(f.acknowledged)/float64(f.commits))
	})
	_, _ = os.Stdout.WriteString(b.String())
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func percents(all []percentile) string {
	var parts []string
	for _, p := range all {
		parts = append(parts, fmt.Sprintf("%.1f", p.took.Seconds()*1000))
	}
	return strings.Join(parts, " / ") + " ms"
}

func share(d, of time.Duration) string {
	return fmt.Sprintf("%.0f %%", 100*d.Seconds()/of.Seconds())
}

func each(d time.Duration, n int) string {
	return fmt.Sprintf("%.2f ms", d.Seconds()*1000/float64(max(n, 1)))
}
