package daemon

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// The wait before a failed instance is started again, doubled each time.
const (
	restartAtLeast = time.Second
	restartAtMost  = time.Minute
)

// Run runs every instance until ctx ends and each has recorded that it stopped.
// It returns nil.
func (f *fleet) Run(ctx context.Context) error {
	f.mu.Lock()
	f.running = ctx
	for _, m := range f.members {
		if m.rec.DeletedAt.IsZero() {
			f.supervise(m)
		}
	}
	f.mu.Unlock()
	f.keepProviding(ctx)
	close(f.up)
	f.tenants.applyDue(ctx)
	f.mu.Lock()
	f.running = nil // Add starts nothing any more
	f.mu.Unlock()
	f.group.Wait()
	return nil
}

// started reports whether the fleet runs.
func (f *fleet) started() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.running != nil
}

// supervise runs one member, again and again if it fails. f.mu is held.
func (f *fleet) supervise(m *member) {
	ctx := f.running
	f.group.Go(func() {
		cause := fsm.CauseRestart
		wait := restartAtLeast
		for {
			began := time.Now()
			err := runOnce(ctx, m.live.Load(), cause)
			if ctx.Err() != nil || !m.live.Load().Status().Record.DeletedAt.IsZero() {
				if err != nil {
					f.log.Error("instance could not record its stop", "instance", m.id, "err", err)
				}
				return
			}
			if time.Since(began) > restartAtMost {
				wait = restartAtLeast
			}
			f.log.Error("instance failed and is started again", "instance", m.id, "err", err, "wait", wait)
			if !sleep(ctx, wait/2+rand.N(wait)) { //nolint:gosec // jitter is no secret
				return
			}
			wait = min(2*wait, restartAtMost)
			cause = fsm.CauseInternalError
			if !f.rebuild(ctx, m) {
				return
			}
		}
	})
}

// rebuild replaces a failed instance by one made from what the store holds. It
// answers false when ctx ended first: a failed instance is never run again.
func (f *fleet) rebuild(ctx context.Context, m *member) bool {
	for {
		inst, err := f.reread(m)
		if err == nil {
			m.live.Store(inst)
			return true
		}
		f.log.Error("instance cannot be read from the store", "instance", m.id, "err", err)
		if !sleep(ctx, restartAtMost) {
			return false
		}
	}
}

func (f *fleet) reread(m *member) (*instance.Instance, error) {
	records, err := f.store.Instances()
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		if rec.ID == m.id {
			m.rec = rec
			return f.build(m)
		}
	}
	return nil, instance.ErrNotFound
}

// runOnce runs an instance and turns a panic into an error.
func runOnce(ctx context.Context, i *instance.Instance, cause fsm.Cause) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return i.Run(ctx, cause)
}

// sleep answers false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
