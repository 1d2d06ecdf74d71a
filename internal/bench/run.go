package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// beginRun bounds a run and makes it a directory of its own. done ends it, and
// removes the directory unless it is to be kept.
func beginRun(ctx context.Context, limit time.Duration, keep bool) (_ context.Context, dir string, done func(), err error) {
	if dir, err = os.MkdirTemp("", "shbench"); err != nil {
		return nil, "", nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the run takes longer than %v", limit))
	return ctx, dir, func() {
		cancel()
		if !keep {
			_ = os.RemoveAll(dir)
		}
	}, nil
}
