package qrcode

import (
	"time"

	"github.com/switchhook/switchhook/record"
)

// SecondsLeft is how long the code remains valid at now, in seconds begun: a
// code of 20 s that was issued a moment ago has 20. It is never more than the
// code had at first and never negative.
func SecondsLeft(code record.Code, now time.Time) int {
	left := min(code.ExpiresAt.Sub(now), code.TTL)
	return int((max(left, 0) + time.Second - 1) / time.Second)
}
