package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
)

// Change is a set of writes that belong together: all of them are stored, or
// none. Make one with [Store.Change], fill it on one goroutine, give it to
// [Store.Commit]. It may be given again, as after an error; where it was stored, its
// events come a second time. A method that meets a bad value notes the error, and Commit
// answers it without writing anything.
type Change struct {
	sealer Sealer
	ops    []op
	events []pending
	heads  []continued
	trims  map[string]uint64 // by stream: the seq up to which the log is pruned
	err    error

	firstOp    [1]op // what most changes need
	firstEvent [1]pending
}

// pending is an event whose seq the committer will give out.
type pending struct {
	event record.Event
	entry []byte // its entry of the log; epoch and seq are zero until they are given
	given bool   // they were
}

// Change begins an empty change set.
func (s *Store) Change() *Change {
	c := &Change{sealer: s.sealer}
	c.ops, c.events = c.firstOp[:0], c.firstEvent[:0]
	return c
}

// PutInstance stores the instance.
func (c *Change) PutInstance(in record.Instance) {
	buf := borrow()
	defer buf.giveBack()
	var err error
	buf.b, err = in.AppendJSON(buf.b)
	c.putEncoded(bucketInstances, c.key(in.ID), buf.b, err)
}

// PutSession stores the instance's saved session.
func (c *Change) PutSession(instance string, s record.Session) {
	c.putJSON(bucketSessions, c.key(instance), s)
}

// PutGreenAPI stores what an instance is to clients of GREEN-API.
func (c *Change) PutGreenAPI(g record.GreenAPI) {
	c.putJSON(bucketGreenAPI, c.key(g.Instance), g)
}

// PutPicture stores the picture of the instance's account.
func (c *Change) PutPicture(instance string, p record.Picture) {
	c.putJSON(bucketSessions, c.key(instance, keyPicture), p)
}

// DropPicture removes it.
func (c *Change) DropPicture(instance string) {
	c.delete(bucketSessions, c.key(instance, keyPicture))
}

// DropSession removes the instance's saved session, its account's picture and all
// its device keys.
func (c *Change) DropSession(instance string) {
	c.delete(bucketSessions, c.key(instance))
	c.DropPicture(instance)
	c.deleteUnder(bucketDevice, instance)
}

// EraseInstance removes everything the file holds about an instance except the
// head of its stream: its record, session, picture, device keys, what it is to clients
// of GREEN-API, its endpoints with their lanes and dead letters, and those that other
// endpoints have of its stream. Its events go with [Store.EraseStream].
func (c *Change) EraseInstance(id string, endpoints ...string) {
	c.delete(bucketInstances, c.key(id))
	c.delete(bucketGreenAPI, c.key(id))
	c.DropSession(id)
	for _, e := range endpoints {
		c.DeleteEndpoint(e)
	}
	c.deleteStream(bucketLanes, id)
	c.deleteStream(bucketDead, id)
}

// PutEndpoint stores an endpoint.
func (c *Change) PutEndpoint(e record.Endpoint) {
	c.putJSON(bucketEndpoints, c.key(e.ID), e)
}

// DeleteEndpoint removes an endpoint, its lanes and its dead letters.
func (c *Change) DeleteEndpoint(id string) {
	c.delete(bucketEndpoints, c.key(id))
	c.DeleteLanes(id)
	c.deleteUnder(bucketDead, id)
}

// Append adds an event at the end of its stream and of the log. Commit fills in
// its Epoch and Seq.
func (c *Change) Append(e record.Event) {
	if e.Stream == "" || len(e.Stream) > maxStream || strings.ContainsAny(e.Stream, "\x00/. *>\t\r\n") {
		c.fail(fmt.Errorf("append event: %q is no name of a stream", e.Stream))
		return
	}
	e.Epoch, e.Seq = 0, 0
	entry, err := c.entry(&e)
	if err != nil {
		c.fail(fmt.Errorf("append event: %w", err))
		return
	}
	c.events = append(c.events, pending{event: e, entry: entry})
}

// entry makes the entry of an event in the log, whose epoch and seq are not known yet.
func (c *Change) entry(e *record.Event) ([]byte, error) {
	buf := borrow()
	defer buf.giveBack()
	var err error
	if buf.b, err = e.AppendJSON(buf.b); err != nil {
		return nil, err
	}
	buf.place = append(buf.place, e.Stream...)
	head := headerSize(e.Stream)
	out := appendHeader(make([]byte, 0, head+len(buf.b)+sealRoom), e.Stream, 0, 0, e.At)
	if out, err = c.sealer.Seal(out, buf.place, buf.b); err != nil {
		return nil, err
	}
	if n := len(out) - head; n > maxValue {
		return nil, fmt.Errorf("it has %d bytes, at most %d are taken", n, maxValue)
	}
	return out, nil
}

// sealRoom is room for what sealing adds; where it adds more, that costs a copy.
const sealRoom = 48

const maxStream = 64

func (c *Change) putJSON(bucket string, key []byte, v any) {
	value, err := json.Marshal(v)
	c.putEncoded(bucket, key, value, err)
}

func (c *Change) putEncoded(bucket string, key, value []byte, err error) {
	if err == nil {
		buf := borrow()
		defer buf.giveBack()
		buf.place = appendPlace(buf.place, bucket, key)
		value, err = c.sealer.Seal(nil, buf.place, value)
	}
	if err != nil {
		c.fail(fmt.Errorf("store %s: %w", bucket, err))
		return
	}
	c.put(bucket, key, value)
}

func (c *Change) put(bucket string, key, value []byte) {
	switch {
	case len(key) > bbolt.MaxKeySize:
		c.fail(fmt.Errorf("store %s: the key has %d bytes", bucket, len(key)))
	case len(value) > maxValue:
		c.fail(fmt.Errorf("store %s: the value has %d bytes, at most %d are taken", bucket, len(value), maxValue))
	default:
		c.ops = append(c.ops, op{bucket: bucket, key: key, value: value})
	}
}

// maxValue keeps one change from filling the file; whatsmeow's largest values
// are below 100 KB.
const maxValue = 16 << 20

func (c *Change) delete(bucket string, key []byte) {
	c.ops = append(c.ops, op{bucket: bucket, key: key})
}

// deleteUnder deletes every key whose first part is the name.
func (c *Change) deleteUnder(bucket, name string) {
	prefix := append(c.key(name), 0)
	c.deleteFound(bucket, func(cur *cursor) (keys [][]byte) {
		for k, _ := cur.Seek(prefix); k != nil && hasPrefix(k, prefix); k, _ = cur.Next() {
			keys = append(keys, k)
		}
		return keys
	})
}

// deleteFound deletes the keys that find answers while the change is written.
func (c *Change) deleteFound(bucket string, find func(*cursor) [][]byte) {
	c.ops = append(c.ops, op{bucket: bucket, find: find})
}

// key joins names to a key. A name that is empty or holds the joint would reach
// into another's keys.
func (c *Change) key(names ...string) []byte {
	for _, n := range names {
		if err := checkName(n); err != nil {
			c.fail(err)
		}
	}
	return joinKey(names...)
}

func (c *Change) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *Change) empty() bool { return len(c.ops) == 0 && len(c.events) == 0 && len(c.heads) == 0 }
