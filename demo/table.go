package demo

import (
	"fmt"
	"time"
)

// header names the columns of the table. The last two say how long after the
// transition began each way told of it.
func (t *tour) header() {
	t.sayf("  %9s %4s  %-48s %-20s %-22s %s", "time", "seq", "transition", "cause", "PostBack", "NATS")
}

// row prints an event that has arrived on its ways.
func (t *tour) row(seq uint64, d description, post, pub arrival) {
	posted := "not in its format"
	if d.carried {
		posted = since(d.at, post.at) + " signed"
		if !post.signed {
			posted = since(d.at, post.at) + " NOT SIGNED"
		}
	}
	t.sayf("  %8.3fs %4d  %-48s %-20s %-22s %s", time.Since(t.began).Seconds(), seq, d.what, d.cause,
		posted, since(d.at, pub.at))
}

func since(from, to time.Time) string {
	return fmt.Sprintf("+%.1f ms", float64(to.Sub(from).Microseconds())/1000)
}
