// Package faultbook is the book of faults: for everything that can go wrong with
// a connection (WHATSAPP.md §6), and every state in which it can strike, what
// Switchhook then does. docs/faults.md is written from it, and a test of package
// whatsapp plays every row against the sandbox and holds the daemon to it.
//
//go:generate go run ./gen -out ../../docs/faults.md
package faultbook

import (
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Place is where a connection stands when a fault strikes.
type Place struct {
	State   fsm.State
	Session bool
	About   string // how it came there, and what it does next, for people
}

// The places. A fault that strikes dials or logins lies in wait for the next one,
// which About names.
var (
	Fresh     = Place{fsm.NoConnection, false, "never paired; then a code is asked for"}
	Refused   = Place{fsm.NotAuthenticated, false, "logged out by the phone; then a code is asked for"}
	Showing   = Place{fsm.AwaitingScan, false, "a code is on show; then it is scanned"}
	Scanned   = Place{fsm.Starting, true, "the code was scanned; then the redial that WhatsApp asks for"}
	Saved     = Place{fsm.NoConnection, true, "closed by an operator; then restored"}
	Connected = Place{fsm.Authenticated, true, "usable"}
	Waiting   = Place{fsm.AuthenticatedClosed, true, "the network is down; then it comes back"}
)

// Places lists them.
func Places() []Place {
	return []Place{Fresh, Refused, Showing, Scanned, Saved, Connected, Waiting}
}

// Step is one transition.
type Step struct {
	To    fsm.State
	Cause fsm.Cause
}

// Row is what a fault does to a connection in a place.
type Row struct {
	Fault  string // the sandbox's name for it
	Place  Place
	Path   []Step        // every transition that follows
	Within time.Duration // from the strike to the last of them
	// Missed is what follows instead where the last word was lost: the socket was
	// closed right behind it, and the client did not read it. Nil: there is no
	// last word.
	Missed       []Step
	MissedWithin time.Duration
}

// End is the last step: where the connection rests.
func (r Row) End() Step {
	if len(r.Path) == 0 {
		return Step{To: r.Place.State}
	}
	return r.Path[len(r.Path)-1]
}

// The spans that DESIGN.md "Time" and the reconnect policy give.
const (
	soon     = 500 * time.Millisecond
	first    = 2500 * time.Millisecond // the longest first wait before a reconnect
	second   = 4500 * time.Millisecond // the second in a row
	dial     = 20 * time.Second
	login    = 30 * time.Second
	redial   = 5 * time.Second  // until the redial after a scan is made without being asked for
	deaf     = 2 * time.Minute  // 90 s without an answered ping, and the ping in between
	noticing = 36 * time.Second // two looks at whether WhatsApp still counts it as logged in
	codes    = 20 * time.Second // one code
)

func path(parts ...[]Step) (all []Step) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func to(s fsm.State, c fsm.Cause) []Step { return []Step{{s, c}} }

func lost(c fsm.Cause) []Step { return to(fsm.AuthenticatedClosed, c) }

// dialled is the way from a dial to the login.
func dialled(why fsm.Cause) []Step {
	return []Step{{fsm.Connecting, why}, {fsm.SocketOpen, fsm.CauseProgress}, {fsm.Starting, fsm.CauseProgress}}
}

var (
	usable = to(fsm.Authenticated, fsm.CauseProgress)
	retry  = path(dialled(fsm.CauseRetry), usable)
)
