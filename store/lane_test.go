package store_test

import (
	"reflect"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestOneLane: a cursor is found as it was stored, with an endpoint or without, and
// only that of the live events; it goes with its instance.
func TestOneLane(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path, sealedBy(mask{}))
	want := record.Lane{Endpoint: "a-fetched", Stream: "a", Acked: 7, Receipts: []int64{4096, 4608}}
	if _, ok, err := s.Lane("a-fetched", "a"); ok || err != nil {
		t.Errorf("before it was stored: %t, %v", ok, err)
	}
	if err := s.SaveLane(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveLane(t.Context(), record.Lane{Endpoint: "a-fetched", Stream: "b", Replay: "r", From: 1, Until: 2}); err != nil {
		t.Fatal(err)
	}
	stop()
	s, _ = started(t, path, sealedBy(mask{}))
	if got, ok, err := s.Lane("a-fetched", "a"); !ok || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %t, %v", got, ok, err)
	}
	if _, ok, err := s.Lane("a-fetched", "b"); ok || err != nil {
		t.Errorf("a replay passes for the live events: %t, %v", ok, err)
	}
	if err := s.SaveLane(t.Context(), record.Lane{Endpoint: "a-fetched"}); err == nil {
		t.Error("a lane of no stream was stored")
	}
	c := s.Change()
	c.EraseInstance("a")
	if _, err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Lane("a-fetched", "a"); ok || err != nil {
		t.Errorf("after its instance was erased: %t, %v", ok, err)
	}
}
