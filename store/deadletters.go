package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/record"
)

// MaxDeadLetters bounds the answer of [Store.DeadLettersOf].
const MaxDeadLetters = 10_000

// DeadLetters answers what was given up for an endpoint, oldest first within a
// stream.
func (s *Store) DeadLetters(endpoint string) ([]record.DeadLetter, error) {
	return list[record.DeadLetter](s, bucketDead, joinKey(endpoint, ""))
}

// DeadLettersOf answers what was given up for an endpoint, of a stream, of both,
// or all of it where they are empty; what was given up first comes first. Where
// there is more than [MaxDeadLetters], it is the first by endpoint, stream and
// seq: [Store.DeadLettersAfter] answers the others.
func (s *Store) DeadLettersOf(endpoint, stream string) ([]record.DeadLetter, error) {
	out, err := s.DeadLettersAfter(endpoint, stream, DeadPlace{}, MaxDeadLetters)
	slices.SortStableFunc(out, func(a, b record.DeadLetter) int { return a.At.Compare(b.At) })
	return out, err
}

// DeadPlace is the place of a dead letter among all of them, which are ordered by
// endpoint, stream, the seq of their first event and their replay. The zero value
// is before them all.
type DeadPlace struct {
	Endpoint, Stream string
	From             uint64
	Replay           string // empty: it was given up live
}

// PlaceOf is the place of a dead letter.
func PlaceOf(d record.DeadLetter) DeadPlace {
	return DeadPlace{d.Endpoint, d.Stream, d.From, d.Replay}
}

func (p DeadPlace) key() []byte {
	if p == (DeadPlace{}) {
		return nil
	}
	k := binary.BigEndian.AppendUint64(joinKey(p.Endpoint, p.Stream, ""), p.From)
	if p.Replay != "" {
		k = append(append(k, 0), p.Replay...)
	}
	return k
}

// DeadLettersAfter answers up to limit dead letters behind a place, in the order
// of their places: those of an endpoint, of a stream, of both, or all where they
// are empty.
func (s *Store) DeadLettersAfter(endpoint, stream string, after DeadPlace, limit int) (out []record.DeadLetter, err error) {
	err = s.view(func(r *reader) error {
		return eachDead(r, endpoint, stream, after.key(), func(k, v []byte) (bool, error) {
			if len(out) >= limit {
				return false, nil
			}
			var d record.DeadLetter
			if err := s.decode(bucketDead, k, v, &d); err != nil {
				return false, err
			}
			out = append(out, d)
			return true, nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bucketDead, err)
	}
	return out, nil
}

// eachDead calls do with the dead letters of an endpoint and a stream, both empty
// for all, that stand behind a key. It goes on for as long as do says so. Of other
// streams' it looks at one key for each endpoint.
func eachDead(r *reader, endpoint, stream string, after []byte, do func(k, v []byte) (more bool, err error)) error {
	var prefix []byte
	switch {
	case endpoint != "" && stream != "":
		prefix = joinKey(endpoint, stream, "")
	case endpoint != "":
		prefix = joinKey(endpoint, "")
	}
	begin := prefix
	if bytes.Compare(after, begin) > 0 {
		begin = after
	}
	cur := r.cursor(bucketDead)
	k, v := cur.Seek(begin)
	for k != nil && hasPrefix(k, prefix) {
		first, rest, _ := bytes.Cut(k, []byte{0})
		second, _, _ := bytes.Cut(rest, []byte{0})
		switch order := strings.Compare(string(second), stream); {
		case stream != "" && order < 0:
			k, v = cur.Seek(joinKey(string(first), stream, ""))
			continue
		case stream != "" && order > 0:
			k, v = cur.Seek(append(bytes.Clone(first), 1)) // behind all that begin with first and 0
			continue
		}
		if !bytes.Equal(k, after) {
			if more, err := do(k, v); err != nil || !more {
				return err
			}
		}
		k, v = cur.Next()
	}
	return nil
}

// PutDeadLetter stores a dead letter. The same endpoint, stream, From and replay
// is the same dead letter.
func (c *Change) PutDeadLetter(d record.DeadLetter) {
	names := []string{d.Endpoint, d.Stream}
	if d.Replay != "" {
		names = append(names, d.Replay)
	}
	c.key(names...) // notes a bad name
	c.putJSON(bucketDead, PlaceOf(d).key(), d)
}

// DeleteDeadLetters removes the dead letters of an endpoint and a stream that lie
// wholly between two seqs, these included.
func (c *Change) DeleteDeadLetters(endpoint, stream string, from, to uint64) {
	c.deleteDead(endpoint, stream, from, to, "")
}

// deleteDead is DeleteDeadLetters but for what a replay has given up.
func (c *Change) deleteDead(endpoint, stream string, from, to uint64, but string) {
	c.key(endpoint, stream) // notes a bad name
	first := DeadPlace{Endpoint: endpoint, Stream: stream, From: from}.key()
	prefix := first[:len(first)-8]
	c.deleteFound(bucketDead, func(cur *cursor) (keys [][]byte) {
		for k, v := cur.Seek(first); k != nil && hasPrefix(k, prefix); k, v = cur.Next() {
			if at, ok := fromOf(k, len(prefix)); ok && at > to {
				break
			}
			var d record.DeadLetter
			if err := decode(c.sealer, bucketDead, k, v, &d); err != nil {
				continue // one damaged record must not keep the rest from being written
			}
			if d.To <= to && (but == "" || d.Replay != but) {
				keys = append(keys, k)
			}
		}
		return keys
	})
}

// fromOf reads the first event out of a key, which it begins at a place of.
func fromOf(key []byte, at int) (from uint64, ok bool) {
	if len(key) < at+8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[at:]), true
}
