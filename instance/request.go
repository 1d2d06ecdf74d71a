package instance

import (
	"context"
	"sync/atomic"
)

// request is a live connection's wish to have something stored.
type request struct {
	do    func() error // on the loop
	taken atomic.Bool  // by the loop, or by a caller who gave up
	reply chan error   // buffered
}

func (r *request) take() bool { return r.taken.CompareAndSwap(false, true) }

// request runs do on the loop if the connection of generation gen is still the
// live one, and answers its error. The answer is never a guess: a caller whose
// context ends while do runs waits for it.
func (i *Instance) request(ctx context.Context, gen uint64, do func() error) error {
	r := &request{do: do, reply: make(chan error, 1)}
	if !i.post(mail{gen: gen, request: r}) {
		return errSuperseded
	}
	select {
	case err := <-r.reply:
		return err
	case <-i.leaving:
	case <-ctx.Done():
		if r.take() {
			return ctx.Err()
		}
	}
	select {
	case err := <-r.reply:
		return err
	case <-i.leaving:
	}
	select {
	case err := <-r.reply:
		return err
	default:
		return errSuperseded
	}
}
