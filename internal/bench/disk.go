package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What a commit asks of the disk at least: a page, written where one was, synced.
const (
	commitPage  = 4 << 10
	diskPages   = 256
	diskCommits = 1000
)

// measureDisk makes what a commit is made of, by the clock, with nothing around it: no
// event can be received sooner.
func (r *relay) measureDisk(ctx context.Context, rate float64) (quantiles, error) {
	f, err := os.Create(filepath.Join(r.dir, "disk"))
	if err != nil {
		return quantiles{}, err
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }() // it held nothing
	page := make([]byte, commitPage)
	if _, err := f.Write(make([]byte, diskPages*commitPage)); err != nil {
		return quantiles{}, fmt.Errorf("measure the disk: %w", err)
	}
	if err := f.Sync(); err != nil {
		return quantiles{}, fmt.Errorf("measure the disk: %w", err)
	}
	var took spans
	begin := time.Now()
	for i := range diskCommits {
		if ctx.Err() != nil {
			return quantiles{}, context.Cause(ctx)
		}
		for due := begin.Add(time.Duration(float64(i) / rate * float64(time.Second))); time.Until(due) > 0; {
			nap(time.Until(due))
		}
		began := time.Now()
		if _, err := f.WriteAt(page, int64(i%diskPages)*commitPage); err != nil {
			return quantiles{}, fmt.Errorf("measure the disk: %w", err)
		}
		if err := syncData(f); err != nil {
			return quantiles{}, fmt.Errorf("measure the disk: %w", err)
		}
		took.note(time.Since(began))
	}
	return took.short(), nil
}
