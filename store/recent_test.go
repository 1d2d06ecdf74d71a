package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestRecent holds what is answered from memory against what is read from the
// file, around the end of what is kept and after a stream was erased.
func TestRecent(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	streams := []string{"a", "b", "c"}
	for i := 0; i < 4800; {
		ch := s.Change()
		for range 100 {
			e := record.Event{
				Stream: streams[i%len(streams)], Kind: record.ConnectionChanged, At: moment, Name: fmt.Sprint(i),
				Transition: &fsm.Transition{From: fsm.Authenticated, To: fsm.AuthenticatedClosed, At: moment},
			}
			if i%50 == 0 { // too large to be kept
				e.Data = []byte(`"` + strings.Repeat("x", 4<<10) + `"`)
			}
			ch.Append(e)
			i++
		}
		if _, err := s.Commit(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.EraseStream(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	read := func(s *store.Store) (all [][]record.Event) {
		for _, after := range []uint64{0, 1, 690, 701, 1602, 4703} {
			for _, limit := range []int{1, 64, 5000} {
				events, last, err := s.Next(after, limit)
				if err != nil {
					t.Fatal(err)
				}
				// From memory it may answer fewer at once.
				for len(events) < limit {
					more, end, err := s.Next(last, limit-len(events))
					if err != nil {
						t.Fatal(err)
					}
					if len(more) == 0 {
						break
					}
					events, last = append(events, more...), end
				}
				all = append(all, events)
			}
		}
		for _, stream := range streams {
			for after := range s.Head(stream) {
				events, err := s.Events(stream, after, 1)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, events)
			}
		}
		return all
	}
	fromMemory := read(s)
	stop()
	s, stop = started(t, path)
	defer stop()
	fromFile := read(s)
	for i := range fromFile {
		if !slices.EqualFunc(fromFile[i], fromMemory[i], sameEvent) {
			t.Fatalf("reading %d answers %d events from memory and %d from the file, or others", i, len(fromMemory[i]), len(fromFile[i]))
		}
	}
}

// sameEvent compares all that an event tells.
func sameEvent(a, b record.Event) bool {
	x, err1 := a.AppendJSON(nil)
	y, err2 := b.AppendJSON(nil)
	return err1 == nil && err2 == nil && bytes.Equal(x, y) &&
		a.At.String() == b.At.String() // without the reading of a clock
}
