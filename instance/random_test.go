//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

var seed = flag.Uint64("seed", 0, "replay one random walk")

// TestRandomWalks lets everything that can happen to an instance happen in any
// order, and holds after each step what must always be true.
func TestRandomWalks(t *testing.T) {
	seeds := []uint64{*seed}
	if *seed == 0 {
		seeds = nil
		for range 30 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, s := range seeds {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				w := &walk{rig: r, rand: rand.New(rand.NewPCG(s, s))}
				r.files = &files{kept: map[string]string{}}
				r.driver.prepare = func(c *conn) {
					c.onFetch = func(_ context.Context, out io.Writer) error { _, err := out.Write([]byte("x")); return err }
				}
				r.start(newRecord(fsm.NoConnection), nil)
				for step := 0; step < 300 && !t.Failed(); step++ {
					w.step()
				}
				if t.Failed() {
					t.Logf("replay with -run TestRandomWalks -seed %d; the last steps were %v", s, w.log[max(0, len(w.log)-12):])
				}
				w.finish()
			})
		})
	}
}

// walk is one random life.
type walk struct {
	*rig
	rand   *rand.Rand
	calls  []*named
	log    []string
	broken bool // the store is

	arrivals int
	taken    sync.Map // by a delivery's id, whether it was acknowledged
	asked    time.Time
}

type named struct {
	*call
	name string
}

// step does one thing, or several at once, and looks.
func (w *walk) step() {
	for range 1 + w.rand.IntN(3) {
		w.act()
	}
	synctest.Wait()
	w.revive()
	w.look()
}

func (w *walk) act() {
	switch n := w.rand.IntN(200); {
	case n >= 100:
		w.advance()
	case n < 30:
		names := []string{
			"generate", "close", "restore", "disconnect", "save", "clear", "configure",
			"link", "link another", "send", "send", "send file", "fetch", "fence", "unfence", "unfence",
		}
		w.ask(names[w.rand.IntN(len(names))])
		if w.rand.IntN(200) == 0 {
			w.ask("delete")
		}
	case n < 40:
		w.report()
	case n < 55:
		w.talk()
	case n < 70:
		w.reply([]error{nil, errUnreachable}[w.rand.IntN(2)])
	case n < 75:
		w.offerSession()
	case n < 90:
		w.sleep()
	case n < 93:
		w.broken = !w.broken
		err := []error{errFull, errFull, errFull, errors.New("value too large")}[w.rand.IntN(4)]
		if !w.broken {
			err = nil
		}
		w.notef("store %v", err)
		w.journal.fail(err)
	case n < 96:
		w.grantAny()
	case n < 98:
		w.notef("restart")
		w.halt()
		w.dials.gated = w.rand.IntN(3) == 0
		w.restart(fsm.CauseRestart)
	default:
		if c := w.newest(); c != nil && len(c.answer) == 0 {
			w.notef("panic")
			c.answer <- errPanic
		}
	}
}

func (w *walk) notef(format string, args ...any) {
	st := w.Status().Record
	w.log = append(w.log, fmt.Sprintf(format, args...)+fmt.Sprintf(" (in %d)", st.State))
}

// advance does what leads on from here, as in the life of a healthy connection.
func (w *walk) advance() {
	st, c := w.Status(), w.newest()
	switch {
	case st.Record.State == fsm.Connecting:
		w.grantAny()
		w.reply(nil)
	case st.Record.State == fsm.SocketOpen:
		w.tellLater(c, codes("a", "b", "c"))
	case st.Record.State == fsm.AwaitingScan:
		w.offerSession()
	case st.Record.State == fsm.Starting:
		for _, f := range []instance.Fact{paired, redial, up}[w.rand.IntN(3):] {
			w.tellLater(c, f)
		}
		w.reply(nil)
	case st.Record.State == fsm.Authenticated:
		w.sleep()
	case st.Info.CanRestore:
		w.ask("restore")
	default:
		w.ask("generate")
	}
}

func (w *walk) ask(name string) {
	w.notef("command %s", name)
	if name == "generate" || strings.HasPrefix(name, "link") {
		w.asked = time.Now()
	}
	w.calls = append(w.calls, &named{spawn(w.named(name)), name})
}

// report tells a random fact on the newest connection, or on an old one.
func (w *walk) report() {
	all := w.driver.conns()
	if len(all) == 0 {
		return
	}
	c := all[len(all)-1]
	if w.rand.IntN(6) == 0 {
		c = all[w.rand.IntN(len(all))]
	}
	w.tellLater(c, everyFact[w.rand.IntN(len(everyFact))])
}

func (w *walk) tellLater(c *conn, f instance.Fact) {
	w.notef("fact %s", f.Kind)
	go c.spec.Report(f)
}

// reply answers a dial or a logout.
func (w *walk) reply(err error) {
	c := w.newest()
	if c == nil {
		return
	}
	if c.dialled.Load() && len(c.answer) == 0 {
		w.notef("dialled %v", err)
		c.answer <- err
	}
	if c.logouts.Load() > 0 && len(c.loggedOut) == 0 {
		w.notef("logged out %v", err)
		c.loggedOut <- err
	}
}

func (w *walk) offerSession() {
	c := w.newest()
	if c == nil {
		return
	}
	w.notef("save")
	s := newSession()
	s.ID = fmt.Sprint("s", w.rand.IntN(1000))
	if c.spec.Session != nil {
		s.ID = c.spec.Session.ID
	}
	go func() { _ = c.spec.Save(w.t.Context(), s) }()
}

// talk lets the newest connection answer what it was asked, or bring something.
func (w *walk) talk() {
	c := w.newest()
	if c == nil {
		return
	}
	switch w.rand.IntN(5) {
	case 0, 1:
		w.notef("deliver")
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.rand.IntN(3))*time.Second)
		w.arrivals++
		d := text(fmt.Sprint("in", w.arrivals))
		if c.spec.Session != nil {
			d.Session = c.spec.Session.ID
		}
		go func() {
			defer cancel()
			if err := c.spec.Deliver(ctx, d); err == nil {
				w.taken.Store(d.Message.ID, true)
			} else {
				w.taken.Store(d.Message.ID, false)
			}
		}()
	case 2:
		if len(c.uploads) == 0 {
			c.uploads <- []error{nil, nil, errUnreachable}[w.rand.IntN(3)]
		}
		if len(c.sentTexts) == 0 {
			w.notef("text answered")
			c.sentTexts <- []error{nil, nil, errUnreachable}[w.rand.IntN(3)]
		}
	case 3:
		if len(c.codeTyped) == 0 {
			w.notef("code to type")
			c.codeTyped <- []phoneCode{{text: "ABCD-EFGH"}, {err: errUnreachable}}[w.rand.IntN(2)]
		}
	case 4:
		c.off.Store(w.rand.IntN(2) == 0)
	}
}

func (w *walk) sleep() {
	spans := []time.Duration{time.Millisecond, time.Second, 5 * time.Second, 20 * time.Second, time.Minute, 4 * time.Minute}
	d := spans[w.rand.IntN(len(spans))]
	w.notef("sleep %v", d)
	time.Sleep(d)
}

func (w *walk) grantAny() {
	turns := w.dials.normal
	if w.rand.IntN(2) == 0 {
		turns = w.dials.urgent
	}
	select {
	case turns <- struct{}{}:
		w.notef("turn")
	default:
	}
}

func (w *walk) newest() *conn {
	all := w.driver.conns()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}
