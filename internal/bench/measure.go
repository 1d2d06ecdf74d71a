package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func (s *scenario) measureBare(ctx context.Context, file string) (f figures, err error) {
	f.name = "whatsmeow alone"
	if err := s.air.start(ctx); err != nil {
		return f, err
	}
	defer s.air.stop()
	l, err := startBare(ctx, file, s.air)
	defer l.p.stop()
	if err != nil {
		return f, err
	}
	if f.none, err = l.p.usage(); err != nil {
		return f, err
	}
	began := time.Now()
	if _, err := fmt.Fprintln(l.p.stdin); err != nil {
		return f, err
	}
	err = s.follow(ctx, &f, l.p, l.up, began, nil)
	return f, err
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
	err = s.verify(ctx, d)
	return f, err
}

// follow takes a process through the scenario. early is done while the
// connections are still coming up.
func (s *scenario) follow(ctx context.Context, f *figures, p *process, up *tally, began time.Time, early func(context.Context) error) error {
	sayf("%s: connecting", f.name)
	s.capture(p, syscall.SIGUSR2)
	if early != nil {
		if err := early(ctx); err != nil {
			return err
		}
	}
	at, err := up.reach(ctx, p, "all connections", func(up int) bool { return up >= s.n })
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
	sayf("%s: all connected after %v; idle for %v", f.name, f.connected.Round(time.Millisecond), s.idle)
	if err := s.leaveAlone(ctx, f, p); err != nil {
		return err
	}
	return s.interrupt(ctx, f, p, up)
}

// barePatience bounds the wait for the library's own reconnects, which give up
// in silence now and then: that is no failure of ours.
const barePatience = time.Minute

// interrupt stops the sandbox for a while and waits until all are back.
func (s *scenario) interrupt(ctx context.Context, f *figures, p *process, up *tally) error {
	sayf("%s: the sandbox stops for %v", f.name, s.outage)
	s.air.stop()
	stopped := time.Now()
	if _, err := up.reach(ctx, p, "the loss", func(up int) bool { return up <= 0 }); err != nil {
		return err
	}
	if err := rest(ctx, s.outage-time.Since(stopped)); err != nil {
		return err
	}
	if err := s.air.start(ctx); err != nil {
		return err
	}
	began := time.Now()
	s.capture(p, syscall.SIGUSR2)
	patient := ctx
	if p.name == bareName {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeout(ctx, barePatience)
		defer cancel()
	}
	at, err := up.reach(patient, p, "the recovery", func(up int) bool { return up >= s.n })
	switch {
	case err != nil && ctx.Err() == nil && patient.Err() != nil:
		sayf("%v", err)
		return nil
	case err != nil:
		return err
	}
	f.recovered = at.Sub(began)
	u, err := p.usage()
	if err != nil {
		return err
	}
	f.respent = u.cpu - f.up.cpu
	sayf("%s: all recovered after %v", f.name, f.recovered.Round(time.Millisecond))
	c, err := s.air.count(ctx)
	if err != nil {
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

func sayf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
