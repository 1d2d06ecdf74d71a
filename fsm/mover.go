package fsm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	looplab "github.com/looplab/fsm"
)

// mover is a looplab machine and the commit it makes before it moves. A looplab
// machine holds a copy of the whole table (7 KB), so a few of them are lent to
// whichever [Machine] moves at the moment.
type mover struct {
	machine *looplab.FSM
	row     Row
	commit  func(Row) error
}

var movers = sync.Pool{New: func() any { return newMover() }}

func newMover() *mover {
	v := new(mover)
	// The commit runs in the general before_event: the only hook that every
	// transition passes, self-transitions included, and that can still veto.
	// No leave hook is registered: it could veto after the commit.
	v.machine = looplab.NewFSM(NoConnection.String(), descs, looplab.Callbacks{
		"before_event": func(_ context.Context, e *looplab.Event) {
			if err := v.commit(v.row); err != nil {
				e.Cancel(commitError{err})
			}
		},
	})
	return v
}

// commitError marks a failed commit, so that it is told from what looplab/fsm
// itself reports.
type commitError struct{ err error }

func (e commitError) Error() string { return e.err.Error() }
func (e commitError) Unwrap() error { return e.err }

// move takes a transition through looplab/fsm and answers where it ended. A
// mover that panicked or failed in a way of its own does not return to the pool.
func move(row Row, session bool, commit func(Row) error) (State, error) {
	v := movers.Get().(*mover) //nolint:forcetypeassert // the pool makes nothing else
	v.row, v.commit = row, commit
	v.machine.SetState(row.From.String())
	// The context must not be cancellable: cancelled between commit and move,
	// looplab/fsm 1.0.3 stays in transition and refuses every later event.
	err := v.machine.Event(context.Background(), trigger(row.Event, session))
	var failed commitError
	var same looplab.NoTransitionError
	if err != nil && !errors.As(err, &failed) && !errors.As(err, &same) {
		return row.From, fmt.Errorf("fire %s: %w", row.Event, err)
	}
	to := byName[v.machine.Current()]
	v.commit = nil
	movers.Put(v)
	return to, failed.err
}

// trigger is the event's name for looplab/fsm, which knows no guards: one name
// with and one without a session.
func trigger(e Event, session bool) string {
	if session {
		return string(e) + "+session"
	}
	return string(e)
}

var byName = func() map[string]State {
	m := make(map[string]State)
	for _, s := range States() {
		m[s.String()] = s
	}
	return m
}()

var descs = func() []looplab.EventDesc {
	var d []looplab.EventDesc
	for k, row := range lookup {
		d = append(d, looplab.EventDesc{
			Name: trigger(k.event, k.session), Src: []string{k.from.String()}, Dst: row.To.String(),
		})
	}
	return d
}()
