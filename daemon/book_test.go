package daemon

import (
	"slices"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestBookCovers: who gets the events of which stream, from both sides.
func TestBookCovers(t *testing.T) {
	b := newBook()
	b.open("shop", "acme")
	b.open("free", "")
	b.open("gone", "acme")
	endpoints := []record.Endpoint{
		{ID: "own", Stream: "shop", URL: "u"},
		{ID: "acme", Tenant: "acme", URL: "u"},
		{ID: "all", URL: "u"},
		{ID: "unset", Stream: "shop"},
		{ID: "other", Tenant: "other", URL: "u"},
	}
	for _, ep := range endpoints {
		b.put(ep)
	}
	b.closed("gone")
	for stream, want := range map[string][]string{
		"shop":              {"acme", "all", "own"},
		"free":              {"all"},
		record.DaemonStream: {"all"},
		"gone":              {},
		"never":             {},
	} {
		var over, covered []string
		for _, ep := range b.over(stream) {
			over = append(over, ep.ID)
		}
		for _, ep := range b.all() {
			if b.covers(&ep, stream) {
				covered = append(covered, ep.ID)
			}
			if got := slices.Contains(b.streams(&ep), stream); got != slices.Contains(want, ep.ID) {
				t.Errorf("%s leads to %s: %t", stream, ep.ID, got)
			}
		}
		slices.Sort(over)
		slices.Sort(covered)
		if !slices.Equal(over, want) || !slices.Equal(covered, want) {
			t.Errorf("%s leads to %v and %v, want %v", stream, over, covered, want)
		}
	}
	b.remove("own")
	b.remove("own")
	if n := len(b.of(owner{stream: "shop"})); n != 1 {
		t.Errorf("%d endpoints are left", n)
	}
}
