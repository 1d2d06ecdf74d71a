package daemon

import "context"

// turn is held over a change until it is stored, so that one follows the other: a lock
// that is waited for no longer than a context allows. Make it with [newTurn].
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// enter waits for the turn. It fails with the context's error.
func (t turn) enter(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }
