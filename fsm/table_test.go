package fsm_test

import (
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

func TestTableHasNoRowTwice(t *testing.T) {
	type key struct {
		from    fsm.State
		event   fsm.Event
		session bool
	}
	seen := make(map[key]fsm.Row)
	for _, r := range fsm.Table() {
		for _, session := range []bool{false, true} {
			if (session && r.Session == fsm.Without) || (!session && r.Session == fsm.With) {
				continue
			}
			k := key{r.From, r.Event, session}
			if other, dup := seen[k]; dup {
				t.Errorf("%+v and %+v both apply", other, r)
			}
			seen[k] = r
		}
	}
}

func TestTableIsAFreshCopy(t *testing.T) {
	fsm.Table()[0].To = 99
	if fsm.Table()[0].To == 99 {
		t.Error("a caller can change the table")
	}
}

// TestTableReaches walks the table from a new instance: every state is reached,
// each only with the sessions it can have, and every event is of use.
func TestTableReaches(t *testing.T) {
	start := "0-"
	reached := map[string]bool{start: true}
	used := make(map[fsm.Event]bool)
	type at struct {
		state   fsm.State
		session bool
	}
	for todo := []at{{fsm.NoConnection, false}}; len(todo) > 0; todo = todo[1:] {
		for _, event := range fsm.Events() {
			m, err := fsm.New(todo[0].state, todo[0].session)
			if err != nil {
				t.Fatal(err)
			}
			if m.Fire(event, func(fsm.Row) error { return nil }) != nil {
				continue
			}
			used[event] = true
			if p := place(m.State(), m.Session()); !reached[p] {
				reached[p] = true
				todo = append(todo, at{m.State(), m.Session()})
			}
		}
	}
	want := []string{"0-", "0+", "1-", "1+", "2-", "2+", "3-", "4+", "10+", "11+", "13-"}
	for _, p := range want {
		if !reached[p] {
			t.Errorf("%s is never reached", p)
		}
		delete(reached, p)
	}
	for p := range reached {
		t.Errorf("%s is reached and must not exist", p)
	}
	for _, event := range fsm.Events() {
		if !used[event] {
			t.Errorf("nothing reaches a state where %s is legal", event)
		}
	}
}

func TestRowsAgreeWithTheSession(t *testing.T) {
	known := make(map[fsm.Event]bool)
	for _, e := range fsm.Events() {
		known[e] = true
	}
	for _, r := range fsm.Table() {
		if !r.From.Valid() || !r.To.Valid() || !known[r.Event] {
			t.Errorf("%+v names something that does not exist", r)
		}
		if r.Makes && (r.Drops || r.Session != fsm.Without) {
			t.Errorf("%+v makes a session where one may exist", r)
		}
		for _, session := range []bool{false, true} {
			if row, ok := fsm.Next(r.From, session, r.Event); !ok || row != r {
				continue
			}
			after := (session || r.Makes) && !r.Drops
			switch r.To {
			case fsm.AwaitingScan, fsm.NotAuthenticated:
				if after {
					t.Errorf("%+v leaves a session in %d", r, r.To)
				}
			case fsm.Starting, fsm.Authenticated, fsm.AuthenticatedClosed:
				if !after {
					t.Errorf("%+v leaves no session in %d", r, r.To)
				}
			}
			repair := r.Event == fsm.Stopped || r.Event == fsm.Recovered
			odd := (r.From == fsm.AwaitingScan && session) ||
				((r.From == fsm.Starting || r.From == fsm.Authenticated) && !session)
			if odd && !repair {
				t.Errorf("%+v starts where only a stop or a start may find a connection", r)
			}
		}
	}
}
