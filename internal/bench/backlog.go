package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// settle is enough for what a wave has left behind to be given back.
const settle = 35 * time.Second

// measureBacklogs lets events wait for a dead endpoint: those of many instances,
// and those of one.
func (r *relay) measureBacklogs(ctx context.Context) error {
	for _, lanes := range r.lanes {
		if err := r.measureBacklog(ctx, lanes); err != nil {
			return err
		}
	}
	return nil
}

func (r *relay) measureBacklog(ctx context.Context, lanes int) error {
	good := min(100, r.n)
	rcv, addrs, err := r.receiver(ctx, good)
	if err != nil {
		return err
	}
	defer rcv.dismiss()
	dead, err := vacant(ctx, good+1)
	if err != nil {
		return err
	}
	p := &plan{NATS: true, Profile: r.profile, Instances: r.n + lanes, Endpoints: append(
		r.spread("ok", addrs, 0, r.n), r.spread("dead", []string{dead}, r.n, r.n+lanes)...)}
	f := backlogFact{lanes: lanes}
	eng, _, err := r.engine(ctx, p)
	if err != nil {
		return err
	}
	defer func() { eng.dismiss() }()
	if err := r.remember(ctx, eng, rcv, &f.before, &f.agesBefore); err != nil {
		return err
	}
	eng.dismiss() // a start with an empty log, to compare with
	if eng, f.readyBefore, err = r.engine(ctx, p); err != nil {
		return err
	}
	order := engineOrder{Do: "fill", First: r.n, Behind: r.n + lanes, Events: r.million}
	if err := eng.ask(ctx, order, nil); err != nil {
		return err
	}
	if err := r.remember(ctx, eng, rcv, &f.after, &f.agesAfter); err != nil {
		return err
	}
	eng.dismiss()
	if eng, f.ready, err = r.engine(ctx, p); err != nil {
		return err
	}
	if err := r.remember(ctx, eng, rcv, &f.restarted, &f.agesRestarted); err != nil {
		return err
	}
	if err := r.drain(ctx, eng, dead, good, &f); err != nil {
		return err
	}
	r.facts.backlogs = append(r.facts.backlogs, f)
	sayf("%d events of %d lanes waiting: resident %s, %s with them, %s after a restart; ready after %v (before %v); others p50 %v p99 %v, before %v %v; drained %.0f/s",
		r.million, lanes, megabytes(f.before.anon), megabytes(f.after.anon), megabytes(f.restarted.anon), f.ready, f.readyBefore,
		f.agesAfter.ages.P50, f.agesAfter.ages.P99, f.agesBefore.ages.P50, f.agesBefore.ages.P99, f.drained)
	return nil
}

// remember measures the others' ages, and the memory once all is quiet.
func (r *relay) remember(ctx context.Context, eng, rcv *servant, u *usage, a *ageFact) (err error) {
	if *a, err = r.age(ctx, eng, rcv, badRate, 0, r.n); err != nil {
		return err
	}
	if err := rest(ctx, r.settle); err != nil {
		return err
	}
	*u, err = eng.p.usage()
	return err
}

// drain starts the dead endpoint's receiver and waits until it has everything.
func (r *relay) drain(ctx context.Context, eng *servant, dead string, good int, f *backlogFact) error {
	_, port, err := net.SplitHostPort(dead)
	if err != nil {
		return err
	}
	back, _, err := r.receiver(ctx, 1, "-first", strconv.Itoa(good+1), "-port", port)
	if err != nil {
		return err
	}
	defer back.dismiss()
	// An operator who has mended it says so; by itself the breaker would probe it
	// some time later.
	if err := eng.ask(ctx, engineOrder{Do: "retry"}, nil); err != nil {
		return err
	}
	var began time.Time
	var first int64
	for {
		var got map[string]received
		if err := back.ask(ctx, receiverOrder{Do: "report"}, &got); err != nil {
			return err
		}
		n := got["dead"].Events - got["dead"].Again
		switch {
		case began.IsZero() && n > 0:
			began, first = time.Now(), n
		case n >= int64(r.million):
			f.drained = float64(n-first) / time.Since(began).Seconds()
			sayf("drained %d in %v", n-first, time.Since(began).Round(time.Millisecond))
			f.again = got["dead"].Again
			return eng.ask(ctx, engineOrder{Do: "drain"}, nil)
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// vacant is an address that nobody listens on.
func vacant(ctx context.Context, n int) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(loopback(n), "0"))
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
