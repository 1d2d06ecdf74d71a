package record

import (
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// shared is what the readers of one event make of it once: most events go to NATS and
// to a receiver in the very same bytes.
type shared struct {
	of       identity
	standard atomic.Pointer[[]byte]
}

// identity tells whether an event is still as it was: a copy may have been changed.
type identity struct {
	stream, name string
	epoch        uint32
	seq          uint64
	kind         Kind
	at           time.Time
	transition   *fsm.Transition
	info         *Info
	code         *Code
	message      *Message
	data         *byte
	bytes        int
}

func (e *Event) identity() identity {
	id := identity{
		e.Stream, e.Name, e.Epoch, e.Seq, e.Kind, e.At, e.Transition, e.Info, e.Code, e.Message, nil, len(e.Data),
	}
	if len(e.Data) > 0 {
		id.data = &e.Data[0]
	}
	return id
}

// Share has the event, and whoever copies it from now on, encode it once. What it
// points to must not change any more.
func (e *Event) Share() { e.shared = &shared{of: e.identity()} }

// kept answers what was encoded before, nil if nothing was.
func (e *Event) kept() []byte {
	if e.shared == nil {
		return nil
	}
	p := e.shared.standard.Load()
	if p == nil || e.shared.of != e.identity() {
		return nil
	}
	return *p
}

// keep keeps what was encoded, for the others.
func (e *Event) keep(out []byte) {
	if e.shared != nil && e.shared.of == e.identity() {
		e.shared.standard.Store(&out)
	}
}
