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
	move := func(from, to fsm.State) entry {
		return entry{transition: &fsm.Transition{From: from, To: to}, carried: true}
	}
	committed := []entry{move(0, 1), move(1, 2), move(2, 3)}
	text := entry{message: "message.text  3EB0"}
	good := func(seq uint64) arrival { return arrival{seq: seq, prev: seq - 1, signed: true, at: time.Now()} }
	for _, c := range []struct {
		name  string
		posts []arrival
		pubs  []uint64
		log   []entry
		says  string // empty: no fault

		promise string
		texts   bool // NATS tells what was written
	}{
		{name: "all well", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3}},
		{name: "one retry", posts: []arrival{good(1), good(2), good(2), good(3)}, pubs: []uint64{1, 2, 3}},
		{name: "lost PostBack", posts: []arrival{good(1), good(3)}, pubs: []uint64{1, 2, 3}, says: "PostBack: event 2 is missing"},
		{name: "lost message", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2}, says: "NATS: event 3 is missing"},
		{name: "out of order", posts: []arrival{good(2), good(1), good(3)}, pubs: []uint64{1, 2, 3}, says: "PostBack: event 1 came after event 2"},
		{name: "repeated too often", posts: []arrival{good(1), good(1), good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3}, says: "event 1 came 3 times"},
		{name: "unsigned", posts: []arrival{good(1), {seq: 2, prev: 1}, good(3)}, pubs: []uint64{1, 2, 3}, says: "event 2 is not signed"},
		{name: "wrong predecessor", posts: []arrival{good(1), {seq: 2, signed: true}, good(3)}, pubs: []uint64{1, 2, 3}, says: "event 2 says that it follows event 0"},
		{name: "never committed", posts: []arrival{good(1), good(2), good(3), good(4)}, pubs: []uint64{1, 2, 3}, says: "the log does not know"},
		{
			name: "a jump in the log", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3},
			log: []entry{move(0, 1), move(2, 3), move(3, 4)}, says: "goes to state 1 and on from state 2",
		},
		{
			name: "a message between", posts: []arrival{good(1), {seq: 3, prev: 1, signed: true}}, pubs: []uint64{1, 2, 3},
			log: []entry{move(0, 1), text, move(1, 2)}, promise: text.message,
		},
		{
			name: "a message with its text", posts: []arrival{good(1)}, pubs: []uint64{1, 2}, texts: true,
			log: []entry{move(0, 1), text}, says: "NATS: event 2 says what was written",
		},
		{
			name: "a message that is not there", posts: []arrival{good(1), good(2), good(3)}, pubs: []uint64{1, 2, 3},
			promise: text.message, says: "the log tells 0 times of what was written",
		},
		{
			name: "a message twice", posts: []arrival{good(1)}, pubs: []uint64{1, 2, 3},
			log: []entry{move(0, 1), text, text}, promise: text.message, says: "the log tells 2 times of what was written",
		},
		{
			name: "a message that was not published", posts: []arrival{good(1), {seq: 3, prev: 1, signed: true}}, pubs: []uint64{1, 3},
			log: []entry{move(0, 1), text, move(1, 2)}, says: "NATS: event 2 is missing",
		},
		{
			name: "a message as a PostBack", posts: []arrival{good(1), good(2)}, pubs: []uint64{1, 2},
			log: []entry{move(0, 1), text}, says: "does not go there",
		},
		{
			name: "a predecessor that was not sent", posts: []arrival{good(1), good(3)}, pubs: []uint64{1, 2, 3},
			log: []entry{move(0, 1), text, move(1, 2)}, says: "event 3 says that it follows event 2, not 1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(func(uint64, description, arrival, arrival) {})
			for _, a := range c.posts {
				l.note(postBack, a, nil)
			}
			for _, seq := range c.pubs {
				l.note(nats, arrival{seq: seq, text: c.texts}, nil)
			}
			if c.promise != "" {
				l.promise(promise{c.promise, "what was written"})
			}
			log := committed
			if c.log != nil {
				log = c.log
			}
			faults := strings.Join(l.judge(log).faults, "\n")
			if (c.says == "") != (faults == "") || !strings.Contains(faults, c.says) {
				t.Errorf("the verdict is %q, want %q", faults, c.says)
			}
		})
	}
}
