//nolint:forbidigo // in a bubble
package queue_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestInOrder: what was appended is fetched in order, the same until it is deleted,
// whatever the events make: nothing, one notification, several, or an error.
func TestInOrder(t *testing.T) {
	w := newWorld(t)
	w.expect("a")
	w.add("a", "one", "", "two three", "broken", "", "four")
	w.add("b", "other")
	w.expect("a", "one", "two", "three", "four")
	w.expect("a")
	w.add("a", "five")
	w.expect("a", "five")
	w.expect("b", "other")
	w.add("a", strings.Repeat("x ", queue.Places+5), "last")
	if got := w.drain("a"); len(got) != queue.Places+1 || got[queue.Places] != "last" {
		t.Errorf("%d notifications", len(got))
	}
}

// TestReceipts: those that were never there, are there no more or not yet are told
// from those that are.
func TestReceipts(t *testing.T) {
	w := newWorld(t)
	w.add("a", "", "one two", "", "three")
	_, first := w.next("a")
	if first != 2*queue.Places {
		t.Errorf("the first receipt is %d", first)
	}
	for _, none := range []int64{0, -1, -1 << 62, 1, first - 1, queue.Places, first + 2, 3 * queue.Places, 4*queue.Places + 1, 5 * queue.Places, 1 << 62} {
		if w.delete("a", none) {
			t.Errorf("%d was there", none)
		}
	}
	w.restart()
	if body, again := w.next("a"); body != "one" || again != first {
		t.Errorf("after a restart %d is %q", again, body)
	}
	w.expect("a", "one", "two", "three")
	if w.delete("nobody", first) {
		t.Error("a stream without an event had one")
	}
}

// TestOutOfTurn: one further back can be deleted, and that is remembered.
func TestOutOfTurn(t *testing.T) {
	w := newWorld(t)
	w.add("a", "1 2 3", "4", "5", "6")
	for _, receipt := range []int64{3 * queue.Places, queue.Places + 1} {
		if !w.delete("a", receipt) || w.delete("a", receipt) {
			t.Errorf("%d could not be deleted once", receipt)
		}
		w.restart()
	}
	w.expect("a", "1", "3", "4", "6")
	w.restart()
	w.expect("a")
	w.add("a", numbered(1003)...)
	for i := range int64(1001) {
		if ok := w.delete("a", (6+i)*queue.Places); ok != (i < 1000) {
			t.Fatalf("deletion %d out of turn: %t", i+1, ok)
		}
	}
	w.expect("a", "1", "1002", "1003")
}

// TestAcrossKills: after every step the file is opened again by somebody who knows
// nothing, and goes on where the last deletion was answered.
func TestAcrossKills(t *testing.T) {
	w := newWorld(t)
	w.add("a", "1", "", "2 3", "4")
	for want := 1; want <= 4; want++ {
		w.restart()
		body, receipt := w.next("a")
		if body != strconv.Itoa(want) {
			t.Fatalf("%q is next, want %d", body, want)
		}
		w.restart()
		if again, same := w.next("a"); again != body || same != receipt {
			t.Errorf("%d is %q, was %d", same, again, receipt)
		}
		w.log.fails.Store(true)
		if ok, err := w.Delete(t.Context(), "a", receipt); ok || !errors.Is(err, errDisk) {
			t.Errorf("deleted %t, %v, on a disk that is full", ok, err)
		}
		if again, _ := w.next("a"); again != body {
			t.Errorf("%q follows a deletion that failed", again)
		}
		w.log.fails.Store(false)
		if !w.delete("a", receipt) {
			t.Errorf("%d is not there", receipt)
		}
	}
	w.restart()
	w.expect("a")
}

// TestADay: what is older than a day is neither fetched nor deleted, also when it was
// next before, and nothing younger is lost for it.
func TestADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.add("a", numbered(600)...)
		_, first := w.next("a")
		time.Sleep(time.Hour)
		w.add("a", "young", "", "younger")
		time.Sleep(queue.Keep - time.Hour)
		if body, _ := w.next("a"); body != "1" {
			t.Errorf("%q is next on the stroke of the day", body)
		}
		time.Sleep(time.Nanosecond)
		if w.delete("a", first) || w.delete("a", first+queue.Places) {
			t.Error("something of the day before was deleted")
		}
		if body, _ := w.next("a"); body != "young" {
			t.Errorf("%q is next after a day", body)
		}
		w.restart()
		w.expect("a", "young", "younger")
		w.add("a", "late")
		time.Sleep(queue.Keep + 1)
		w.expect("a")
		w.stop()
	})
}

// TestChange: what was of no interest when it happened is of none afterwards; what
// was waits on. Where nothing is fetched, there is nothing.
func TestChange(t *testing.T) {
	w := newWorld(t)
	w.want("late", false)
	w.add("a", "late", "first", "late", "late")
	var at record.Lane
	commit := func(l record.Lane) error {
		at = l
		w.want("late", true)
		return w.log.SaveLane(t.Context(), l)
	}
	if err := w.Change(t.Context(), "a", commit); err != nil || at.Acked != 1 {
		t.Errorf("%+v, %v", at, err)
	}
	w.expect("a", "first", "late", "late")
	w.want("late", false)
	w.add("a", "late", "late")
	if err := w.Change(t.Context(), "a", commit); err != nil || at.Acked != 6 {
		t.Errorf("%+v, %v", at, err)
	}
	w.expect("a")
	w.add("a", "late")
	w.restart()
	if err := w.Change(t.Context(), "a", func(record.Lane) error { return errDisk }); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	_, receipt := w.next("a")
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if body, _ := w.next("a"); body != "" || w.delete("a", receipt) {
		t.Errorf("%q was fetched from what is closed", body)
	}
	err := w.Change(t.Context(), "a", func(l record.Lane) error {
		w.mu.Lock()
		at, w.closed = l, false
		w.mu.Unlock()
		// It was sent meanwhile, and that is how far it came.
		return w.log.SaveLane(t.Context(), record.Lane{Endpoint: "a-fetched", Stream: "a", Acked: 7})
	})
	if err != nil || at.Endpoint != "" {
		t.Errorf("%+v, %v", at, err)
	}
	w.add("a", "one", "two")
	if body, receipt := w.next("a"); body != "one" || !w.delete("a", receipt) {
		t.Errorf("%q follows what was sent", body)
	}
	w.Forget("a")
	w.Forget("nobody")
	w.expect("a", "two")
}

// TestPassed: what waits and is young is needed; nothing else is.
func TestPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		passed := func(want uint64) {
			t.Helper()
			if got, err := w.Passed(t.Context(), "a"); err != nil || got != want {
				t.Errorf("passed %d, %v, want %d", got, err, want)
			}
		}
		passed(0)
		w.add("a", "1", "2")
		passed(0)
		w.delete("a", queue.Places)
		passed(1)
		time.Sleep(time.Hour)
		w.add("a", "3")
		time.Sleep(queue.Keep - time.Minute)
		passed(2)
		w.mu.Lock()
		w.closed = true
		w.mu.Unlock()
		passed(1<<64 - 1)
		w.stop()
	})
}

// TestPruned: events that left the log are passed over, whoever took them.
func TestPruned(t *testing.T) {
	w := newWorld(t)
	w.add("a", "1", "2", "3", "4")
	_, first := w.next("a")
	w.delete("a", first)
	if _, err := w.log.PruneOver(t.Context(), w.log.LogSize()*2/5); err != nil {
		t.Fatal(err)
	}
	w.restart()
	got := w.drain("a")
	if len(got) == 0 || len(got) > 2 || got[len(got)-1] != "4" {
		t.Errorf("fetched %q", got)
	}
	if err := w.log.EraseStream(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.expect("a")
}

// TestUnreadable: a store that cannot be read is an error to who asks, and nothing is
// passed over.
func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	w.add("a", "1")
	w.stop()
	if _, ok, err := w.Next(t.Context(), "a", time.Second); ok || !errors.Is(err, store.ErrClosed) {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := w.Delete(t.Context(), "a", queue.Places); ok || !errors.Is(err, store.ErrClosed) {
		t.Errorf("%t, %v", ok, err)
	}
	w.start()
	w.expect("a", "1")
}
