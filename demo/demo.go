package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Options are the wishes of who watches.
type Options struct {
	Out     io.Writer
	Colour  bool // Out is a terminal that knows colours
	Stay    bool // leave the daemon running until ctx ends
	Version string
}

// limit bounds the tour; a step that hangs fails it.
const limit = 28 * time.Second

// stepWait is how long one look at the log waits for more.
const stepWait = 5 * time.Second

// Run takes the tour. It returns nil when everything arrived once, signed and
// in order, and an error that says what did not otherwise.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "switchhook-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	t := &tour{o: o, began: time.Now(), dir: dir}
	return t.run(ctx)
}

// tour is one run of the demo.
type tour struct {
	o      Options
	saying sync.Mutex // over one line to o.Out: the ledger writes as events arrive
	began  time.Time
	dir    string
	ledger *ledger
	admin  *client.Client
	name   string
	entry  api.Entry
}

// sayf writes a line. Who watches the tour and cannot be written to misses it;
// the verdict is the same. Any goroutine may call it.
func (t *tour) sayf(format string, args ...any) {
	t.saying.Lock()
	defer t.saying.Unlock()
	_, _ = fmt.Fprintf(t.o.Out, format+"\n", args...)
}

func (t *tour) run(ctx context.Context) error {
	logFile, err := os.Create(filepath.Join(t.dir, "switchhook.log"))
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	cfg := configs.Default()
	cfg.DataDir, cfg.Listen, cfg.Network = filepath.Join(t.dir, "data"), "127.0.0.1:0", configs.NetworkSandbox
	d, err := daemon.New(daemon.Options{Config: cfg, Version: t.o.Version, Log: slog.New(slog.NewTextHandler(logFile, nil))})
	if err != nil {
		return err
	}
	t.ledger = newLedger(t.row)
	rcv, err := newReceiver(ctx, t.ledger)
	if err != nil {
		return err
	}

	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return d.Run(running) })
	g.Go(func() error { return rcv.Run(running) })
	g.Go(func() error {
		defer stop()
		select {
		case <-d.Ready():
		case <-running.Done():
			return nil
		}
		t.sayf("The daemon listens on %s, its network is the sandbox. Data: %s", d.URL(), cfg.DataDir)
		t.admin = client.Unix(filepath.Join(cfg.DataDir, api.SocketName))
		walk, cancel := context.WithTimeout(running, limit)
		defer cancel()
		if err := t.walk(walk, rcv); err != nil {
			return fmt.Errorf("%w (the daemon's log: %s)", err, t.keepLog(logFile.Name()))
		}
		if t.o.Stay {
			t.stay(running, d, cfg.DataDir)
		}
		return nil
	})
	return g.Wait()
}

// keepLog moves the daemon's log out of the directory that is about to go.
func (t *tour) keepLog(name string) string {
	kept := t.dir + ".log"
	if os.Rename(name, kept) != nil {
		return "lost"
	}
	return kept
}

// walk leads one instance through its life, then judges.
func (t *tour) walk(ctx context.Context, rcv *receiver) (err error) {
	if t.entry, err = t.admin.Add(ctx, api.AddSpec{Name: "demo", Webhook: rcv.url()}); err != nil {
		return fmt.Errorf("add the instance: %w", err)
	}
	t.name = t.entry.Name
	if err := rcv.trust(t.entry.WebhookSecret); err != nil {
		return err
	}
	info, err := t.admin.NATS(ctx)
	if err != nil {
		return fmt.Errorf("ask for NATS: %w", err)
	}
	unsubscribe, err := subscribe(info, t.entry.ID, t.ledger)
	if err != nil {
		return fmt.Errorf("subscribe on NATS: %w", err)
	}
	defer unsubscribe()
	t.sayf("Instance %q, webhook %s, NATS subject %s%s.>", t.name, rcv.url(), record.SubjectPrefix, t.entry.ID)

	t.header()
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Generate a QR code", t.generate},
		{"A virtual phone scans it", t.scan},
		{"A phone writes, and gets an answer", t.talk},
		{"The network drops the socket: it comes back by itself", t.drop},
		{"Close, keeping the session", func(ctx context.Context) error { return t.expect(t.admin.Close(ctx, t.name))(fsm.NoConnection) }},
		{"Restore, without a QR code", func(ctx context.Context) error { return t.expect(t.admin.Restore(ctx, t.name))(fsm.Authenticated) }},
		{"Disconnect: log out, drop the session", func(ctx context.Context) error { return t.expect(t.admin.Disconnect(ctx, t.name))(fsm.NoConnection) }},
	} {
		t.sayf("\n%s", step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
		if err := t.arrived(ctx); err != nil {
			break // judge says what is missing
		}
	}
	return t.judge(ctx)
}

// expect turns a command's answer into an error unless it ends in the state.
func (t *tour) expect(e api.Entry, err error) func(fsm.State) error {
	return func(want fsm.State) error {
		if err == nil && e.State != want {
			err = fmt.Errorf("ended in state %d (%s) instead of %d", e.State, e.State, want)
		}
		return err
	}
}

func (t *tour) generate(ctx context.Context) error {
	code, err := t.admin.Code(ctx, t.name)
	if err != nil {
		return err
	}
	symbol, err := qrcode.New(code.Text)
	if err != nil {
		return err
	}
	if err := t.arrived(ctx); err != nil {
		return err
	}
	t.sayf("\n%s", symbol.HalfBlocks(t.o.Colour))
	return nil
}

func (t *tour) scan(ctx context.Context) error {
	if _, err := t.admin.Scan(ctx, t.name, ""); err != nil {
		return err
	}
	return t.reach(ctx, fsm.Authenticated)
}

func (t *tour) drop(ctx context.Context) error {
	if _, err := t.admin.Fault(ctx, t.name, "drop", false); err != nil {
		return err
	}
	if err := t.reach(ctx, fsm.AuthenticatedClosed); err != nil {
		return err
	}
	return t.reach(ctx, fsm.Authenticated)
}

// reach follows the event log until the instance has entered a state after the
// last row shown.
func (t *tour) reach(ctx context.Context, want fsm.State) error {
	after := t.entry.Seq
	for {
		events, err := t.admin.Events(ctx, t.name, client.Look{After: after, Wait: stepWait})
		if err != nil {
			return err
		}
		for _, e := range events {
			after = e.Seq
			if e.Data.Transition != nil && e.Data.Transition.To == want {
				t.entry.Seq = after
				return nil
			}
		}
	}
}

// arrived waits until everything that is in the log has come on both ways.
func (t *tour) arrived(ctx context.Context) error {
	e, err := t.admin.Find(ctx, t.name)
	if err != nil {
		return err
	}
	for !t.ledger.complete(e.Seq) {
		select {
		case <-t.ledger.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// judge compares what is in the log with what has arrived.
func (t *tour) judge(ctx context.Context) error {
	var committed []entry
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	events, err := t.admin.Events(ctx, t.name, client.Look{Limit: api.MaxEvents})
	if err != nil {
		return err
	}
	for _, e := range events {
		committed = append(committed, entry{transition: e.Data.Transition, message: about(e), carried: carried(e.Type)})
	}
	return t.report(committed)
}

func (t *tour) report(committed []entry) error {
	v := t.ledger.judge(committed)
	t.sayf("\nCommitted %d events, %d of them transitions and %d about messages. Received %d PostBacks of %d (%d signed) and %d NATS messages; %d repeated. %.1f s.",
		v.committed, v.transitions, v.messages, v.posted, v.carried, v.signed, v.published, v.repeated, time.Since(t.began).Seconds())
	if len(v.faults) == 0 {
		t.sayf("Nothing was lost, nothing came out of order, everything was signed.")
		return nil
	}
	for _, f := range v.faults {
		t.sayf("  FAULT %s", f)
	}
	return errors.New("the daemon broke a promise: see the faults above")
}

// stay leaves the daemon to whoever watches.
func (t *tour) stay(ctx context.Context, d *daemon.Daemon, data string) {
	t.sayf("\nThe daemon stays up until you press Ctrl-C. In another terminal:")
	t.sayf("  switchhook --data %s instance list", data)
	t.sayf("  switchhook --data %s link %s          and then: sandbox scan %s", data, t.name, t.name)
	t.sayf("  switchhook --data %s events %s --follow", data, t.name)
	t.sayf("  %s/ui/", d.URL())
	<-ctx.Done()
}
