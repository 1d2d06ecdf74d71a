package daemon

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// group runs rooms and stops them by name.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	g      *errgroup.Group
}

func newGroup(parent context.Context) *group {
	ctx, cancel := context.WithCancel(parent)
	g, ctx := errgroup.WithContext(ctx)
	return &group{ctx, cancel, g}
}

func (g *group) run(name string, fn func(context.Context) error) {
	g.g.Go(func() error {
		if err := fn(g.ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

func (g *group) stop() error {
	g.cancel()
	return g.g.Wait()
}
