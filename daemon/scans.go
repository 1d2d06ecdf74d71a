package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/switchhook/switchhook/record"
)

// How scans are counted: those that come while others are being stored wait for them,
// and one change has all of them. It keeps anybody who follows a link over and over from
// filling the log.
const (
	scanPace = 100 * time.Millisecond // from one change to the next
	scanWait = time.Second            // who has scanned waits no longer to be counted
)

// scans are those that are not stored yet. The zero value is ready; any goroutine may
// call its methods.
type scans struct {
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
		select {
		case <-ctx.Done():
			t.lastScans(context.WithoutCancel(ctx))
			return nil
		case <-t.scans.woken():
		}
		wait := scanPace
		if err := t.storeScans(ctx); err != nil {
			wait = t.timing.StoreRetry
			if ctx.Err() == nil {
				t.log.Debug("scans of message QR codes wait to be counted", "err", err)
			}
		}
		sleep(ctx, wait)
	}
}

// lastScans stores what has come until the end.
func (t *tenants) lastScans(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	if err := t.storeScans(ctx); err != nil {
		t.log.Warn("scans of message QR codes were not counted", "err", err)
	}
}

// storeScans stores what waits.
func (t *tenants) storeScans(ctx context.Context) error {
	if err := t.codes.enter(ctx); err != nil {
		return err
	}
	defer t.codes.leave()
	took, done := t.scans.take()
	changed := make(map[string]record.QRDL)
	ch := t.store.Change()
	for r, n := range took {
		code, ok := changed[r.code]
		if !ok {
			if code, ok = t.codes.one(r.code); !ok {
				continue // it was deleted since
			}
		}
		ten, err := t.find(code.Tenant)
		if err != nil {
			continue
		}
		code, scans := code.Scanned(r.number, n)
		changed[r.code] = code
		fact := code.Fact(ten.Name)
		fact.Revision, fact.Count, fact.Scans = r.number, n, scans
		ch.Append(factOf(ten.ID, record.QRDLScanned, ten, fact))
	}
	for _, code := range changed {
		ch.PutQRDL(code)
	}
	if _, err := t.store.Commit(ctx, ch); err != nil {
		t.scans.giveBack(took)
		return unavailable(err)
	}
	for _, code := range changed {
		t.codes.put(code)
	}
	close(done)
	return nil
}
