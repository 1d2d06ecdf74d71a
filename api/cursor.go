package api

import (
	"sort"
	"strconv"

	"github.com/switchhook/switchhook/record"
)

// cursor says how far a receiver has come: the seq of the last event it has or,
// better, its id. The zero value is before the first event.
type cursor struct {
	seq    uint64
	stream string // of an id; empty: only the seq is known
	epoch  uint32
}

func parseCursor(s string) (cursor, error) {
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return cursor{seq: n}, nil
	}
	stream, epoch, seq, err := record.ParseID(s)
	if err != nil {
		return cursor{}, invalid("after", "must be the number or the id of an event")
	}
	return cursor{seq, stream, epoch}, nil
}

// locate answers the seq after which a receiver goes on. After a backup was
// restored the log holds other events under the numbers it has seen: by an id
// that is noticed, and it goes on with the first event of the later epoch.
func (a *API) locate(c *call, at cursor) (uint64, error) {
	if at.stream == "" {
		return at.seq, nil
	}
	if at.stream != c.entry.ID {
		return 0, invalid("after", "is the id of an event of another stream")
	}
	head := a.cfg.Instances.Head(c.entry.ID)
	later := func(seq uint64) (first uint64, yes bool, err error) {
		found, err := a.cfg.Instances.Events(c.Context(), c.entry.ID, seq-1, 1)
		if err != nil || len(found) == 0 {
			return 0, err == nil, err
		}
		return found[0].Seq, found[0].Epoch > at.epoch, nil
	}
	if at.seq <= head { // as usual: the log holds that very event, or has pruned it
		first, yes, err := later(max(at.seq, 1))
		if err != nil || !yes || first > at.seq {
			return at.seq, err
		}
	}
	var failed error
	n := sort.Search(int(min(at.seq, head)), func(i int) bool {
		_, yes, err := later(uint64(i) + 1)
		if err != nil {
			failed = err
		}
		return yes
	})
	return uint64(n), failed
}
