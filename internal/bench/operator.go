package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

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
		if _, err := d.admin.Restore(ctx, all[i].Name); err != nil && !errors.Is(err, instance.ErrNotReady) {
			return fmt.Errorf("restore: %w", err)
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
