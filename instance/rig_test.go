package instance_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// rig is one instance in a bubble, with everything around it in the test's hand.
type rig struct {
	t       *testing.T
	driver  *driver
	journal *journal
	dials   *dials
	timing  instance.Timing
	log     *slog.Logger
	check   func(string) error
	files   *files

	*instance.Instance
	cancel context.CancelFunc
	ended  chan error // what Run answered
	seen   int        // transitions that trail has answered
}

// inBubble runs a test in a bubble. It calls [rig.start] or one of the walks.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			t: t, driver: &driver{}, journal: &journal{t: t}, dials: newDials(),
			timing: instance.DefaultTiming(),
		}
		defer func() {
			if r.Instance != nil {
				r.halt()
			}
		}()
		test(t, r)
	})
}

func newRecord(state fsm.State) record.Instance {
	return record.Instance{ID: "i1", Name: "desk", State: state, Since: time.Now().UTC()}
}

func newSession() *record.Session {
	return &record.Session{ID: "s1", JID: "15550001111:1@s.whatsapp.net", PushName: "Desk"}
}

// start runs an instance that was stored like this.
func (r *rig) start(rec record.Instance, session *record.Session) {
	r.t.Helper()
	r.journal.rec, r.journal.session = rec, session
	r.restart(fsm.CauseRestart)
}

// restart runs a new instance from what the journal holds.
func (r *rig) restart(cause fsm.Cause) {
	r.t.Helper()
	var kept instance.Files
	if r.files != nil {
		kept = r.files
	}
	inst, err := instance.New(instance.Config{
		Files:  kept,
		Record: r.journal.rec, Session: r.journal.session, Picture: r.journal.picture, Journal: r.journal, Driver: r.driver,
		Dials: r.dials, Timing: r.timing, CheckWebhook: r.check, Log: r.log,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	r.Instance, r.cancel, r.ended = inst, cancel, ended
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("panic: %v", p)
			}
		}()
		ended <- inst.Run(ctx, cause)
	}()
	synctest.Wait()
}

// stop ends Run, however long it takes, and answers what it said.
func (r *rig) stop() error {
	r.cancel()
	err := <-r.ended
	r.ended <- err
	return err
}

// halt is stop, whatever Run says.
func (r *rig) halt() { _ = r.stop() }

// conn is the newest connection.
func (r *rig) conn() *conn {
	r.t.Helper()
	synctest.Wait()
	all := r.driver.conns()
	if len(all) == 0 {
		r.t.Fatal("no connection was opened")
	}
	return all[len(all)-1]
}

// tell reports facts on a connection and lets them take effect.
func (r *rig) tell(c *conn, facts ...instance.Fact) {
	for _, f := range facts {
		c.spec.Report(f)
		synctest.Wait()
	}
}

// connected answers the newest connection's dial.
func (r *rig) connected() *conn {
	r.t.Helper()
	c := r.conn()
	c.answer <- nil
	synctest.Wait()
	return c
}

func codes(texts ...string) instance.Fact {
	return instance.Fact{Kind: instance.FactCodes, Codes: texts}
}

var (
	up        = instance.Fact{Kind: instance.FactUp}
	paired    = instance.Fact{Kind: instance.FactPaired}
	redial    = instance.Fact{Kind: instance.FactRedial}
	lost      = instance.Fact{Kind: instance.FactLost, Cause: fsm.CauseNetwork}
	loggedOut = instance.Fact{Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut}
	replaced  = instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseStreamReplaced}
)

// save is the connection's wish to save a session.
func (r *rig) save(c *conn, s *record.Session) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := c.spec.Save(ctx, s)
	synctest.Wait()
	return err
}

// showing brings a new instance to state 3.
func (r *rig) showing() *conn {
	r.t.Helper()
	if r.Instance == nil {
		r.start(newRecord(fsm.NoConnection), nil)
	}
	r.call(func(ctx context.Context) (any, error) { return r.Generate(ctx, nil) })
	c := r.connected()
	r.tell(c, codes("one", "two", "three"))
	r.want(fsm.AwaitingScan, fsm.CauseProgress)
	return c
}

// scanned brings a new instance to state 4 after a scan.
func (r *rig) scanned() *conn {
	r.t.Helper()
	c := r.showing()
	if err := r.save(c, newSession()); err != nil {
		r.t.Fatal(err)
	}
	r.want(fsm.Starting, fsm.CauseScan)
	return c
}

// authenticated brings an instance with a session to state 10.
func (r *rig) authenticated() *conn {
	r.t.Helper()
	if r.Instance == nil {
		r.start(newRecord(fsm.Authenticated), newSession())
	}
	c := r.connected()
	r.tell(c, up)
	r.want(fsm.Authenticated, fsm.CauseProgress)
	return c
}

// want holds the state, its cause, and that status and store say the same.
func (r *rig) want(state fsm.State, cause fsm.Cause) {
	r.t.Helper()
	synctest.Wait()
	st := r.Status()
	if st.Record.State != state || st.Record.Cause != cause {
		r.t.Fatalf("state %d (%s), want %d (%s); trail %s", st.Record.State, st.Record.Cause, state, cause, r.trail())
	}
	r.agree()
}

// agree holds that status and store say the same.
func (r *rig) agree() {
	r.t.Helper()
	st := r.Status()
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	if !reflect.DeepEqual(st.Record, r.journal.rec) {
		r.t.Fatalf("status %+v, stored %+v", st.Record, r.journal.rec)
	}
	if want := record.Describe(r.journal.rec, r.journal.session); r.files == nil && !reflect.DeepEqual(st.Info, want) {
		r.t.Fatalf("information %+v, stored %+v", st.Info, want)
	}
}

// trail is the transitions since it was last asked: "0>1 operator, 1>2 progress".
func (r *rig) trail() string {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	var all []string
	for _, e := range r.journal.events[r.seen:] {
		switch {
		case e.Transition != nil:
			all = append(all, fmt.Sprintf("%d>%d %s", e.Transition.From, e.Transition.To, e.Transition.Cause))
		case e.Code != nil:
			all = append(all, "code "+e.Code.Text)
		default:
			all = append(all, string(e.Kind))
		}
	}
	r.seen = len(r.journal.events)
	return strings.Join(all, ", ")
}

func (r *rig) wantTrail(want string) {
	r.t.Helper()
	synctest.Wait()
	if got := r.trail(); got != want {
		r.t.Fatalf("trail\n %s\nwant\n %s", got, want)
	}
}
