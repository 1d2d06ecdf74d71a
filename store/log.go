package store

import (
	"fmt"
	"sort"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Head is the seq of the stream's last event, 0 if it never had one.
func (s *Store) Head(stream string) uint64 {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	return s.idx.heads[stream].seq
}

// LogSize is how many bytes the events of the log take in the file, free room
// within pages left out.
func (s *Store) LogSize() int64 {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	return s.idx.size
}

// Streams lists every stream that has events in the log, in no order. It answers
// from memory.
func (s *Store) Streams() []string {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	out := make([]string, 0, len(s.idx.streams))
	for name := range s.idx.streams {
		out = append(out, name)
	}
	return out
}

// Events answers up to limit events of a stream with a seq above after, in order
// and without a gap. It begins later than after+1 only where the log was
// pruned. What the events point to is shared with other readers and must not be
// changed.
func (s *Store) Events(stream string, after uint64, limit int) ([]record.Event, error) {
	events, positions := s.idx.recentOf(stream, after, limit)
	if len(positions) == 0 {
		return events, nil
	}
	out := make([]record.Event, 0, len(positions))
	err := s.view(func(r *reader) error {
		for _, p := range positions {
			v := r.get(bucketLog, position(p))
			if v == nil {
				continue // pruned meanwhile
			}
			e, err := s.decodeEvent(v)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", stream, err)
	}
	return out, nil
}

// Next answers up to limit events of all streams that stand behind a position, in
// the order they were committed, and the position of the last of them. Zero is
// before the first. What the events point to is shared, as with [Store.Events].
func (s *Store) Next(after uint64, limit int) (events []record.Event, last uint64, err error) {
	events, last, end := s.idx.recentAfter(after, limit)
	if end || len(events) > 0 {
		return events, last, nil
	}
	err = s.view(func(r *reader) error {
		cur := r.cursor(bucketLog)
		for k, v := cur.Seek(position(after + 1)); k != nil && len(events) < limit; k, v = cur.Next() {
			e, err := s.decodeEvent(v)
			if err != nil {
				return err
			}
			events = append(events, e)
			last = keyPosition(k)
		}
		return nil
	})
	if err != nil {
		return nil, after, fmt.Errorf("read the log: %w", err)
	}
	return events, last, nil
}

// Locate answers the position of an event, if the log holds it: the very one,
// not that of another epoch with the same seq.
func (s *Store) Locate(stream string, epoch uint32, seq uint64) (pos uint64, ok bool) {
	if seq == 0 {
		return 0, false
	}
	positions := s.idx.after(stream, seq-1, 1)
	if len(positions) == 0 {
		return 0, false
	}
	err := s.view(func(r *reader) error {
		h, _, err := parseHeader(r.get(bucketLog, position(positions[0])))
		if err == nil && h.epoch == epoch && h.seq == seq {
			pos = positions[0]
		}
		return nil
	})
	return pos, pos > 0 && err == nil
}

// SeqAt answers how far a reader of the whole log that stands at a position has
// come with the stream: to the seq of the stream's last event there or before.
// What has left the log counts as read.
func (s *Store) SeqAt(stream string, pos uint64) uint64 {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	l := s.idx.streams[stream]
	if l == nil {
		return s.idx.heads[stream].seq
	}
	n := sort.Search(len(l.pos), func(i int) bool { return l.pos[i] > pos })
	return l.first + uint64(n) - 1
}

// SeqAtTime answers the seq of the stream's last event before a time. What has
// left the log was before it, whatever the time.
func (s *Store) SeqAtTime(stream string, at time.Time) (seq uint64, err error) {
	s.idx.mu.RLock()
	low, high := s.idx.heads[stream].seq, s.idx.heads[stream].seq
	if l := s.idx.streams[stream]; l != nil {
		low = l.first - 1
	}
	s.idx.mu.RUnlock()
	err = s.view(func(r *reader) error {
		for low < high { // low is before the time, what follows high is not
			middle := low + (high-low+1)/2
			var v []byte
			if positions := s.idx.after(stream, middle-1, 1); len(positions) > 0 {
				v = r.get(bucketLog, position(positions[0]))
			}
			if v == nil { // pruned meanwhile, and all before it
				low = middle
				continue
			}
			h, _, err := parseHeader(v)
			switch {
			case err != nil:
				return &CorruptError{s.path, err}
			case h.seq > middle: // pruned meanwhile up to there
				low = min(h.seq-1, high)
			case h.at.Before(at):
				low = middle
			default:
				high = middle - 1
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("look for a time in %s: %w", stream, err)
	}
	return low, nil
}

// Last is the position of the newest event.
func (s *Store) Last() uint64 {
	s.idx.mu.RLock()
	defer s.idx.mu.RUnlock()
	return s.idx.last
}

// LogID names this log for as long as it lives: a new file has a new one.
func (s *Store) LogID() string { return s.meta(keyLogID) }

// meta answers a value of the bucket meta, empty without one or when the store is closed.
func (s *Store) meta(key []byte) string {
	var value string
	_ = s.view(func(r *reader) error {
		value = string(r.get(bucketMeta, key))
		return nil
	})
	return value
}
