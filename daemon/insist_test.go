package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/daemon"
)

// What the outbox tells is stored sooner or later, unless there is nothing to do
// or the daemon stops.
func TestWhatMustBeStored(t *testing.T) {
	errFull, errNothing := errors.New("full"), errors.New("nothing to do")
	for name, c := range map[string]struct {
		answers []error // the last one for ever
		tries   int
		want    error
	}{
		"at once":       {[]error{nil}, 1, nil},
		"after a while": {[]error{errFull, errFull, nil}, 3, nil},
		"no more":       {[]error{errFull, fmt.Errorf("it says: %w", errNothing)}, 2, errNothing},
		"never":         {[]error{errFull}, 5, errFull}, // until the daemon stops
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second+time.Millisecond)
				defer cancel()
				tries := 0
				err := daemon.Insist(ctx, time.Second, func(context.Context) error {
					tries++
					return c.answers[min(tries, len(c.answers))-1]
				}, errNothing)
				if tries != c.tries || !errors.Is(err, c.want) {
					t.Errorf("%v after %d tries, want %v after %d", err, tries, c.want, c.tries)
				}
			})
		})
	}
}
