package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/sandbox"
)

// mailKept is how many texts a run may have: the sandbox remembers 300,000.
const mailKept = 290_000

// load is what the scenario is run with.
type load struct {
	n        int
	contacts int
	rate     float64
	window   int
	span     time.Duration
	program  string
	profile  string
	bare     bool
	limit    time.Duration
	keep     bool
}

// messages lets phones write to many instances of the daemon.
func messages(ctx context.Context, args []string) error {
	l := load{}
	set := flag.NewFlagSet("messages", flag.ContinueOnError)
	set.IntVar(&l.n, "n", 200, "instances")
	set.IntVar(&l.contacts, "contacts", 5, "phones that write to each")
	set.Float64Var(&l.rate, "rate", 1000, "texts a second, all in all; 0 is as many as are acknowledged")
	set.IntVar(&l.window, "window", 2, "with -rate 0, texts to each instance that may be unacknowledged")
	set.DurationVar(&l.span, "for", time.Minute, "how long they write")
	set.StringVar(&l.program, "program", "", "the switchhook to measure; empty builds it")
	set.StringVar(&l.profile, "profile", "", "where to write profiles of it; with -program, one built with the tag profile")
	set.BoolVar(&l.bare, "bare", true, "measure the bare library as well")
	set.DurationVar(&l.limit, "limit", 8*time.Minute, "when to give up")
	set.BoolVar(&l.keep, "keep", false, "leave the temporary directory")
	if err := set.Parse(args); err != nil {
		return err
	}
	switch {
	case runtime.GOOS != "linux":
		return errors.New("processes are measured by /proc: only on Linux")
	case l.n < 1 || l.contacts < 1 || l.rate < 0 || l.span <= 0 || l.span > longestTime:
		return fmt.Errorf("-n, -contacts and -for must be positive, -rate not negative, and -for at most %v", longestTime)
	case l.rate*l.span.Seconds() > mailKept:
		return fmt.Errorf("-rate times -for is at most %d: the sandbox remembers no more", mailKept)
	}
	ctx, dir, done, err := beginRun(ctx, l.limit, l.keep)
	if err != nil {
		return err
	}
	defer done()
	if l.profile != "" {
		if err := os.Setenv("PROFILE_DIR", l.profile); err != nil {
			return err
		}
	}
	return (&torrent{load: l, dir: dir}).run(ctx)
}

// torrent is one run.
type torrent struct {
	load

	dir    string
	air    *air
	phones *sandbox.Client
}

func (t *torrent) run(ctx context.Context) error {
	program, err := build(ctx, t.program, t.dir, t.profile != "")
	if err != nil {
		return err
	}
	state := filepath.Join(t.dir, "sandbox.db")
	sayf("enrolling %d companions", t.n)
	sessions, err := enrol(ctx, state, t.n)
	if err != nil {
		return err
	}
	if t.air, err = newAir(ctx, state); err != nil {
		return err
	}
	t.phones = sandbox.NewClient(t.air.url())
	var all []flow
	if t.bare {
		file := filepath.Join(t.dir, "sessions.json")
		if err := writeSessions(file, sessions); err != nil {
			return err
		}
		f, err := t.measureBare(ctx, file)
		if err != nil {
			return err
		}
		all = append(all, f)
		// The phones of the first run would go on with its sessions.
		if err := os.Remove(state); err != nil {
			return err
		}
		if sessions, err = enrol(ctx, state, t.n); err != nil {
			return err
		}
	}
	data := filepath.Join(t.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := seed(ctx, data, sessions); err != nil {
		return err
	}
	f, err := t.measureDaemon(ctx, program, data)
	if err != nil {
		return err
	}
	t.table(append(all, f))
	return nil
}

func (t *torrent) measureBare(ctx context.Context, file string) (f flow, err error) {
	f.name = "whatsmeow alone"
	if err := t.air.start(ctx); err != nil {
		return f, err
	}
	defer t.air.stop()
	l, err := startBare(ctx, file, t.air, "-reads")
	defer l.p.stop()
	if err != nil {
		return f, err
	}
	if _, err := fmt.Fprintln(l.p.stdin); err != nil {
		return f, err
	}
	if _, err := l.up.reach(ctx, l.p, "all connections", func(up int) bool { return up >= t.n }); err != nil {
		return f, err
	}
	if err := t.open(ctx); err != nil {
		return f, err
	}
	if _, err := l.said.reach(ctx, l.p, "the answers", func(n int) bool { return n >= t.n*t.contacts }); err != nil {
		return f, err
	}
	err = t.pour(ctx, &f, l.p, nil)
	return f, err
}

func (t *torrent) measureDaemon(ctx context.Context, program, data string) (f flow, err error) {
	f.name = "switchhook"
	if err := t.air.start(ctx); err != nil {
		return f, err
	}
	defer t.air.stop()
	d, err := startDaemon(ctx, program, data, 500, t.air.url())
	if err != nil {
		return f, err
	}
	defer d.p.stop()
	if _, err := d.up.reach(ctx, d.p, "all connections", func(up int) bool { return up >= t.n }); err != nil {
		return f, err
	}
	if err := t.open(ctx); err != nil {
		return f, err
	}
	if err := t.answer(ctx, d); err != nil {
		return f, err
	}
	r, err := t.readLog(ctx, d, data)
	if err != nil {
		return f, err
	}
	if err := t.pour(ctx, &f, d.p, r); err != nil {
		return f, err
	}
	err = r.compare(ctx, &f)
	return f, err
}

// accounts are the numbers of the enrolled phones.
func (t *torrent) accounts() []string {
	all := make([]string, t.n)
	for i := range all {
		all[i] = strconv.Itoa(firstPhone + i)
	}
	return all
}

// order is one for all accounts.
func (t *torrent) order() *order {
	return &order{Accounts: t.accounts(), Contacts: t.contacts, Rate: t.rate, Window: t.window, For: t.span}
}

// open begins all conversations: the first text of one costs more than the others.
func (t *torrent) open(ctx context.Context) error {
	sayf("opening %d conversations", t.n*t.contacts)
	o := t.order()
	o.Open = true
	_, err := t.air.write(ctx, o)
	return err
}

// answer lets every instance answer each of its contacts.
func (t *torrent) answer(ctx context.Context, d *under) error {
	o := t.order()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for a := range t.n {
		for c := range t.contacts {
			g.Go(func() error {
				_, err := d.admin.Send(ctx, instanceName(a), api.Outgoing{To: o.contact(a, c), Text: opening})
				return err
			})
		}
	}
	return g.Wait()
}

// pour lets the phones write and measures what that takes.
func (t *torrent) pour(ctx context.Context, f *flow, p *process, r *logReader) error {
	last, err := t.lastMail(ctx)
	if err != nil {
		return err
	}
	before, err := t.take(p, r)
	if err != nil {
		return err
	}
	sayf("%s: writing for %v", f.name, t.span)
	if t.profile != "" && p.name == daemonName {
		// A profile less is no failure. The goroutines are those of the middle.
		_ = p.cmd.Process.Signal(syscall.SIGUSR2)
		later := time.AfterFunc(t.span/2, func() { _ = p.cmd.Process.Signal(syscall.SIGUSR1) })
		defer later.Stop()
	}
	w, err := t.air.write(ctx, t.order())
	if err != nil {
		return err
	}
	f.written = w
	mail, err := t.drain(ctx, p, last)
	if err != nil {
		return err
	}
	after, err := t.take(p, r)
	if err != nil {
		return err
	}
	f.judge(mail, before, after)
	return nil
}
