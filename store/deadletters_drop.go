package store

import (
	"bytes"
	"context"
	"time"

	"github.com/switchhook/switchhook/record"
)

// DropDeadLetters removes the dead letters that lie wholly between two seqs, these
// included: those of an endpoint, of a stream, of both, or of all where they are
// empty. It answers how many went, in many small transactions.
func (s *Store) DropDeadLetters(ctx context.Context, endpoint, stream string, from, to uint64) (n int, err error) {
	between := func(d *record.DeadLetter) bool { return d.From >= from && d.To <= to }
	for place, more := (DeadPlace{}), true; more; {
		var went int
		went, place, more, err = s.dropSome(ctx, endpoint, stream, place, between)
		if n += went; err != nil {
			return n, err
		}
	}
	return n, nil
}

// PruneDeadLetters removes the dead letters that were given up before a time and
// whose events the log does not hold any more: nothing can be done about them. It
// looks at some thousand behind a place in one transaction, and answers how many
// went and the place to go on behind, which after the last is the zero value.
func (s *Store) PruneDeadLetters(ctx context.Context, before time.Time, after DeadPlace) (n int, next DeadPlace, err error) {
	n, next, more, err := s.dropSome(ctx, "", "", after, func(d *record.DeadLetter) bool {
		first, ok := s.first(d.Stream)
		return d.At.Before(before) && (!ok || d.To < first)
	})
	if !more {
		next = DeadPlace{}
	}
	return n, next, err
}

// dropSome removes of the next dead letters behind a place those that shall go. A
// letter that is written anew meanwhile stays.
func (s *Store) dropSome(ctx context.Context, endpoint, stream string, after DeadPlace, goes func(*record.DeadLetter) bool) (n int, last DeadPlace, more bool, err error) {
	c := s.Change()
	last = after
	seen := 0
	err = s.view(func(r *reader) error {
		return eachDead(r, endpoint, stream, after.key(), func(k, v []byte) (bool, error) {
			var d record.DeadLetter
			if err := s.decode(bucketDead, k, v, &d); err != nil {
				return false, err
			}
			last = PlaceOf(d)
			if goes(&d) {
				key, was := bytes.Clone(k), bytes.Clone(v)
				c.ops = append(c.ops, op{bucket: bucketDead, key: key, only: func(r *reader) bool {
					return bytes.Equal(r.get(bucketDead, key), was)
				}})
			}
			seen++
			return seen < pruneBatch, nil
		})
	})
	if err == nil {
		_, err = s.Commit(ctx, c)
	}
	if err != nil {
		return 0, after, false, err
	}
	return len(c.ops), last, seen == pruneBatch, nil
}

// first is the seq of the first event of a stream that the log holds, if it holds
// one.
func (s *Store) first(stream string) (seq uint64, ok bool) {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	l := s.idx.streams[stream]
	if l == nil {
		return 0, false
	}
	return l.first, true
}
