package store

import (
	"context"
	"time"
)

// pruneBatch bounds what one transaction of Prune deletes, so that commits
// beside it wait little.
const pruneBatch = 1000

// Prune drops the oldest events: those committed before a time, of which
// passed says that every reader is behind them. passed answers, for a stream,
// the seq up to which nobody needs it any more; it is asked once for each
// stream. Prune answers how many events went. Order within a stream is kept: an
// event that must stay keeps all that follow it.
func (s *Store) Prune(ctx context.Context, before time.Time, passed func(stream string) uint64) (int, error) {
	total, after := 0, uint64(0)
	limits := make(map[string]uint64)
	for {
		oldest, err := s.oldest(after, before)
		if err != nil {
			return total, err
		}
		c := s.Change()
		for _, e := range oldest {
			limit, ok := limits[e.stream]
			if !ok {
				limit = passed(e.stream)
				limits[e.stream] = limit
			}
			if e.seq <= limit {
				c.drop(e)
			}
			after = e.pos
		}
		if _, err := s.Commit(ctx, c); err != nil {
			return total, err
		}
		total += len(c.ops)
		if len(oldest) < pruneBatch || ctx.Err() != nil {
			return total, ctx.Err()
		}
	}
}

// PruneOver drops the oldest events of all streams until the log takes no more
// than so many bytes ([Store.LogSize]), and answers how many went. It asks nobody:
// a reader that has not come so far finds its stream to begin later. As the log is
// read in order, what was not read yet goes last. Many small transactions do it,
// beside everybody else's; with nothing to do it costs nothing.
func (s *Store) PruneOver(ctx context.Context, most int64) (n int, err error) {
	for after := uint64(0); ; {
		over := s.LogSize() - most
		if over <= 0 {
			return n, ctx.Err()
		}
		c, last, err := s.oldestBytes(after, over)
		if after = last; err != nil || c.empty() {
			return n, err
		}
		if _, err := s.Commit(ctx, c); err != nil {
			return n, err
		}
		n += len(c.ops)
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
	}
}

// oldestBytes makes a change that drops the oldest entries behind a position, until they
// are so many bytes or one transaction's worth, and answers the position of the last.
func (s *Store) oldestBytes(after uint64, bytes int64) (c *Change, last uint64, err error) {
	c, last = s.Change(), after
	err = s.view(func(r *reader) error {
		cur := r.cursor(bucketLog)
		for k, v := cur.Seek(position(after + 1)); k != nil && bytes > 0 && len(c.ops) < pruneBatch; k, v = cur.Next() {
			h, _, err := parseHeader(v)
			if err != nil {
				return &CorruptError{s.path, err}
			}
			last = keyPosition(k)
			c.drop(entry{last, h.stream, h.seq})
			bytes -= entrySize(v)
		}
		return nil
	})
	return c, last, err
}

// entry is an event by what the log's keys and headers say of it.
type entry struct {
	pos    uint64
	stream string
	seq    uint64
}

// oldest answers the next entries behind a position that were committed before
// a time.
func (s *Store) oldest(after uint64, before time.Time) (out []entry, err error) {
	err = s.view(func(r *reader) error {
		cur := r.cursor(bucketLog)
		for k, v := cur.Seek(position(after + 1)); k != nil && len(out) < pruneBatch; k, v = cur.Next() {
			h, _, err := parseHeader(v)
			if err != nil {
				return &CorruptError{s.path, err}
			}
			if !h.at.Before(before) {
				return nil
			}
			out = append(out, entry{keyPosition(k), h.stream, h.seq})
		}
		return nil
	})
	return out, err
}

// EraseStream drops every event of a stream from the log. Its head stays, so
// that no id is used twice.
func (s *Store) EraseStream(ctx context.Context, stream string) error {
	for {
		c := s.Change()
		for _, e := range s.idx.oldest(stream, pruneBatch) {
			c.drop(e)
		}
		if c.empty() {
			return nil
		}
		if _, err := s.Commit(ctx, c); err != nil {
			return err
		}
	}
}

// drop deletes an event from the log; those of its stream before it are gone
// already or go with it.
func (c *Change) drop(e entry) {
	if c.trims == nil {
		c.trims = make(map[string]uint64)
	}
	c.trims[e.stream] = e.seq
	c.delete(bucketLog, position(e.pos))
}
