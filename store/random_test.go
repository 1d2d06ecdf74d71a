//nolint:forbidigo // its sleeps are in bubbles
package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// The names that are used: instances and their streams, sessions, endpoints.
var (
	modelNames     = []string{"i0", "i1", "i2", "i3", "i4"}
	modelSessions  = []string{"s", "s2", "\xff"}
	modelEndpoints = []string{"e", "e1", "f", "gone"}
	modelReplays   = []string{"", "", "r", "q"}
	modelKeys      = []string{"", "\x00", "a", "a\x00", "aa", "b", "b\xff", "\xff\xff"}
)

// padded is a mask whose values are longer after each turn.
type padded struct {
	mask
	turn *atomic.Int32
}

func (p padded) Seal(dst, context, plain []byte) ([]byte, error) {
	n := p.turn.Load()
	out, err := p.mask.Seal(dst, context, plain)
	return append(append(out, make([]byte, n)...), byte(n)), err
}

func (p padded) Open(context, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || int(sealed[len(sealed)-1]) >= len(sealed) {
		return nil, errMask
	}
	return p.mask.Open(context, sealed[:len(sealed)-1-int(sealed[len(sealed)-1])])
}

func (p padded) stale(sealed []byte) bool { return int32(sealed[len(sealed)-1]) != p.turn.Load() }

// walk is a random walk of a store and its model, side by side.
type walk struct {
	*rand.Rand
	t     *testing.T
	m     *model
	s     *store.Store
	stop  func()
	path  string
	seal  padded
	g     *gate
	shut  func()      // opens the gate, nil while it is open
	ill   atomic.Bool // the disk fails now and then
	log   string
	clock time.Time
	bad   bool // the disk is ill now and then
	lost  int  // tries that failed
}

func (w *walk) start(path string) {
	w.path, w.g, w.shut = path, new(gate), nil
	w.s = open(w.t, path, sealedBy(w.seal))
	fails := func(r *rand.Rand, one int) bool { return w.ill.Load() && r.IntN(one) == 0 }
	commits, writes := rand.New(rand.NewPCG(w.Uint64(), 1)), rand.New(rand.NewPCG(w.Uint64(), 2)) // each for one goroutine
	w.s.SetCommit(func(tx *bbolt.Tx) error {
		if fails(commits, 4) {
			return []func(*bbolt.Tx) error{nothingWritten, allWritten, panics, panicsLate, metaKept(path)}[commits.IntN(5)](tx)
		}
		return w.g.commit(tx)
	})
	w.s.SetJournal(func(f *os.File, b []byte, at int64) (int, error) {
		if fails(writes, 15) {
			return []func(*os.File, []byte, int64) (int, error){notWritten, halfWritten}[writes.IntN(2)](f, b, at)
		}
		return f.WriteAt(b, at)
	}, func(f *os.File) error {
		if fails(writes, 10) {
			return errDisk
		}
		return store.SyncData(f)
	})
	w.stop = run(w.t, w.s)
	if w.log == "" {
		w.log = w.s.LogID()
	}
	if w.log != w.s.LogID() {
		w.t.Error("the log has another name")
	}
}

// do repeats what the disk refuses until it is done.
func (w *walk) do(what string, fn func(context.Context) error) {
	w.t.Helper()
	for try := 0; ; try++ {
		err := fn(w.t.Context())
		if err == nil {
			return
		}
		if !w.bad || !errors.Is(err, store.ErrUnavailable) || try > 1000 {
			w.t.Fatalf("%s: %v", what, err)
		}
		w.lost++
		if try%3 == 2 {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func pick[T any](w *walk, of []T) T { return of[w.IntN(len(of))] }

// change makes one change of a few writes.
func (w *walk) change() {
	c := w.s.Change()
	var then []func()
	for range 1 + w.IntN(4) {
		then = append(then, w.write(c))
	}
	w.do("commit", func(ctx context.Context) error {
		_, err := w.s.Commit(ctx, c)
		return err
	})
	for _, fn := range then {
		fn()
	}
}

// write puts something into a change, and answers what that does to the model.
func (w *walk) write(c *store.Change) (then func()) {
	m, id, endpoint, value := w.m, pick(w, modelNames), pick(w, modelEndpoints), fmt.Sprint(w.IntN(1e6))
	switch w.IntN(14) {
	case 0, 1:
		c.PutInstance(record.Instance{ID: id, Name: value})
		return func() { m.instances[id] = value }
	case 2:
		c.PutSession(id, record.Session{ID: value})
		return func() { m.sessions[id] = value }
	case 3:
		c.DropSession(id)
		return func() { m.dropSession(id) }
	case 4:
		c.EraseInstance(id, endpoint)
		return func() { m.erase(id, endpoint) }
	case 5:
		url := pick(w, []string{"", "https://x.example/" + value})
		c.PutEndpoint(record.Endpoint{ID: endpoint, URL: url})
		return func() { m.endpoints[endpoint] = url }
	case 6:
		l := w.lane()
		c.PutLane(l)
		return func() { m.putLane(l) }
	case 7:
		d := w.deadLetter()
		c.PutDeadLetter(d)
		return func() { m.dead[store.PlaceOf(d)] = d }
	case 8:
		n := store.Nonce{Key: id, Hash: [store.NonceHash]byte{byte(w.IntN(9))}, Until: time.Unix(int64(1+w.IntN(50)), 0).UTC()}
		c.PutNonce(n)
		return func() { m.nonces[n] = true }
	case 9:
		at := time.Unix(w.Int64N(1e9), 0)
		c.PutImport(id, at)
		return func() { m.imports[id] = at }
	default:
		w.clock = w.clock.Add(time.Duration(w.IntN(2)) * time.Second)
		e := record.Event{Stream: id, Kind: "test", At: w.clock, Name: value}
		if w.IntN(4) == 0 {
			e.Name += strings.Repeat("x", 3000) // memory keeps none of that size
		}
		c.Append(e)
		return func() { m.append(e) }
	}
}

func (w *walk) lane() record.Lane {
	l := record.Lane{Endpoint: pick(w, modelEndpoints), Stream: pick(w, modelNames), Replay: pick(w, modelReplays), Acked: w.Uint64N(1e6)}
	if l.Replay != "" && w.IntN(3) == 0 {
		l.Ended, l.Stopped, l.From = true, w.IntN(3) == 0, w.Uint64N(20)
		l.Until = l.From + w.Uint64N(30)
	}
	return l
}

func (w *walk) deadLetter() record.DeadLetter {
	from := w.Uint64N(30)
	return record.DeadLetter{
		Endpoint: pick(w, modelEndpoints), Stream: pick(w, modelNames), Replay: pick(w, modelReplays),
		From: from, To: from + w.Uint64N(5), Reason: fmt.Sprint(w.IntN(1e6)), At: moment.Add(time.Duration(w.IntN(100)) * time.Second),
	}
}

// keys applies writes to device keys, and reads one and those under a prefix.
func (w *walk) keys() {
	id, session := pick(w, modelNames), pick(w, modelSessions)
	d, place := w.s.Device(id, session), id+"/"+session
	writes := make(map[string][]byte)
	for range w.IntN(5) {
		value := []byte{}
		switch w.IntN(3) {
		case 0:
			value = nil
		case 1:
			value = fmt.Append(value, w.IntN(1e6))
		}
		writes[pick(w, modelKeys)+pick(w, modelKeys)] = value
	}
	w.do("apply", func(ctx context.Context) error { return d.Apply(ctx, writes) })
	if w.m.device[place] == nil {
		w.m.device[place] = make(map[string]string)
	}
	has := w.m.device[place]
	for k, v := range writes {
		if has[k] = string(v); v == nil {
			delete(has, k)
		}
	}
	key := pick(w, modelKeys)
	var got []byte
	w.do("get", func(context.Context) (err error) { got, err = d.Get([]byte(key)); return err })
	if want, ok := has[key]; ok != (got != nil) || string(got) != want {
		w.t.Fatalf("%s %q is %q, want %q", place, key, got, want)
	}
	var n, under int
	for k := range has {
		if len(k) >= len(key) && k[:len(key)] == key {
			under++
		}
	}
	w.do("scan", func(context.Context) error {
		n = 0
		return d.Scan([]byte(key), func(k, v []byte) error {
			if want, ok := has[string(k)]; !ok || string(v) != want {
				return fmt.Errorf("%q is %q, want %q", k, v, want)
			}
			n++
			return nil
		})
	})
	if n != under {
		w.t.Fatalf("%s: %d keys under %q, want %d", place, n, key, under)
	}
}

// lanes saves some of endpoints that may be gone.
func (w *walk) lanes() {
	var lanes []record.Lane
	var dead []record.DeadLetter
	for range w.IntN(4) {
		lanes = append(lanes, w.lane())
	}
	for range w.IntN(4) {
		dead = append(dead, w.deadLetter())
	}
	w.do("save lanes", func(ctx context.Context) error { return w.s.SaveLanes(ctx, lanes, dead) })
	w.m.saveLanes(lanes, dead)
}

// forget drops dead letters, nonces or events.
func (w *walk) forget() {
	m, id, endpoint := w.m, pick(w, append(modelNames, "")), pick(w, append(modelEndpoints, ""))
	switch w.IntN(6) {
	case 0:
		from := w.Uint64N(20)
		to := from + w.Uint64N(10)
		w.do("drop", func(ctx context.Context) error {
			_, err := w.s.DropDeadLetters(ctx, endpoint, id, from, to)
			return err
		})
		m.drop(func(d record.DeadLetter) bool {
			return d.From >= from && d.To <= to && (endpoint == "" || d.Endpoint == endpoint) && (id == "" || d.Stream == id)
		})
	case 1:
		before := moment.Add(time.Duration(w.IntN(100)) * time.Second)
		w.do("prune the dead", func(ctx context.Context) error {
			_, next, err := w.s.PruneDeadLetters(ctx, before, store.DeadPlace{})
			if err == nil && next != (store.DeadPlace{}) {
				return fmt.Errorf("there is more behind %v", next)
			}
			return err
		})
		m.drop(func(d record.DeadLetter) bool {
			first := m.first(d.Stream)
			return d.At.Before(before) && (first == 0 || d.To < first)
		})
	case 2:
		at := time.Unix(int64(w.IntN(30)), 0)
		w.do("prune nonces", func(ctx context.Context) error {
			_, err := w.s.PruneNonces(ctx, at)
			return err
		})
		for n := range m.nonces {
			if n.Until.Before(at) {
				delete(m.nonces, n)
			}
		}
	case 3:
		before, limit := w.clock.Add(-time.Duration(w.IntN(20))*time.Second), w.Uint64N(uint64(10+len(m.log)))
		if w.IntN(4) == 0 {
			limit = math.MaxUint64
		}
		w.do("prune", func(ctx context.Context) error {
			_, err := w.s.Prune(ctx, before, upTo(limit))
			return err
		})
		m.prune(before, limit)
	case 4:
		w.pruneOver()
	default:
		if id != "" && w.IntN(3) == 0 {
			w.do("erase", func(ctx context.Context) error { return w.s.EraseStream(ctx, id) })
			m.log = deleteStream(m.log, id)
		}
	}
}

func deleteStream(log []record.Event, stream string) (out []record.Event) {
	for _, e := range log {
		if e.Stream != stream {
			out = append(out, e)
		}
	}
	return out
}

// pruneOver knows from the log itself how much must go.
func (w *walk) pruneOver() {
	var sizes []int64
	var total int64
	w.do("walk", func(context.Context) error {
		sizes, total = nil, 0
		return w.s.Walk("log", func(c *store.Cursor) {
			for k, v := c.First(); k != nil; k, v = c.Next() {
				sizes = append(sizes, int64(16+len(k)+len(v)))
				total += sizes[len(sizes)-1]
			}
		})
	})
	if got := w.s.LogSize(); got != total || len(sizes) != len(w.m.log) {
		w.t.Fatalf("the log of %d events has %d bytes, says it has %d", len(sizes), total, got)
	}
	most := total - w.Int64N(total/3+2)
	w.do("prune over", func(ctx context.Context) error {
		_, err := w.s.PruneOver(ctx, most)
		return err
	})
	for _, n := range sizes {
		if total > most {
			total -= n
			w.m.log = w.m.log[1:]
		}
	}
}

// turn lets the file catch up, or not, or starts it anew.
func (w *walk) turn() {
	size := w.s.LogSize()
	switch w.IntN(8) {
	case 0, 1:
		time.Sleep(time.Duration(w.IntN(2500)) * time.Millisecond)
	case 2: // what comes lies over the file, and over what is on its way
		if w.shut == nil && !w.bad { // a batch in doubt waits for the file
			w.shut = w.g.close()
			time.Sleep(1100 * time.Millisecond)
		}
	case 3:
		w.open()
	case 4:
		w.seal.turn.Store(int32(w.IntN(5)))
		w.do("reseal", func(ctx context.Context) error {
			_, err := w.s.Reseal(ctx, w.seal.stale)
			return err
		})
	case 5:
		w.open()
		w.do("back up", func(context.Context) error { return w.backup() })
	case 6: // kill -9
		synctest.Wait() // the parts of the copy are of one moment
		crashed := crash(w.t, w.path)
		w.open()
		w.stop()
		w.start(crashed)
		w.compareSize("the crash", size)
	default:
		w.open()
		w.ill.Store(false) // or the rest of it may stay in the journal: see the crash
		w.stop()
		if got := logBytes(w.t, w.path); got != size {
			w.t.Fatalf("the log of the file has %d bytes, said it has %d", got, size)
		}
		w.start(w.path)
		w.compareSize("the start", size)
	}
}

func (w *walk) open() {
	if w.shut != nil {
		w.shut()
		w.shut = nil
	}
}

func (w *walk) compareSize(what string, before int64) {
	w.t.Helper()
	if got := w.s.LogSize(); got != before {
		w.t.Fatalf("after %s the log has %d bytes, %d before", what, got, before)
	}
	w.m.compare(w.t, w.s, "after "+what)
}

func (w *walk) backup() error {
	path := w.t.TempDir() + "/backup"
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = w.s.Backup(w.t.Context(), f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	copied := open(w.t, path, sealedBy(w.seal))
	w.m.compare(w.t, copied, "a backup")
	return copied.Close()
}

// randomly walks so many steps.
func randomly(t *testing.T, seed uint64, steps int, ill bool) {
	t.Helper()
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		w := &walk{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, m: newModel(), seal: padded{turn: new(atomic.Int32)}, clock: moment, bad: ill}
		w.start(path)
		defer func() { w.open() }() // whatever has failed: Run ends
		for step := range steps {
			w.ill.Store(ill && w.IntN(3) > 0)
			switch w.IntN(10) {
			case 0, 1, 2:
				w.change()
			case 3, 4:
				w.keys()
			case 5, 6:
				w.lanes()
			case 7:
				w.forget()
			case 8:
				w.turn()
			default:
				if w.IntN(3) == 0 {
					w.do("look", func(context.Context) error { _, err := w.s.Instances(); return err })
					w.m.compare(t, w.s, fmt.Sprint("step ", step))
				}
			}
		}
		w.ill.Store(false)
		w.open()
		size := w.s.LogSize()
		w.do("look", func(context.Context) error { _, err := w.s.Instances(); return err })
		w.m.compare(t, w.s, "in the end")
		w.stop()
		w.start(w.path)
		w.compareSize("the end", size)
		w.stop()
	})
}

// TestRandomWalk: whatever lies where, and however it got there, a store holds what a few
// maps would.
func TestRandomWalk(t *testing.T) {
	for seed := range seeds(t, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomly(t, uint64(seed), 500, false) })
	}
}

// TestRandomWalkOnABadDisk: nor does it matter how often the disk fails meanwhile.
func TestRandomWalkOnABadDisk(t *testing.T) {
	for seed := range seeds(t, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomly(t, uint64(seed), 300, true) })
	}
}
