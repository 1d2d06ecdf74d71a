//nolint:forbidigo // in a bubble
package queue_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/queue"
)

// TestWait: a call answers when a notification comes, when its time is over, or when
// its caller has gone; not for an event of no interest.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		if _, ok, err := w.Next(t.Context(), "a", 5*time.Second); ok || err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("%t, %v, after %s", ok, err, time.Since(began))
		}
		began = time.Now()
		came := make(chan string)
		go func() {
			n, _, err := w.Next(t.Context(), "a", time.Minute)
			if err != nil {
				t.Error(err)
			}
			came <- string(n.Body)
		}()
		time.Sleep(10 * time.Second)
		w.add("a", "", "")
		w.add("b", "other")
		time.Sleep(10 * time.Second)
		w.add("a", "here")
		if body := <-came; body != "here" || time.Since(began) != 20*time.Second {
			t.Errorf("%q after %s", body, time.Since(began))
		}
		w.expect("a", "here")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok, err := w.Next(ctx, "a", time.Minute); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%t, %v", ok, err)
		}
		if n := w.waiters(); n != 0 {
			t.Errorf("%d still watch", n)
		}
		w.stop()
	})
}

// TestAThousandWait: a thousand streams that are waited for cost their callers'
// goroutines and no read, while nothing happens and while something happens to one.
func TestAThousandWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const streams = 1000
		names := make([]string, streams)
		for i := range names {
			names[i] = "s" + strconv.Itoa(i)
			w.add(names[i], "", "unwanted")
		}
		w.want("unwanted", false)
		before := runtime.NumGoroutine()
		var wait sync.WaitGroup
		for _, name := range names {
			wait.Go(func() {
				if n, ok, err := w.Next(t.Context(), name, time.Hour); ok != (name == "s7") || err != nil {
					t.Errorf("%s: %+v, %t, %v", name, n, ok, err)
				}
			})
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > streams {
			t.Errorf("%d goroutines for %d who wait", n, streams)
		}
		reads := w.log.reads.Load()
		if reads > 2*streams { // the cursor, and what there was
			t.Errorf("%d reads to begin with", reads)
		}
		time.Sleep(30 * time.Minute)
		if n := w.log.reads.Load() - reads; n != 0 {
			t.Errorf("%d reads while nothing happened", n)
		}
		w.add("s7", "unwanted")
		synctest.Wait()
		w.add("s7", "wanted")
		synctest.Wait()
		if n := w.log.reads.Load() - reads; n != 2 {
			t.Errorf("%d reads for two events of one stream", n)
		}
		wait.Wait()
		reads = w.log.reads.Load()
		for _, name := range names {
			if body, _ := w.next(name); (body != "") != (name == "s7") {
				t.Errorf("%s: %q", name, body)
			}
		}
		if n := w.log.reads.Load() - reads; n != 0 {
			t.Errorf("%d reads of what was read already", n)
		}
		w.stop()
	})
}

// TestLongStretch: one call reads a bounded part of what is of no interest, the next
// goes on behind it, and none of it is read twice; the cursor goes along with the
// next deletion.
func TestLongStretch(t *testing.T) {
	w := newWorld(t)
	const most = 64 * 256 // events that one call reads
	for range 2 * most / 4096 {
		w.add("a", make([]string, 4096)...)
	}
	w.add("a", "found")
	calls := 0
	for body := ""; body == ""; calls++ {
		before := w.log.reads.Load()
		body, _ = w.next("a")
		if n := w.log.reads.Load() - before; n > 64+1 {
			t.Errorf("call %d reads %d times", calls, n)
		}
	}
	if calls != 3 {
		t.Errorf("found with call %d", calls)
	}
	w.expect("a", "found")
	w.restart()
	before := w.log.reads.Load()
	w.expect("a")
	if n := w.log.reads.Load() - before; n > 1 {
		t.Errorf("%d reads after the cursor had moved", n)
	}
}

// TestTogether: two who fetch and one who deletes see the same order and lose nothing.
func TestTogether(t *testing.T) {
	w := newWorld(t)
	const events = 60
	var all sync.WaitGroup
	receipts := make(chan int64, 4*events)
	fetch := func() {
		last := int64(0)
		for last < events*queue.Places {
			n, ok, err := w.Next(t.Context(), "a", 10*time.Second)
			if err != nil || !ok || n.Receipt < last {
				t.Errorf("%+v, %t, %v, after %d", n, ok, err, last)
				return
			}
			if n.Receipt > last {
				receipts <- n.Receipt
			}
			last = n.Receipt
			runtime.Gosched()
		}
	}
	all.Go(fetch)
	all.Go(fetch)
	deleted := 0
	all.Go(func() {
		for deleted < events {
			ok, err := w.Delete(t.Context(), "a", <-receipts)
			if err != nil {
				t.Error(err)
				return
			}
			if ok {
				deleted++
			}
			if deleted == events-1 { // the last stays until both have seen it
				return
			}
		}
	})
	for i := range events {
		w.add("a", strconv.Itoa(i+1))
	}
	all.Wait()
	if t.Failed() {
		return
	}
	w.expect("a", strconv.Itoa(events))
}
