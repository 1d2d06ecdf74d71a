package fsm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

// design is what DESIGN.md "States" says, rule by rule, written down without
// looking at the table. A place is a state's code with + when a saved session
// exists and - when none does. What no rule names is illegal.
var design = []struct {
	from  string
	event fsm.Event
	to    string
}{
	// "generate: 0 and 13 without a session → 1"; in 1, 2 and 3 it answers the
	// code on show and in 4, 10 and beside a session it is refused: no move.
	{"0- 13-", fsm.GenerateRequested, "1-"},

	// "1 → 2 handshake done; 2 → 3 unpaired; 2 → 4 with a session; 3 → 4
	// scanned; 4 → 10". The redial after a scan "stays in 4": nothing moves.
	{"1-", fsm.HandshakeDone, "2-"},
	{"1+", fsm.HandshakeDone, "2+"},
	{"2-", fsm.CodeIssued, "3-"},
	{"2+", fsm.LoginSent, "4+"},
	{"3-", fsm.Scanned, "4+"},
	{"4+", fsm.LoginAccepted, "10+"},

	// "Dial, pairing or login failed, socket lost: → 0 without a session, → 11
	// with one." Refusals that retrying cannot help go the same way.
	{"1-", fsm.DialFailed, "0-"},
	{"1+ 4+", fsm.DialFailed, "11+"},
	{"2- 3-", fsm.PairingFailed, "0-"},
	{"2+ 4+", fsm.LoginFailed, "11+"},
	{"1- 2- 3-", fsm.ConnectionLost, "0-"},
	{"1+ 2+ 4+ 10+", fsm.ConnectionLost, "11+"},

	// "Codes used up while someone still asks: 3 → 1 → 2 → 3; nobody asking for
	// 3 min: → 0."
	{"3-", fsm.CodesExhausted, "1-"},
	{"3-", fsm.CodesUnasked, "0-"},

	// "Logged out (by the phone, or at login): → 13, session dropped."
	{"2+ 4+ 10+", fsm.LoggedOut, "13-"},

	// "close: → 0, session kept (13 stays 13)."
	{"1- 2- 3-", fsm.Closed, "0-"},
	{"1+ 2+ 4+ 10+ 11+", fsm.Closed, "0+"},

	// "restore: 0 or 11 with a session → 1; without: refused."
	{"0+ 11+", fsm.RestoreRequested, "1+"},

	// "disconnect: always ends in 0 with the session dropped; offline it dials
	// once to log out". In 0 without a session nothing is to be done.
	{"0+ 1- 1+ 2- 2+ 3- 4+ 10+ 11+ 13-", fsm.Disconnected, "0-"},
	{"0+ 11+", fsm.LogoutRequested, "1+"},

	// "reconnect is scheduled"
	{"11+", fsm.RetryDue, "1+"},

	// "Start: 1 to 4 and 10 without a session → 0, with one → 11; 0 and 13
	// stay; 11 keeps its cause."
	{"1- 2- 3- 4- 10-", fsm.Recovered, "0-"},
	{"1+ 2+ 3+ 4+ 10+", fsm.Recovered, "11+"},

	// "A graceful stop records 10 → 11 (shutdown)", widened: a stop records
	// every state that claims a socket, as a start would.
	{"1- 2- 3- 4- 10-", fsm.Stopped, "0-"},
	{"1+ 2+ 3+ 4+ 10+", fsm.Stopped, "11+"},

	// Against the letter of the design, which says 11: a session whose pairing
	// failed after the scan was never one that could log in.
	{"4+", fsm.PairingFailed, "0-"},
}

func place(s fsm.State, session bool) string {
	mark := "-"
	if session {
		mark = "+"
	}
	return fmt.Sprintf("%d%s", s, mark)
}

func TestEveryStateByEveryEvent(t *testing.T) {
	want := make(map[string]string)
	for _, d := range design {
		for from := range strings.FieldsSeq(d.from) {
			key := from + " " + string(d.event)
			if want[key] != "" {
				t.Fatalf("%s is written down twice", key)
			}
			want[key] = d.to
		}
	}
	seen := 0
	for _, from := range fsm.States() {
		for _, session := range []bool{false, true} {
			for _, event := range append(fsm.Events(), "nonsense") {
				to := want[place(from, session)+" "+string(event)]
				if to != "" {
					seen++
				}
				fire(t, from, session, event, to)
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d of the design's %d moves start where no state is", len(want)-seen, len(want))
	}
}

// fire checks one move; to is empty where the event is illegal.
func fire(t *testing.T, from fsm.State, session bool, event fsm.Event, to string) {
	t.Helper()
	m, err := fsm.New(from, session)
	if err != nil {
		t.Fatal(err)
	}
	at := place(from, session)
	if m.Can(event) != (to != "") {
		t.Errorf("%s %s: Can answers %t", at, event, m.Can(event))
	}
	var rows []fsm.Row
	err = m.Fire(event, func(r fsm.Row) error {
		rows = append(rows, r)
		if now := place(m.State(), m.Session()); now != at {
			t.Errorf("%s %s: the machine is in %s before the commit is done", at, event, now)
		}
		return nil
	})
	now := place(m.State(), m.Session())
	if to == "" {
		var illegal *fsm.IllegalError
		if !errors.As(err, &illegal) || *illegal != (fsm.IllegalError{State: from, Session: session, Event: event}) {
			t.Errorf("%s %s: %v, want an IllegalError that says so", at, event, err)
		}
		if now != at || rows != nil {
			t.Errorf("%s %s is illegal and moved to %s, with commits %v", at, event, now, rows)
		}
		return
	}
	if err != nil || now != to {
		t.Errorf("%s %s: in %s (%v), want %s", at, event, now, err, to)
	}
	if len(rows) != 1 || rows[0].From != from || rows[0].Event != event || rows[0].To != m.State() {
		t.Errorf("%s %s: committed %+v", at, event, rows)
	}
}
