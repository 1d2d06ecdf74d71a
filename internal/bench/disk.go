package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What a commit asks of the disk at least: the pages, synced, then the page that makes
// them count, synced.
const (
	commitPages = 16 << 10
	commitMeta  = 4 << 10
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
	page := make([]byte, commitPages)
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
		for _, write := range []struct {
			bytes []byte
			at    int64
		}{{page, commitMeta + int64(i%64)*commitPages}, {page[:commitMeta], 0}} {
			if _, err := f.WriteAt(write.bytes, write.at); err != nil {
				return quantiles{}, fmt.Errorf("measure the disk: %w", err)
			}
			if err := syncData(f); err != nil {
				return quantiles{}, fmt.Errorf("measure the disk: %w", err)
			}
		}
		took.note(time.Since(began))
	}
	return took.short(), nil
}
