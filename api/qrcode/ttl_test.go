package qrcode_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/record"
)

func TestSecondsLeft(t *testing.T) {
	issued := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	code := record.Code{TTL: 20 * time.Second, ExpiresAt: issued.Add(20 * time.Second)}
	for after, want := range map[time.Duration]int{
		0:                        20,
		5 * time.Millisecond:     20,
		7500 * time.Millisecond:  13,
		19999 * time.Millisecond: 1,
		20 * time.Second:         0,
		time.Hour:                0,
		-time.Minute:             20, // the clock was set back
	} {
		if got := qrcode.SecondsLeft(code, issued.Add(after)); got != want {
			t.Errorf("after %v: %d, want %d", after, got, want)
		}
	}
}
