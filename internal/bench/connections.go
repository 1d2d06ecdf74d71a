package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// options are what the scenario is run with.
type options struct {
	n       int
	budget  int
	idle    time.Duration
	outage  time.Duration
	program string
	profile string
	bare    bool
	pull    int
	limit   time.Duration
	keep    bool
}

func connections(ctx context.Context, args []string) error {
	o := options{}
	set := flag.NewFlagSet("connections", flag.ContinueOnError)
	set.IntVar(&o.n, "n", 5000, "connections")
	set.IntVar(&o.budget, "budget", 500, "dials a second that the daemon may make")
	set.DurationVar(&o.idle, "idle", time.Minute, "how long the connections are left alone")
	set.DurationVar(&o.outage, "outage", 5*time.Second, "how long the sandbox is stopped")
	set.StringVar(&o.program, "program", "", "the switchhook to measure; empty builds it")
	set.StringVar(&o.profile, "profile", "", "where to write profiles of it, each in its phase; with -program, one built with the tag profile")
	set.BoolVar(&o.bare, "bare", true, "measure the bare library as well")
	set.IntVar(&o.pull, "pull", 5, "how many instances an operator restores while the others queue")
	set.DurationVar(&o.limit, "limit", 8*time.Minute, "when to give up")
	set.BoolVar(&o.keep, "keep", false, "leave the temporary directory")
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("the run takes longer than %v", o.limit))
	defer cancel()
	dir, err := os.MkdirTemp("", "shbench")
	if err != nil {
		return err
	}
	if !o.keep {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if o.profile != "" {
		if err := os.Setenv("PROFILE_DIR", o.profile); err != nil {
			return err
		}
	}
	return (&scenario{options: o, dir: dir}).run(ctx)
}

// scenario is one run.
type scenario struct {
	options

	dir string
	air *air
}

// figures are what is measured of one process.
type figures struct {
	name      string
	none      usage // without a connection
	up        usage // at the end of the idle time
	cpu       time.Duration
	idle      time.Duration
	ready     time.Duration
	connected time.Duration // from the beginning until all were up
	recovered time.Duration // from the sandbox's return until all were up again
	dials     dialCount     // until all were up
	redials   dialCount     // from the sandbox's return on
	spent     time.Duration // CPU until all were up
	respent   time.Duration // and from the loss until all were up again
	pulled    time.Duration // the longest restore by a command
	queue     int           // how many were not up when the first was asked for
}

func (s *scenario) run(ctx context.Context) (err error) {
	program, err := build(ctx, s.program, s.dir, s.profile != "")
	if err != nil {
		return err
	}
	state := filepath.Join(s.dir, "sandbox.db")
	s.say("enrolling %d companions", s.n)
	sessions, err := enrol(ctx, state, s.n)
	if err != nil {
		return err
	}
	if s.air, err = newAir(ctx, state); err != nil {
		return err
	}
	defer func() { s.air.stop() }()
	var all []figures
	if s.bare {
		file := filepath.Join(s.dir, "sessions.json")
		if err := writeSessions(file, sessions); err != nil {
			return err
		}
		f, err := s.measureBare(ctx, file)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	none, err := s.measureEmpty(ctx, program)
	if err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	s.say("writing the store")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := seed(ctx, data, sessions); err != nil {
		return err
	}
	f, err := s.measureDaemon(ctx, program, data, none)
	if err != nil {
		return err
	}
	s.table(append(all, f))
	return nil
}

func (s *scenario) measureBare(ctx context.Context, file string) (f figures, err error) {
	f.name = "whatsmeow alone"
	if err := s.air.start(ctx); err != nil {
		return f, err
	}
	defer s.air.stop()
	p, up, err := startBare(ctx, file, s.air)
	defer p.stop()
	if err != nil {
		return f, err
	}
	if f.none, err = p.usage(); err != nil {
		return f, err
	}
	began := time.Now()
	if _, err := fmt.Fprintln(p.stdin); err != nil {
		return f, err
	}
	return f, s.follow(ctx, &f, p, up, began, nil)
}

// measureEmpty is the daemon with nothing to do.
func (s *scenario) measureEmpty(ctx context.Context, program string) (u usage, err error) {
	dir := filepath.Join(s.dir, "empty")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return u, err
	}
	d, err := startDaemon(ctx, program, dir, s.budget, s.air.url())
	if err != nil {
		return u, err
	}
	defer d.p.stop()
	if err := rest(ctx, time.Second); err != nil {
		return u, err
	}
	return d.p.usage()
}

func (s *scenario) measureDaemon(ctx context.Context, program, data string, none usage) (f figures, err error) {
	f.name, f.none = "switchhook", none
	if err := s.air.start(ctx); err != nil {
		return f, err
	}
	defer func() { s.air.stop() }()
	d, err := startDaemon(ctx, program, data, s.budget, s.air.url())
	if err != nil {
		return f, err
	}
	defer d.p.stop()
	f.ready = d.ready
	pull := func(ctx context.Context) error { return s.restoreSome(ctx, d, &f) }
	if err := s.follow(ctx, &f, d.p, d.up, d.began, pull); err != nil {
		return f, err
	}
	return f, s.verify(ctx, d)
}

// follow takes a process through the scenario. early is done while the
// connections are still coming up.
func (s *scenario) follow(ctx context.Context, f *figures, p *process, up *tally, began time.Time, early func(context.Context) error) error {
	everything := func(up int) bool { return up >= s.n }
	s.say("%s: connecting", f.name)
	s.capture(p, syscall.SIGUSR2)
	if early != nil {
		if err := early(ctx); err != nil {
			return err
		}
	}
	at, err := up.reach(ctx, p, "all connections", everything)
	if err != nil {
		return err
	}
	f.connected = at.Sub(began)
	u, err := p.usage()
	if err != nil {
		return err
	}
	f.spent = u.cpu
	c, err := s.air.count(ctx)
	if err != nil {
		return err
	}
	f.dials = c.dialCount
	s.say("%s: all connected after %v; idle for %v", f.name, f.connected.Round(time.Millisecond), s.idle)
	if err := s.leaveAlone(ctx, f, p); err != nil {
		return err
	}
	s.say("%s: the sandbox stops for %v", f.name, s.outage)
	s.air.stop()
	if _, err := up.reach(ctx, p, "the loss", func(up int) bool { return up <= 0 }); err != nil {
		return err
	}
	if err := rest(ctx, s.outage); err != nil {
		return err
	}
	if err := s.air.start(ctx); err != nil {
		return err
	}
	began = time.Now()
	s.capture(p, syscall.SIGUSR2)
	if at, err = up.reach(ctx, p, "the recovery", everything); err != nil {
		return err
	}
	f.recovered = at.Sub(began)
	if u, err = p.usage(); err != nil {
		return err
	}
	f.respent = u.cpu - f.up.cpu
	s.say("%s: all recovered after %v", f.name, f.recovered.Round(time.Millisecond))
	if c, err = s.air.count(ctx); err != nil {
		return err
	}
	f.redials = c.dialCount
	if c.Connected != s.n {
		return fmt.Errorf("%s says that all are connected, the sandbox has %d", f.name, c.Connected)
	}
	return nil
}

// leaveAlone measures what idle connections cost.
func (s *scenario) leaveAlone(ctx context.Context, f *figures, p *process) error {
	// What connecting has left behind is not idling.
	if err := rest(ctx, s.idle/6); err != nil {
		return err
	}
	before, err := p.usage()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := rest(ctx, s.idle); err != nil {
		return err
	}
	if f.up, err = p.usage(); err != nil {
		return err
	}
	f.idle, f.cpu = time.Since(began), f.up.cpu-before.cpu
	if s.profile != "" {
		s.capture(p, syscall.SIGUSR1)
		return rest(ctx, 5*time.Second) // a profile of what comes next is no use
	}
	return nil
}

// restoreSome is an operator in a hurry: commands that dial while the others
// wait for their turn.
func (s *scenario) restoreSome(ctx context.Context, d *under, f *figures) error {
	if _, err := d.up.reach(ctx, d.p, "the first connection", func(up int) bool { return up > 0 }); err != nil {
		return err
	}
	all, err := d.admin.List(ctx)
	if err != nil {
		return err
	}
	asked := 0
	for _, e := range all {
		if e.State == fsm.Authenticated {
			continue
		}
		f.queue++
	}
	for i := len(all) - 1; i >= 0 && asked < s.pull; i-- {
		if all[i].State != fsm.AuthenticatedClosed {
			continue
		}
		asked++
		began := time.Now()
		e, err := d.admin.Restore(ctx, all[i].Name)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if e.State != fsm.Authenticated {
			return fmt.Errorf("a restored connection is in state %d", e.State)
		}
		f.pulled = max(f.pulled, time.Since(began))
	}
	return nil
}

// verify asks the daemon itself at the end.
func (s *scenario) verify(ctx context.Context, d *under) error {
	all, err := d.admin.List(ctx)
	if err != nil {
		return err
	}
	up := 0
	for _, e := range all {
		if e.State == fsm.Authenticated {
			up++
		}
	}
	if up != s.n {
		return fmt.Errorf("the daemon has %d of %d connections in state 10", up, s.n)
	}
	return nil
}

// capture asks the program for a profile, if one is wanted.
func (s *scenario) capture(p *process, what os.Signal) {
	if s.profile != "" && p.name == daemonName {
		_ = p.cmd.Process.Signal(what) // a profile less is no failure
	}
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *scenario) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
