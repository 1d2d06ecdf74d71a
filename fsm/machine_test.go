package fsm_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

func nothing(fsm.Row) error { return nil }

func machine(t testing.TB, s fsm.State, session bool) *fsm.Machine {
	t.Helper()
	m, err := fsm.New(s, session)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNewRefusesUnknownStates(t *testing.T) {
	if m, err := fsm.New(5, false); err == nil {
		t.Errorf("a machine in state 5: %v", m)
	}
	m := machine(t, fsm.Connecting, true)
	if err := m.Reset(12, false); err == nil || m.State() != fsm.Connecting || !m.Session() {
		t.Errorf("reset to 12: %v, in %d", err, m.State())
	}
	if err := m.Reset(fsm.NotAuthenticated, false); err != nil || m.State() != fsm.NotAuthenticated || m.Session() {
		t.Errorf("reset to 13: %v, in %d", err, m.State())
	}
}

func TestFailedCommitMovesNothing(t *testing.T) {
	m := machine(t, fsm.AwaitingScan, false)
	disk := errors.New("disk full")
	for range 3 {
		err := m.Fire(fsm.Scanned, func(fsm.Row) error { return disk })
		if err != disk { //nolint:errorlint // the very error, unwrapped, is the promise
			t.Fatalf("Fire answers %v", err)
		}
		if m.State() != fsm.AwaitingScan || m.Session() {
			t.Fatalf("moved to %d, session %t", m.State(), m.Session())
		}
	}
	if err := m.Fire(fsm.Scanned, nothing); err != nil || m.State() != fsm.Starting || !m.Session() {
		t.Fatalf("after the disk was freed: %v, in %d, session %t", err, m.State(), m.Session())
	}
}

func TestPanickingCommitMovesNothing(t *testing.T) {
	m := machine(t, fsm.NoConnection, false)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = m.Fire(fsm.GenerateRequested, func(fsm.Row) error { panic("commit") })
	}()
	if m.State() != fsm.NoConnection {
		t.Fatalf("moved to %d", m.State())
	}
	if err := m.Fire(fsm.GenerateRequested, nothing); err != nil || m.State() != fsm.Connecting {
		t.Fatalf("after the panic: %v, in %d", err, m.State())
	}
}

func TestSelfTransitionCommits(t *testing.T) {
	m := machine(t, fsm.NoConnection, true)
	commits := 0
	err := m.Fire(fsm.Disconnected, func(r fsm.Row) error {
		commits++
		if !r.Drops {
			t.Errorf("the row is %+v", r)
		}
		return nil
	})
	if err != nil || commits != 1 || m.State() != fsm.NoConnection || m.Session() {
		t.Fatalf("%v, %d commits, in %d, session %t", err, commits, m.State(), m.Session())
	}
}

func TestIllegalErrorTellsWhatAndWhere(t *testing.T) {
	err := machine(t, fsm.Authenticated, true).Fire(fsm.GenerateRequested, nothing)
	want := "event generate_requested is illegal in state 10 (WhatsAppAuthenticated) with a session"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestMachinesShareNothing moves many machines at once; the race detector
// watches.
func TestMachinesShareNothing(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			m := machine(t, fsm.NoConnection, false)
			for n := range 50 {
				if err := m.Fire(fsm.GenerateRequested, nothing); err != nil {
					t.Error(err)
				}
				mine := fmt.Errorf("commit %d of machine %d", n, i)
				if err := m.Fire(fsm.Closed, func(fsm.Row) error { return mine }); !errors.Is(err, mine) {
					t.Errorf("machine %d got %v", i, err)
				}
				if err := m.Fire(fsm.Closed, nothing); err != nil || m.State() != fsm.NoConnection {
					t.Errorf("in %d: %v", m.State(), err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkFire(b *testing.B) {
	b.ReportAllocs()
	m := machine(b, fsm.NoConnection, false)
	for b.Loop() {
		if m.Fire(fsm.GenerateRequested, nothing) != nil || m.Fire(fsm.Closed, nothing) != nil {
			b.Fatal("illegal")
		}
	}
}

// BenchmarkMachine reports what an idle machine costs.
func BenchmarkMachine(b *testing.B) {
	const many = 10_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		machines := make([]*fsm.Machine, many)
		for i := range machines {
			machines[i] = machine(b, fsm.Connecting, false)
			if err := machines[i].Fire(fsm.HandshakeDone, nothing); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "bytes/machine")
		runtime.KeepAlive(machines)
	}
}
