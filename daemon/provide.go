package daemon

import (
	"context"
	"errors"
	"time"
)

// provideAgain is how long to wait until what could not be stored is made again.
const provideAgain = time.Minute

// keepProviding gives what came later to the instances from before, until that is stored
// or ctx ends: ids of GREEN-API, and records of their tenants. It returns after the first
// time.
func (f *fleet) keepProviding(ctx context.Context) {
	try := func() bool {
		err := errors.Join(f.provideGreens(ctx), f.tenants.provide(ctx))
		if err != nil && ctx.Err() == nil {
			f.log.Warn("what the instances from before lack could not be stored; it is tried again", "err", err)
		}
		return err == nil
	}
	if try() {
		return
	}
	f.group.Go(func() {
		for sleep(ctx, provideAgain) {
			if try() {
				return
			}
		}
	})
}
