package fsm

import (
	"fmt"
	"time"
)

// Transition is the value that travels: what the machine decided, before and
// after it is stored.
type Transition struct {
	From  State     `json:"from"`
	To    State     `json:"to"`
	Event Event     `json:"event"`
	Cause Cause     `json:"cause"`
	Hint  string    `json:"hint,omitempty"`
	At    time.Time `json:"at"`
}

// IllegalError is returned by [Machine.Fire] for an event that the table does
// not know in the present state. Nothing has moved.
type IllegalError struct {
	State   State
	Session bool
	Event   Event
}

func (e *IllegalError) Error() string {
	with := "without"
	if e.Session {
		with = "with"
	}
	return fmt.Sprintf("event %s is illegal in state %d (%s) %s a session", e.Event, e.State, e.State, with)
}

// Machine holds one connection's state and moves it by the table. It has no
// clock and does no I/O. One goroutine may use it.
type Machine struct {
	state   State
	session bool
}

// New makes a machine in the given state. session says whether a saved session
// exists. An error means that the state is none of [States].
func New(state State, session bool) (*Machine, error) {
	if !state.Valid() {
		return nil, fmt.Errorf("make machine: no state has the code %d", state)
	}
	return &Machine{state: state, session: session}, nil
}

// State is the present state.
func (m *Machine) State() State { return m.state }

// Session reports whether a saved session exists.
func (m *Machine) Session() bool { return m.session }

// Can reports whether event is legal now.
func (m *Machine) Can(event Event) bool {
	_, ok := Next(m.state, m.session, event)
	return ok
}

// Fire moves the machine by event. commit is called with the row that applies,
// before anything has moved; its error is returned as it is and leaves the
// machine where it was. An event that is illegal now gives an [*IllegalError],
// and commit is not called. commit may read the machine, not fire it.
func (m *Machine) Fire(event Event, commit func(Row) error) error {
	row, ok := Next(m.state, m.session, event)
	if !ok {
		return &IllegalError{State: m.state, Session: m.session, Event: event}
	}
	to, err := move(row, m.session, commit)
	if err != nil {
		return err
	}
	m.state = to
	m.session = (m.session || row.Makes) && !row.Drops
	return nil
}

// Reset puts the machine where the store says the connection is, after a commit
// whose outcome was unknown.
func (m *Machine) Reset(state State, session bool) error {
	if !state.Valid() {
		return fmt.Errorf("reset machine: no state has the code %d", state)
	}
	m.state, m.session = state, session
	return nil
}
