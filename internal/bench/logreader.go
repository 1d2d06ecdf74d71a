package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// logReader reads a daemon's log from where it stood.
type logReader struct {
	d     *under
	file  string   // the store's
	heads []uint64 // by instance
}

// instanceName is what seed has called an instance.
func instanceName(n int) string { return "bench" + strconv.Itoa(n) }

// readLog notes where the log of each instance ends now.
func (t *torrent) readLog(ctx context.Context, d *under, data string) (*logReader, error) {
	r := &logReader{d: d, file: filepath.Join(data, "switchhook.db"), heads: make([]uint64, t.n)}
	all, err := d.admin.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		digits, ours := strings.CutPrefix(all[i].Name, "bench")
		n, err := strconv.Atoi(digits)
		if !ours || err != nil || n >= t.n {
			return nil, fmt.Errorf("the daemon has an instance %s", all[i].Name)
		}
		r.heads[n] = all[i].Seq
	}
	return r, nil
}

// compare holds the log against what was acknowledged: each such text is in it,
// in its instance's stream, exactly once, and no other.
func (r *logReader) compare(ctx context.Context, f *flow) error {
	if err := f.whole(); err != nil {
		return err
	}
	acknowledged := make([]map[string]bool, len(r.heads))
	for i := range acknowledged {
		acknowledged[i] = make(map[string]bool)
	}
	for i := range f.mail {
		n, err := strconv.Atoi(f.mail[i].To)
		if err != nil || n < firstPhone || n >= firstPhone+len(r.heads) {
			return fmt.Errorf("a text went to %s", f.mail[i].To)
		}
		acknowledged[n-firstPhone][f.mail[i].ID] = true
	}
	counts := make([]int, len(r.heads))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, want := range acknowledged {
		g.Go(func() (err error) {
			counts[i], err = r.compareOne(ctx, i, want)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, n := range counts {
		f.logged += n
	}
	return nil
}

func (r *logReader) compareOne(ctx context.Context, i int, want map[string]bool) (n int, err error) {
	after := r.heads[i]
	seen := make(map[string]bool, len(want))
	for {
		events, err := r.d.admin.Events(ctx, instanceName(i), client.Look{After: after, Limit: api.MaxEvents})
		if err != nil {
			return 0, err
		}
		if len(events) == 0 {
			break
		}
		for j := range events {
			e := &events[j]
			if e.Seq != after+1 {
				return 0, fmt.Errorf("the log of %s goes from %d to %d", instanceName(i), after, e.Seq)
			}
			after = e.Seq
			if e.Type != record.MessageText {
				continue
			}
			id := e.Data.Message.ID
			if !want[id] || seen[id] {
				return 0, fmt.Errorf("the log of %s has a text twice, or one that nobody was told of", instanceName(i))
			}
			seen[id] = true
		}
	}
	if len(seen) != len(want) {
		return 0, fmt.Errorf("%s was written %d texts that it has acknowledged, and %d are in its log", instanceName(i), len(want), len(seen))
	}
	return len(seen), nil
}

// transactions is the number of the last one that a store's journal holds, whose process
// writes it meanwhile. Each of its two files begins with a page: magic "switchhk", the
// version of 4 bytes, a salt of 16, the number of its first entry of 8. Entries begin at
// pages: their number of 8 bytes, the length of 4, a sum of 4, and so many bytes.
func transactions(file string) (latest uint64, err error) {
	const (
		page    = 4096
		magic   = "switchhk"
		firstAt = len(magic) + 4 + 16
		head    = 8 + 4 + 4
	)
	for _, name := range []string{file + ".journal1", file + ".journal2"} {
		image, err := os.ReadFile(name)
		if err != nil {
			return 0, fmt.Errorf("count transactions: %w", err)
		}
		if len(image) < page || !bytes.HasPrefix(image, []byte(magic)) {
			continue // not begun
		}
		next := binary.BigEndian.Uint64(image[firstAt:])
		for at := page; at+head <= len(image) && binary.BigEndian.Uint64(image[at:]) == next; next++ {
			latest = max(latest, next)
			length := int(binary.BigEndian.Uint32(image[at+8:]))
			at += (head + length + page - 1) / page * page
		}
	}
	if latest == 0 {
		return 0, fmt.Errorf("%s has no journal that was begun", file)
	}
	return latest, nil
}
