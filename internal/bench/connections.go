package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"time"
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
	if runtime.GOOS != "linux" {
		return errors.New("processes are measured by /proc: only on Linux")
	}
	ctx, dir, done, err := beginRun(ctx, o.limit, o.keep)
	if err != nil {
		return err
	}
	defer done()
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
	sayf("enrolling %d companions", s.n)
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
	sayf("writing the store")
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
