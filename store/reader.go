package store

import (
	"bytes"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
)

// reader reads what is committed: the file and what lies over it. What it answers must
// not be changed, and what comes from the file ends with the reader.
type reader struct {
	layers []*btree.Map[string, []byte] // the newest first
	db     *bbolt.DB
	tx     *bbolt.Tx // nil before the file is looked into
	err    error     // why it cannot be
}

func (r *reader) begin() error {
	if r.tx == nil && r.err == nil {
		r.tx, r.err = r.db.Begin(false)
	}
	return r.err
}

// end releases the file, and answers why it could not be read, if it could not.
func (r *reader) end() error {
	if r.tx != nil {
		_ = r.tx.Rollback() // read only
	}
	return r.err
}

// get answers the value of a key, nil when there is none.
func (r *reader) get(bucket string, key []byte) []byte {
	if len(r.layers) > 0 {
		p, err := place(bucket, key)
		if err != nil {
			return nil
		}
		for _, l := range r.layers {
			if v, ok := l.Get(p); ok {
				return v
			}
		}
	}
	if r.begin() != nil {
		return nil
	}
	return r.tx.Bucket([]byte(bucket)).Get(key)
}

// cursor goes through the keys of a bucket in order.
func (r *reader) cursor(bucket string) *cursor {
	first, _ := place(bucket, nil)
	c := &cursor{first: first, over: make([]source, len(r.layers))}
	if r.begin() == nil {
		c.file = r.tx.Bucket([]byte(bucket)).Cursor()
	}
	for i, l := range r.layers {
		c.over[i].iter = l.Iter()
	}
	return c
}

// cursor is like bbolt's, over the layers and the file. Its methods answer nil when
// there is no key any more.
type cursor struct {
	first string        // begins the places of its bucket
	file  *bbolt.Cursor // nil where the file cannot be read
	key   []byte        // the file's next, nil without one
	value []byte
	over  []source // the newest first
}

// source is a layer that a cursor goes through.
type source struct {
	iter btree.MapIter[string, []byte]
	key  string // the next
	some bool   // there is a next
}

func (s *source) found(ok bool, first string) {
	s.some = ok && s.iter.Key()[:1] == first
	if s.some {
		s.key = s.iter.Key()[1:]
	}
}

// First goes to the first key.
func (c *cursor) First() (key, value []byte) { return c.Seek(nil) }

// Seek goes to a key, or to the next one.
func (c *cursor) Seek(key []byte) (k, value []byte) {
	if c.file != nil {
		c.key, c.value = c.file.Seek(key)
	}
	for i := range c.over {
		c.over[i].found(c.over[i].iter.Seek(c.first+string(key)), c.first)
	}
	return c.Next()
}

// Next goes to the next key.
func (c *cursor) Next() (key, value []byte) {
	for {
		least, from := c.least()
		switch {
		case from < 0 && c.key == nil:
			return nil, nil
		case from < 0:
			key, value = c.key, c.value
			c.key, c.value = c.file.Next()
			return key, value
		}
		value = c.over[from].iter.Value()
		for i := from; i < len(c.over); i++ {
			if s := &c.over[i]; s.some && s.key == least {
				s.found(s.iter.Next(), c.first)
			}
		}
		if c.key != nil && string(c.key) == least {
			c.key, c.value = c.file.Next()
		}
		if value != nil {
			return []byte(least), value
		}
	}
}

// least answers the least key of the layers and the newest layer that has it, or none if
// the file's is before it.
func (c *cursor) least() (key string, from int) {
	from = -1
	for i := range c.over {
		if s := &c.over[i]; s.some && (from < 0 || s.key < key) {
			key, from = s.key, i
		}
	}
	if from >= 0 && c.key != nil && bytes.Compare(c.key, []byte(key)) < 0 {
		return "", -1
	}
	return key, from
}
