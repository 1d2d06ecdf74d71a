package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// TestJudge: the demo's verdict can fail. Each way of breaking the promise is
// found.
func TestJudge(t *testing.T) {
	committed := []fsm.Transition{{From: 0, To: 1}, {From: 1, To: 2}, {From: 2, To: 3}}
	good := func(seq uint64) arrival { return arrival{seq: seq, prev: seq - 1, signed: true, at: time.Now()} }
	for _, c := range []struct {
		name  string
		posts []arrival
		pubs  []uint64
		log   []fsm.Transition
		says  string // empty: no fault
	}{
		{name: "all well", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3}},
		{name: "one retry", posts: []arrival{good(1), good(2), good(2), good(3)}, pubs: []uint64{1, 2, 3}},
		{name: "lost PostBack", posts: []arrival{good(1), good(3)}, pubs: []uint64{1, 2, 3}, says: "PostBack: event 2 is missing"},
		{name: "lost message", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2}, says: "NATS: event 3 is missing"},
		{name: "out of order", posts: []arrival{good(2), good(1), good(3)}, pubs: []uint64{1, 2, 3}, says: "PostBack: event 2 came after event 0"},
		{name: "repeated too often", posts: []arrival{good(1), good(1), good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3}, says: "event 1 came 3 times"},
		{name: "unsigned", posts: []arrival{good(1), {seq: 2, prev: 1}, good(3)}, pubs: []uint64{1, 2, 3}, says: "event 2 is not signed"},
		{name: "wrong predecessor", posts: []arrival{good(1), {seq: 2, signed: true}, good(3)}, pubs: []uint64{1, 2, 3}, says: "event 2 says that it follows event 0"},
		{name: "never committed", posts: []arrival{good(1), good(2), good(3), good(4)}, pubs: []uint64{1, 2, 3}, says: "the log does not know"},
		{
			name: "a jump in the log", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3},
			log: []fsm.Transition{{From: 0, To: 1}, {From: 2, To: 3}, {From: 3, To: 4}}, says: "goes to state 1 and on from state 2",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(func(uint64, description, arrival, arrival) {})
			for _, a := range c.posts {
				l.note(postBack, a, nil)
			}
			for _, seq := range c.pubs {
				l.note(nats, arrival{seq: seq}, nil)
			}
			log := committed
			if c.log != nil {
				log = c.log
			}
			faults := strings.Join(l.judge(log, 0).faults, "\n")
			if (c.says == "") != (faults == "") || !strings.Contains(faults, c.says) {
				t.Errorf("the verdict is %q, want %q", faults, c.says)
			}
		})
	}
}
