//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

const (
	diskPage   = 4096
	diskSector = 512
)

// disk stands between a store and its journal. It knows what was synced, which a loss of
// power leaves alone, and what was written since, of which it leaves whatever it likes.
// Without one, the store's files are like any other's.
type disk struct {
	t    testing.TB
	path string

	mu     sync.Mutex // guards what follows; held while the database is written: an image is of one moment
	rng    *rand.Rand
	db     []byte            // the database, nil after it was written
	synced map[string][]byte // by part
	since  map[string][]unsynced

	was, will string // what may be stored now
	fails     bool   // the next sync does
	short     bool   // the next write is
	blind     bool   // until that is undone: it is one fault, and the loss of power would be another

	taken       []shot
	checkpoints int
}

// unsynced is what one call has written.
type unsynced struct {
	at    int64
	bytes []byte
}

// newDisk looks at what lies at the path. That it is cut off when it is opened is not
// synced.
func newDisk(t testing.TB, path string, seed uint64) *disk {
	d := &disk{t: t, path: path, synced: imageOf(t, path), since: make(map[string][]unsynced)}
	d.rng = rand.New(rand.NewPCG(seed, 0))
	delete(d.synced, "")
	return d
}

// begin says what is stored, and what will be of the change that follows, which may meet
// a fault.
func (d *disk) begin(was, will *content) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.was, d.will = was.String(), will.String()
	d.fails, d.short = d.rng.IntN(12) == 0, d.rng.IntN(12) == 0
}

// end says what is stored, and answers the images that were taken meanwhile.
func (d *disk) end(is *content) (taken []shot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.was, d.will = is.String(), is.String()
	d.fails, d.short = false, false
	d.shoot("between batches", 1)
	taken, d.taken = d.taken, nil
	return taken
}

// last answers what is left when the power goes off for good, and how many checkpoints
// there were.
func (d *disk) last() (image, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.image(), d.checkpoints
}

func (d *disk) write(f *os.File, b []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shoot("before a write", d.rng.IntN(2))
	var fails error
	if d.short { // it breaks off, perhaps in the first page
		d.short, d.blind, fails = false, true, errDisk
		b = b[:min(len(b), d.rng.IntN([]int{64, 2 * diskPage}[d.rng.IntN(2)]))]
	}
	n, err := f.WriteAt(b, at)
	err = errors.Join(err, fails)
	part := strings.TrimPrefix(f.Name(), d.path)
	d.since[part] = append(d.since[part], unsynced{at, bytes.Clone(b[:n])})
	return n, err
}

func (d *disk) sync(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shoot("before a sync", 1)
	part := strings.TrimPrefix(f.Name(), d.path)
	since := d.since[part]
	delete(d.since, part)
	if d.fails {
		// What was not written by then never is: the next sync knows nothing of it.
		d.fails = false
		d.synced[part] = d.some(d.synced[part], since)
		return errDisk
	}
	for _, w := range since {
		d.synced[part] = over(d.synced[part], w.at, w.bytes)
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	d.synced[part] = d.synced[part][:min(int64(len(d.synced[part])), st.Size())]
	d.blind = false
	d.shoot("after a sync", d.rng.IntN(2))
	return nil
}

// commit takes its time, so that batches are committed meanwhile.
func (d *disk) commit(tx *bbolt.Tx) error {
	d.mu.Lock()
	delay := time.Duration(d.rng.IntN(3000)) * time.Millisecond
	d.mu.Unlock()
	time.Sleep(delay)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.db = nil
	d.checkpoints++
	return tx.Commit()
}

// shoot takes images.
func (d *disk) shoot(when string, n int) {
	for range n {
		if d.blind {
			return
		}
		d.taken = append(d.taken, shot{when, d.rng.IntN(4) == 0, []string{d.was, d.will}, d.image()})
	}
}

// image is what may be there if the power goes off now.
func (d *disk) image() image {
	if d.db == nil {
		var err error
		if d.db, err = os.ReadFile(d.path); err != nil {
			d.t.Error(err)
		}
	}
	im := image{"": d.db}
	for _, part := range imageParts[1:] {
		im[part] = d.some(d.synced[part], d.since[part])
	}
	return im
}

// some answers what is there of writes that were not synced. Each is there by pages, and
// pages by sectors.
func (d *disk) some(synced []byte, since []unsynced) []byte {
	out := bytes.Clone(synced)
	for _, w := range since {
		pages := (len(w.bytes) + diskPage - 1) / diskPage
		whole, sectors := pages, 0
		there := func(int) bool { return true }
		switch d.rng.IntN(6) {
		case 0:
			whole = 0
		case 1:
			whole = d.rng.IntN(pages + 1)
		case 2: // cut in a page
			whole, sectors = d.rng.IntN(pages), 1+d.rng.IntN(diskPage/diskSector-1)
		case 3:
			there = func(int) bool { return d.rng.IntN(2) == 0 }
		case 4: // all but the first
			there = func(page int) bool { return page > 0 }
		}
		for page := range whole {
			if there(page) {
				out = over(out, w.at+int64(page*diskPage), w.bytes[page*diskPage:min(len(w.bytes), (page+1)*diskPage)])
			}
		}
		if sectors > 0 {
			rest := w.bytes[whole*diskPage:]
			out = over(out, w.at+int64(whole*diskPage), rest[:min(len(rest), sectors*diskSector)])
		}
	}
	return out
}

// over writes into an image of a file.
func over(file []byte, at int64, b []byte) []byte {
	if more := at + int64(len(b)) - int64(len(file)); more > 0 {
		file = append(file, make([]byte, more)...)
	}
	copy(file[at:], b)
	return file
}
