package store

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/switchhook/switchhook/record"
)

// Lanes answers how far every lane has come, replays included.
func (s *Store) Lanes() ([]record.Lane, error) {
	return list[record.Lane](s, bucketLanes, nil)
}

// Lane answers how far the live events of a stream have come at an endpoint; false if
// that was never stored.
func (s *Store) Lane(endpoint, stream string) (l record.Lane, ok bool, err error) {
	key := joinKey(endpoint, stream)
	err = s.view(func(r *reader) error {
		v := r.get(bucketLanes, key)
		if v == nil {
			return nil
		}
		ok = true
		return s.decode(bucketLanes, key, v, &l)
	})
	if err != nil {
		return l, false, fmt.Errorf("read the lane of %s to %s: %w", stream, endpoint, err)
	}
	return l, ok, nil
}

// SaveLane stores how far the live events of a stream have come, whether there is an
// endpoint or not: of a stream that is fetched instead of sent.
func (s *Store) SaveLane(ctx context.Context, l record.Lane) error {
	c := s.Change()
	c.PutLane(l)
	_, err := s.Commit(ctx, c)
	return err
}

// SaveLanes stores how far lanes have come together with what they gave up, in
// one transaction: a replay that has ended may give up its last event with it.
// What belongs to an endpoint that is gone by then, or has lost its address, is
// passed over: nothing would ever delete it.
func (s *Store) SaveLanes(ctx context.Context, lanes []record.Lane, dead []record.DeadLetter) error {
	c := s.Change()
	c.ops = make([]op, 0, len(lanes)+len(dead))
	for _, d := range dead {
		c.PutDeadLetter(d)
	}
	for _, l := range lanes {
		c.PutLane(l)
	}
	places := make(map[string]func(*reader) bool)
	for i, o := range c.ops {
		if o.value == nil {
			continue
		}
		endpoint, _, _ := strings.Cut(string(o.key), "\x00")
		if places[endpoint] == nil {
			places[endpoint] = s.addressed(endpoint)
		}
		c.ops[i].only = places[endpoint]
	}
	_, err := s.Commit(ctx, c)
	return err
}

// addressed answers whether there is an endpoint that has an address. Each
// transaction looks once.
func (s *Store) addressed(endpoint string) func(*reader) bool {
	var in *reader
	var is bool
	return func(r *reader) bool {
		if in == r {
			return is
		}
		in, is = r, s.addresses.has(s, endpoint, r.get(bucketEndpoints, []byte(endpoint)))
		return is
	}
}

// addresses remembers of which endpoints it was seen that they have an address: to open
// and read one takes longer than all else that the committer does for a lane. Only the
// committer uses it.
type addresses struct {
	seed maphash.Seed
	seen map[string]addressSeen
}

type addressSeen struct {
	sum uint64 // of the value, as it is stored
	is  bool
}

// has reports whether the value of an endpoint, nil without one, holds an address.
func (a *addresses) has(s *Store, endpoint string, value []byte) bool {
	if value == nil {
		delete(a.seen, endpoint)
		return false
	}
	if a.seen == nil {
		a.seed, a.seen = maphash.MakeSeed(), make(map[string]addressSeen)
	}
	sum := maphash.Bytes(a.seed, value)
	if was, ok := a.seen[endpoint]; ok && was.sum == sum {
		return was.is
	}
	var ep struct {
		URL string `json:"url"`
	}
	// What cannot be read is no reason to lose what was delivered.
	is := s.decode(bucketEndpoints, []byte(endpoint), value, &ep) != nil || ep.URL != ""
	a.seen[endpoint] = addressSeen{sum, is}
	return is
}

// PutLane stores how far a lane has come. A replay that has ended is forgotten
// instead, together with the dead letters of its endpoint and stream that lie
// wholly within it: it has delivered them. Those that it gave up itself stay; see
// [record.DeadLetter]. So do all if it was stopped.
func (c *Change) PutLane(l record.Lane) {
	if l.Ended && l.Replay != "" {
		c.DeleteLane(l.Endpoint, l.Stream, l.Replay)
		if !l.Stopped {
			c.deleteDead(l.Endpoint, l.Stream, l.From, l.Until, l.Replay)
		}
		return
	}
	buf := borrow()
	defer buf.giveBack()
	var err error
	buf.b, err = l.AppendJSON(buf.b)
	c.putEncoded(bucketLanes, c.laneKey(l.Endpoint, l.Stream, l.Replay), buf.b, err)
}

// DeleteLane forgets how far one lane has come: that of a replay, or of the live
// events where replay is empty.
func (c *Change) DeleteLane(endpoint, stream, replay string) {
	c.delete(bucketLanes, c.laneKey(endpoint, stream, replay))
}

// DeleteLanes forgets how far an endpoint's lanes have come.
func (c *Change) DeleteLanes(endpoint string) {
	c.deleteUnder(bucketLanes, endpoint)
}

func (c *Change) laneKey(endpoint, stream, replay string) []byte {
	if replay == "" {
		return c.key(endpoint, stream)
	}
	return c.key(endpoint, stream, replay)
}

// deleteStream deletes the keys whose second part is the stream, whatever their
// first. It looks at one key or two of each first part, as there are endpoints
// with thousands of streams and thousands of endpoints with one.
func (c *Change) deleteStream(bucket, stream string) {
	c.key(stream) // notes a bad name
	c.deleteFound(bucket, func(cur *cursor) (keys [][]byte) {
		var before []byte // the first part of the key before
		k, _ := cur.First()
		for k != nil {
			first, rest, _ := bytes.Cut(k, []byte{0})
			second, _, _ := bytes.Cut(rest, []byte{0})
			switch order := bytes.Compare(second, []byte(stream)); {
			case order == 0:
				keys = append(keys, k)
				k, _ = cur.Next()
			case !bytes.Equal(first, before):
				before = first
				k, _ = cur.Next()
			case order < 0:
				k, _ = cur.Seek(joinKey(string(first), stream))
			default:
				k, _ = cur.Seek(append(bytes.Clone(first), 1)) // behind all that begin with first and 0
			}
		}
		return keys
	})
}
