package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// How scans are counted: those that come while others are being stored wait for them,
// and few changes have all of them.
const (
	scanPace  = 100 * time.Millisecond // from one storing to the next
	scanWait  = time.Second            // who has scanned waits no longer to be counted
	scanBatch = 256                    // codes of one change: what others store waits for no more of them
)

// scans are those that are not stored yet, and those that are and were not told. The zero
// value is ready; any goroutine may call its methods.
type scans struct {
	telling

	mu      sync.Mutex
	waiting map[revision]int64 // guarded by mu
	done    chan struct{}      // guarded by mu; closed when what waits now is stored
	wake    chan struct{}      // of one; guarded by mu until it is made
}

// revision is one of a code.
type revision struct {
	code   string
	number int
}

func (s *scans) init() {
	if s.waiting == nil {
		s.waiting, s.done, s.wake = make(map[revision]int64), make(chan struct{}), make(chan struct{}, 1)
	}
}

// add counts a scan; what it answers is closed when that is stored.
func (s *scans) add(r revision) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	s.waiting[r]++
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return s.done
}

// woken is when something waits.
func (s *scans) woken() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	return s.wake
}

// take answers what waits, and by what to tell those who wait for it.
func (s *scans) take() (map[revision]int64, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	took, done := s.waiting, s.done
	s.waiting, s.done = make(map[revision]int64), make(chan struct{})
	return took, done
}

// giveBack lets wait what could not be stored.
func (s *scans) giveBack(took map[revision]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r, n := range took {
		s.waiting[r] += n
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ScanQRDL implements [api.Tenants].
func (t *tenants) ScanQRDL(ctx context.Context, token string) (record.QRDL, error) {
	code, err := t.codes.find(token)
	if err != nil {
		return record.QRDL{}, err
	}
	stored := t.scans.add(revision{code.Code, code.Revision})
	late := time.NewTimer(scanWait)
	defer late.Stop()
	select {
	case <-stored:
	case <-ctx.Done(): // counted it is, and whoever went may come back
	case <-late.C:
	}
	return code, nil
}

// Run stores scans until ctx ends, those that have come until then included. It returns
// nil.
func (t *tenants) Run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if t.scans.late() {
			again = time.After(tellAgain)
		}
		select {
		case <-ctx.Done():
			t.lastScans(context.WithoutCancel(ctx))
			return nil
		case <-t.scans.woken():
		case <-again:
		}
		wait := scanPace
		if err := t.storeScans(ctx, false); err != nil {
			wait = t.timing.StoreRetry
			if ctx.Err() == nil {
				t.log.Debug("scans of message QR codes wait to be counted", "err", err)
			}
		}
		sleep(ctx, wait)
	}
}

// lastScans stores what has come until the end, and tells all of it.
func (t *tenants) lastScans(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	if err := t.storeScans(ctx, true); err != nil {
		t.log.Warn("scans of message QR codes were not counted", "err", err)
	}
}

// storeScans stores what waits and tells of it, and of what was stored before, as much as
// may be told now; all of it if this is the last time.
func (t *tenants) storeScans(ctx context.Context, last bool) error {
	if err := t.codes.enter(ctx); err != nil {
		return err
	}
	defer t.codes.leave()
	return t.countScans(ctx, last)
}

// countScans is storeScans while the turn of codes is held.
func (t *tenants) countScans(ctx context.Context, last bool) error {
	took, done := t.scans.take()
	of := make(map[string][]revision)
	for _, code := range t.scans.untold() {
		of[code] = nil
	}
	for r := range took {
		of[r.code] = append(of[r.code], r)
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(of)), scanBatch) {
		ch := t.store.Change()
		var changed []record.QRDL
		for _, code := range some {
			changed = append(changed, t.scanned(ch, code, of[code], took, last)...)
		}
		if _, err := t.store.Commit(ctx, ch); err != nil {
			t.scans.giveBack(took)
			return unavailable(err)
		}
		t.codes.put(changed...)
		for _, code := range some {
			now, _ := t.codes.one(code)
			t.scans.keep(code, now.Untold > 0)
			for _, r := range of[code] {
				delete(took, r)
			}
		}
	}
	close(done)
	return nil
}

// scanned adds to a change the scans of some revisions of a code, and what may be told of
// it. It answers the code as it then is, or none where nothing changes or it is gone.
func (t *tenants) scanned(ch *store.Change, code string, of []revision, took map[revision]int64, last bool) []record.QRDL {
	q, ok := t.codes.one(code)
	if !ok {
		return nil // it was deleted since
	}
	ten, err := t.find(q.Tenant)
	if err != nil {
		return nil
	}
	for _, r := range of {
		var former *record.QRDLFact
		if q, former = q.Scanned(ten.Name, r.number, took[r]); former != nil {
			ch.Append(factOf(ten.ID, record.QRDLScanned, ten.Name, *former))
		}
	}
	told := q.Untold > 0 && (last || t.scans.may(ten.ID, code))
	if told {
		q = t.tell(ch, ten, q)
	}
	if !told && len(of) == 0 {
		return nil
	}
	ch.PutQRDL(q)
	return []record.QRDL{q}
}

// tell adds to a change what tells the scans of a code that were not told yet.
func (t *tenants) tell(ch *store.Change, ten record.Tenant, q record.QRDL) record.QRDL {
	if q.Untold == 0 {
		return q
	}
	q, fact := q.Told(ten.Name)
	ch.Append(factOf(ten.ID, record.QRDLScanned, ten.Name, fact))
	return q
}
