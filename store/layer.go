package store

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
)

// layer is a set of writes that lies over the file: by bucket and key, in order, the
// value to be there, or nil where there is to be none. Values in it never change.
type layer struct {
	tree   btree.Map[string, []byte]
	bytes  int    // about what it takes of memory, with what was written over
	number uint64 // of the last batch in it
}

// place is the key of a layer: a byte for the bucket, and the bucket's key.
func place(bucket string, key []byte) (string, error) {
	n := slices.Index(buckets, bucket)
	if n < 0 {
		return "", fmt.Errorf("there is no bucket %q", bucket)
	}
	var room [128]byte
	return string(append(append(room[:0], byte(n)), key...)), nil
}

// placed is the inverse of place.
func placed(p string) (bucket, key string) { return buckets[p[0]], p[1:] }

// set notes a value, or with nil that there is none. What bbolt would refuse is refused
// here: it is too late when the file is written.
func (l *layer) set(bucket string, key, value []byte) error {
	p, err := place(bucket, key)
	switch {
	case err != nil:
		return err
	case len(key) == 0 || len(key) > bbolt.MaxKeySize:
		return fmt.Errorf("a key has %d bytes", len(key))
	case len(value) > bbolt.MaxValueSize:
		return fmt.Errorf("a value has %d bytes", len(value))
	}
	l.tree.Set(p, value)
	l.bytes += len(p) + len(value) + writeCost
	return nil
}

// writeCost is about what a write takes beside its key and value.
const writeCost = 64

func (l *layer) empty() bool { return l == nil || l.tree.Len() == 0 }

// memory is what has been committed and is not in the file yet: the journal has it. The
// committer writes it; everyone reads it, by way of a [reader].
type memory struct {
	mu     sync.Mutex
	active *layer                     // guarded by mu; takes each batch
	frozen *layer                     // guarded by mu; on its way into the file, nil without one
	shared *btree.Map[string, []byte] // guarded by mu; what readers share of active, nil after it changed
	thaws  uint64                     // guarded by mu; counts how often the file took what lay over it
}

// merge adds a batch that is in the journal.
func (m *memory) merge(batch *layer, number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	batch.tree.Scan(func(p string, value []byte) bool {
		m.active.tree.Set(p, value)
		return true
	})
	m.active.bytes += batch.bytes
	m.active.number = number
	m.shared = nil
}

// freeze lets what is active go into the file, and answers it.
func (m *memory) freeze() *layer {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen, m.active, m.shared = m.active, &layer{}, nil
	return m.frozen
}

// thaw forgets what is in the file now.
func (m *memory) thaw() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = nil
	m.thaws++
}

// clear forgets all of it: it is in the file.
func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen, m.active, m.shared = nil, &layer{}, nil
	m.thaws++
}

// begin opens a view of the file and of what lies over it, both of the same moment.
// The caller ends it. To look into the file may take long, as bbolt waits when it needs a
// larger map; nobody else waits for that. What was there before lies over the file or is
// in it, unless it went from one to the other meanwhile.
func (m *memory) begin(db *bbolt.DB) (*reader, error) {
	for {
		before := m.thawed()
		r := &reader{db: db}
		if err := r.begin(); err != nil {
			return nil, err
		}
		if m.lay(r, before) {
			return r, nil
		}
		_ = r.end() // it was begun
	}
}

func (m *memory) thawed() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.thaws
}

// lay gives a reader what lies over the file, if the file has taken nothing since.
func (m *memory) lay(r *reader, since uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.thaws != since {
		return false
	}
	if !m.active.empty() {
		if m.shared == nil {
			m.shared = m.active.tree.Copy()
		}
		r.layers = append(r.layers, m.shared)
	}
	if !m.frozen.empty() {
		r.layers = append(r.layers, &m.frozen.tree)
	}
	return true
}

// under is a view for the committer, of what lies below a batch that it puts together:
// nothing changes meanwhile, and the file is only looked into if it is asked for.
func (m *memory) under(db *bbolt.DB, batch *layer) *reader {
	r := &reader{db: db, layers: []*btree.Map[string, []byte]{&batch.tree, &m.active.tree}}
	if !m.frozen.empty() {
		r.layers = append(r.layers, &m.frozen.tree)
	}
	return r
}

// none reports whether the file holds everything.
func (m *memory) none() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active.empty() && m.frozen.empty()
}
