package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func TestCommitAnswersWhatItStored(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	in := record.Instance{ID: "a", Name: "front desk"}
	got := commit(t, s, func(c *store.Change) {
		c.PutInstance(in)
		c.Append(record.Event{Stream: "a", Epoch: 9, Seq: 99, Kind: record.QRIssued, At: moment, Name: "x"})
		c.Append(record.Event{Stream: "daemon", Kind: record.InstanceCreated, At: moment})
		c.Append(record.Event{Stream: "a", Kind: record.ConnectionChanged, At: moment})
	})
	if want := []string{"a/1/1", "daemon/1/1", "a/1/2"}; !slices.Equal(ids(got), want) {
		t.Fatalf("answered %v, want %v", ids(got), want)
	}
	if got[0].Kind != record.QRIssued || got[0].Name != "x" || !got[0].At.Equal(moment) {
		t.Errorf("answered %+v", got[0])
	}
	stop()

	s = open(t, path)
	if list, err := s.Instances(); err != nil || len(list) != 1 || list[0] != in {
		t.Errorf("instances after reopen: %+v, %v", list, err)
	}
	events, err := s.Events("a", 0, 10)
	if err != nil || !slices.Equal(ids(events), []string{"a/1/1", "a/1/2"}) || events[0].Name != "x" {
		t.Errorf("events after reopen: %+v, %v", events, err)
	}
}

// TestCommitIsOnDiskWhenItAnswers opens a copy of the file after each answer,
// as a start after kill -9 would.
func TestCommitIsOnDiskWhenItAnswers(t *testing.T) {
	path := newPath(t)
	s, _ := started(t, path)
	for i := range 10 {
		commit(t, s, func(c *store.Change) {
			c.PutSession("a", record.Session{ID: fmt.Sprint(i)})
			c.Append(record.Event{Stream: "a", Kind: "test", At: moment})
		})
		was := open(t, crash(t, path))
		session, err := was.Session("a")
		if err != nil || session == nil || session.ID != fmt.Sprint(i) || was.Head("a") != uint64(i+1) {
			t.Fatalf("after answer %d the file holds %+v and %d events: %v", i, session, was.Head("a"), err)
		}
		if err := was.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSeqIsGapFreeUnderConcurrency(t *testing.T) {
	const writers, rounds = 24, 12
	path := newPath(t)
	s, stop := started(t, path)
	var mu sync.Mutex
	answered := make(map[string][]string)
	heard := make(map[string][]string)
	s.OnAppend(func(events []record.Event) {
		for _, e := range events {
			heard[e.Stream] = append(heard[e.Stream], e.ID())
		}
	})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for r := range rounds {
				streams := []string{fmt.Sprintf("s%d", w%3), fmt.Sprintf("s%d", r%5), "daemon"}
				events, err := s.Commit(t.Context(), appendTo(s, streams...))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, e := range events {
					answered[e.Stream] = append(answered[e.Stream], e.ID())
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stop()

	s = open(t, path)
	total := 0
	for _, stream := range s.Streams() {
		head := int(s.Head(stream))
		total += head
		want := numbered(stream, 1, head)
		if got := streamIDs(t, s, stream); !slices.Equal(got, want) {
			t.Errorf("%s: the log holds %v", stream, got)
		}
		if !slices.Equal(heard[stream], want) {
			t.Errorf("%s: OnAppend heard %v", stream, heard[stream])
		}
		slices.Sort(answered[stream])
		slices.Sort(want)
		if !slices.Equal(answered[stream], want) {
			t.Errorf("%s: the answers were %v", stream, answered[stream])
		}
	}
	if total != writers*rounds*3 {
		t.Errorf("%d events stored, want %d", total, writers*rounds*3)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := transactions(t, path); n > writers*rounds+1 {
		t.Errorf("%d commits took %d transactions", writers*rounds, n-1)
	}
}

// TestGroupCommit lets a crowd wait before Run begins: one transaction takes
// them all.
func TestGroupCommit(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				if _, err := s.Commit(t.Context(), appendTo(s, fmt.Sprintf("s%d", i%7))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		stop := run(t, s)
		wg.Wait()
		stop()
	})
	if n := transactions(t, path); n != 3 { // two made the file and opened it
		t.Errorf("500 commits took %d transactions", n-2)
	}
}

func TestBadChangeFailsAlone(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		var wg sync.WaitGroup
		for i := range 9 {
			wg.Go(func() {
				c := appendTo(s, "a")
				if i == 4 {
					c.Break()
				}
				events, err := s.Commit(t.Context(), c)
				if i == 4 && (err == nil || errors.Is(err, store.ErrUnavailable) || events != nil) {
					t.Errorf("the bad change got %v, %v", events, err)
				}
				if i != 4 && err != nil {
					t.Errorf("a good change got %v", err)
				}
			})
		}
		synctest.Wait()
		stop := run(t, s)
		wg.Wait()
		if s.Health() != nil {
			t.Errorf("a bad change made the store ill: %v", s.Health())
		}
		stop()
	})
	if got := streamIDs(t, open(t, path), "a"); !slices.Equal(got, numbered("a", 1, 8)) {
		t.Errorf("the log holds %v", got)
	}
}

// TestChangeRefuses holds what never reaches the committer: no Run is there to
// answer.
func TestChangeRefuses(t *testing.T) {
	s := open(t, newPath(t))
	huge := strings.Repeat("x", 17<<20)
	for name, fill := range map[string]func(*store.Change){
		"no id":             func(c *store.Change) { c.PutInstance(record.Instance{}) },
		"zero byte in id":   func(c *store.Change) { c.PutInstance(record.Instance{ID: "a\x00b"}) },
		"long id":           func(c *store.Change) { c.PutInstance(record.Instance{ID: huge[:1<<16] + "x"}) },
		"no session id":     func(c *store.Change) { c.PutSession("", record.Session{}) },
		"drop nobody":       func(c *store.Change) { c.DropSession("") },
		"erase nobody":      func(c *store.Change) { c.EraseInstance("") },
		"erase no endpoint": func(c *store.Change) { c.EraseInstance("a", "") },
		"no endpoint":       func(c *store.Change) { c.PutEndpoint(record.Endpoint{}) },
		"delete none":       func(c *store.Change) { c.DeleteEndpoint("") },
		"delete no lanes":   func(c *store.Change) { c.DeleteLanes("") },
		"no lane":           func(c *store.Change) { c.PutLane(record.Lane{Endpoint: "e"}) },
		"lane by joint":     func(c *store.Change) { c.PutLane(record.Lane{Endpoint: "e\x00s", Stream: "t"}) },
		"no dead letter":    func(c *store.Change) { c.PutDeadLetter(record.DeadLetter{Stream: "s"}) },
		"no stream":         func(c *store.Change) { c.Append(record.Event{}) },
		"stream with slash": func(c *store.Change) { c.Append(record.Event{Stream: "a/1"}) },
		"stream with dot":   func(c *store.Change) { c.Append(record.Event{Stream: "a.b"}) },
		"stream wildcard":   func(c *store.Change) { c.Append(record.Event{Stream: "a>"}) },
		"stream newline":    func(c *store.Change) { c.Append(record.Event{Stream: "a\n"}) },
		"long stream":       func(c *store.Change) { c.Append(record.Event{Stream: huge[:65]}) },
		"broken data":       func(c *store.Change) { c.Append(record.Event{Stream: "a", Data: []byte("{")}) },
		"huge event":        func(c *store.Change) { c.Append(record.Event{Stream: "a", Name: huge}) },
		"huge record":       func(c *store.Change) { c.PutInstance(record.Instance{ID: "a", Name: huge}) },
	} {
		c := s.Change()
		c.PutInstance(record.Instance{ID: "good"})
		fill(c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Commit(ctx, c); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: reached the committer (%v)", name, err)
		}
	}
}

func TestEmptyChange(t *testing.T) {
	s := open(t, newPath(t))
	if events, err := s.Commit(t.Context(), s.Change()); err != nil || events != nil {
		t.Errorf("an empty change answers %v, %v", events, err)
	}
}

func TestCommitOutOfTurn(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.Commit(ctx, appendTo(s, "late"))
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("out of turn: %v", err)
		}
		run(t, s)()
		if _, err := s.Commit(t.Context(), appendTo(s, "late")); !errors.Is(err, store.ErrClosed) {
			t.Errorf("after Run: %v", err)
		}
		if _, err := s.Instances(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
	if s := open(t, path); s.Head("late") != 0 {
		t.Errorf("%d events of changes that were refused", s.Head("late"))
	}
}

// TestWithdrawn has many give up while their turn comes: who is told that nothing was
// stored is told the truth, and so is everybody else.
func TestWithdrawn(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	var mu sync.Mutex
	var answered []string
	withdrawn := 0
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%2 == 0 {
					wg.Go(cancel)
				}
				events, err := s.Commit(ctx, appendTo(s, "a", "a"))
				cancel()
				mu.Lock()
				switch {
				case err == nil:
					answered = append(answered, ids(events)...)
				case i%2 == 0 && errors.Is(err, store.ErrUnavailable) && errors.Is(err, context.Canceled) && events == nil:
					withdrawn++
				default:
					t.Errorf("%v, %v", events, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stop()
	want := numbered("a", 1, 2*(64*50-withdrawn))
	if got := streamIDs(t, open(t, path), "a"); !slices.Equal(got, want) {
		t.Errorf("%d events are stored, %d are wanted, of changes that were not withdrawn", len(got), len(want))
	}
	slices.Sort(answered)
	slices.Sort(want)
	if !slices.Equal(answered, want) {
		t.Errorf("%d events were answered, %d stored", len(answered), len(want))
	}
	if withdrawn == 0 {
		t.Error("nothing was withdrawn")
	}
}

// TestGivenTwice commits one change again: its events come again, and those that are in
// the log stay what they are.
func TestGivenTwice(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	c := s.Change()
	c.Append(record.Event{Stream: "a", At: moment, Data: fmt.Appendf(nil, "%q", strings.Repeat("x", 4<<10))})
	for range 2 {
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	want := numbered("a", 1, 2)
	if got := streamIDs(t, s, "a"); !slices.Equal(got, want) {
		t.Errorf("%v are in the log, %v are wanted", got, want)
	}
	stop()
	if got := streamIDs(t, open(t, path), "a"); !slices.Equal(got, want) {
		t.Errorf("%v are in the file, %v are wanted", got, want)
	}
}

// TestStopAnswersEverybody ends Run while a crowd waits: each is answered, and
// the answer is true.
func TestStopAnswersEverybody(t *testing.T) {
	path := newPath(t)
	stored := 0
	synctest.Test(t, func(t *testing.T) {
		s := open(t, path)
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range 3000 { // more than a batch
			wg.Go(func() {
				_, err := s.Commit(t.Context(), appendTo(s, "a"))
				if err != nil && !errors.Is(err, store.ErrClosed) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					stored++
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s := open(t, path)
	if s.Head("a") != uint64(stored) || stored != 3000 {
		t.Errorf("%d stored, %d answered as stored, of 3000 waiting", s.Head("a"), stored)
	}
}
