package main

import (
	"context"
	"time"
)

// The bad neighbours of 98 endpoints: one never answers and one fails, and each
// has so many instances, all of them with events waiting.
const (
	goodEndpoints = 98
	badInstances  = 100
	badRate       = 2000 // events a second for the others
)

// measureNeighbours keeps a pace for healthy endpoints, alone and beside one that
// hangs and one that fails.
func (r *relay) measureNeighbours(ctx context.Context) error {
	for range r.runs {
		for _, bad := range []bool{false, true} {
			if err := r.measureNeighbour(ctx, bad); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *relay) measureNeighbour(ctx context.Context, bad bool) error {
	good := min(goodEndpoints, r.n)
	rcv, addrs, err := r.receiver(ctx, good+2)
	if err != nil {
		return err
	}
	defer rcv.dismiss()
	p := &plan{NATS: true, Instances: r.n + 2*badInstances, Endpoints: r.spread("ok", addrs[:good], 0, r.n)}
	if bad {
		for i, as := range []string{"hang", "fail"} {
			if err := rcv.ask(ctx, receiverOrder{Do: "behave", Group: as, As: as}, nil); err != nil {
				return err
			}
			first := r.n + i*badInstances
			p.Endpoints = append(p.Endpoints, r.spread(as, addrs[good+i:good+i+1], first, first+badInstances)...)
		}
	}
	eng, _, err := r.engine(ctx, p)
	if err != nil {
		return err
	}
	defer eng.dismiss()
	if bad {
		order := engineOrder{Do: "fill", First: r.n, Behind: r.n + 2*badInstances, Events: 2 * r.waiting}
		if err := eng.ask(ctx, order, nil); err != nil {
			return err
		}
	}
	settleDisks()
	if err := rest(ctx, 2*time.Second); err != nil {
		return err
	}
	a, err := r.age(ctx, eng, rcv, badRate, 0, r.n)
	if err != nil {
		return err
	}
	r.facts.neighbours = append(r.facts.neighbours, neighbourFact{bad: bad, ageFact: a})
	sayf("bad neighbours %t: p50 %v p99 %v most %v (%d)", bad, a.ages.P50, a.ages.P99, a.ages.Most, a.ages.Count)
	return nil
}
