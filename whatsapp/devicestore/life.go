package devicestore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrFailed answers every write after the store has failed in the middle of a
// message. The connection must be ended: what it had received and not
// acknowledged comes again.
var ErrFailed = errors.New("device store has failed")

// errUnacknowledged makes the library let a message be. It answers any other
// error of a decryption with an acknowledgement and asks the sender for the
// message again (read in v0.0.0-20251217143725, decryptMessages).
var errUnacknowledged = fmt.Errorf("not acknowledged: %w", context.Canceled)

// life is how the writing of a connection ends: it is closed, or it fails.
type life struct {
	closed atomic.Bool
	failed atomic.Bool
	tell   atomic.Pointer[func(error)]
}

// refusal says why nothing may be written any more; nil while it may.
func (l *life) refusal() error {
	switch {
	case l.closed.Load():
		return ErrClosed
	case l.failed.Load():
		return ErrFailed
	}
	return nil
}

// fail refuses everything from here on and tells whoever asked to be told.
func (l *life) fail(err error) {
	if l.failed.Swap(true) || l.closed.Load() {
		return
	}
	if tell := l.tell.Load(); tell != nil {
		(*tell)(err)
	}
}

// unacknowledged fails because of what the store answered while a message was
// being decrypted. It returns nil for nil.
func (l *life) unacknowledged(err error) error {
	if err == nil {
		return nil
	}
	l.fail(err)
	return fmt.Errorf("%w: %w", err, errUnacknowledged)
}
