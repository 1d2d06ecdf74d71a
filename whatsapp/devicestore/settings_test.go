package devicestore_test

import (
	"testing"

	"go.mau.fi/whatsmeow/store"
)

// TestSettingsAreStoredAsOne: a version is on disk with its MACs or not at all, and seen
// at once.
func TestSettingsAreStoredAsOne(t *testing.T) {
	_, d, m := paired(t)
	ctx, s := t.Context(), d.AppState
	var k store.AppStateStore = d.Sessions.(store.AllStores) // what is on disk
	seen := func(of store.AppStateStore, version uint64, a, b string) {
		t.Helper()
		got, hash, err := of.GetAppStateVersion(ctx, "regular")
		check(t, err)
		equal(t, "version", got, version)
		equal(t, "hash", hash, [128]byte{byte(version)})
		equal(t, "a", string(must(of.GetAppStateMutationMAC(ctx, "regular", []byte("a")))), a)
		equal(t, "b", string(must(of.GetAppStateMutationMAC(ctx, "regular", []byte("b")))), b)
	}
	step := func(version uint64, pairs ...string) {
		check(t, s.PutAppStateVersion(ctx, "regular", version, [128]byte{byte(version)}))
		check(t, s.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{[]byte("b")}))
		check(t, s.PutAppStateMutationMACs(ctx, "regular", version, macs(pairs...)))
	}
	m.costs(t, 1, "a step", func() { step(1, "a", "1", "b", "1") })
	seen(k, 1, "1", "1")
	m.costs(t, 0, "half a step", func() {
		check(t, s.PutAppStateVersion(ctx, "regular", 2, [128]byte{2}))
		check(t, s.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{[]byte("b")}))
	})
	seen(s, 2, "1", "")
	seen(k, 1, "1", "1") // what a crash would leave
	m.costs(t, 1, "the other half", func() { check(t, s.PutAppStateMutationMACs(ctx, "regular", 2, macs("a", "2"))) })
	seen(s, 2, "2", "")
	seen(k, 2, "2", "")
	check(t, s.PutAppStateVersion(ctx, "regular", 3, [128]byte{3}))
	check(t, s.DeleteAppStateVersion(ctx, "regular"))
	seen(s, 0, "", "")
	seen(k, 0, "", "")
}
