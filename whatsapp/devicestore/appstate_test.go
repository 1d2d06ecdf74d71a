package devicestore_test

import (
	"testing"

	"go.mau.fi/whatsmeow/store"
)

func macs(pairs ...string) (out []store.AppStateMutationMAC) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, store.AppStateMutationMAC{IndexMAC: []byte(pairs[i]), ValueMAC: []byte(pairs[i+1])})
	}
	return out
}

func TestAppState(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	version := func(name string, want uint64, first byte) {
		t.Helper()
		got, hash, err := s.GetAppStateVersion(ctx, name)
		check(t, err)
		equal(t, name, got, want)
		equal(t, name+" hash", hash, [128]byte{first})
	}
	mac := func(name, index, want string) {
		t.Helper()
		got := must(s.GetAppStateMutationMAC(ctx, name, []byte(index)))
		equal(t, "MAC of "+name+" "+index, string(got), want)
		equal(t, "is nil", got == nil, want == "")
	}
	version("regular", 0, 0)
	m.costs(t, 1, "a version", func() { check(t, s.PutAppStateVersion(ctx, "regular", 3, [128]byte{9})) })
	m.costs(t, 0, "the same version", func() { check(t, s.PutAppStateVersion(ctx, "regular", 3, [128]byte{9})) })
	version("regular", 3, 9)
	version("regular_low", 0, 0)

	m.costs(t, 1, "three MACs", func() {
		check(t, s.PutAppStateMutationMACs(ctx, "regular", 3, macs("a", "1", "b", "2", "c", "3")))
	})
	m.costs(t, 0, "the same MACs, or none", func() {
		check(t, s.PutAppStateMutationMACs(ctx, "regular", 3, macs("a", "1", "b", "2")))
		check(t, s.PutAppStateMutationMACs(ctx, "regular", 4, nil))
		check(t, s.DeleteAppStateMutationMACs(ctx, "regular", nil))
	})
	check(t, s.PutAppStateMutationMACs(ctx, "regular", 4, macs("a", "4")))
	check(t, s.PutAppStateMutationMACs(ctx, "regular", 2, macs("a", "old", "d", "2")))
	check(t, s.PutAppStateMutationMACs(ctx, "regular_low", 1, macs("a", "low")))
	mac("regular", "a", "4")
	mac("regular", "d", "2")
	mac("regular", "x", "")
	m.costs(t, 1, "deleting MACs", func() {
		check(t, s.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{[]byte("b"), []byte("x")}))
	})
	mac("regular", "b", "")

	check(t, s.PutAppStateVersion(ctx, "regular_low", 1, [128]byte{8}))
	m.costs(t, 1, "deleting a version", func() { check(t, s.DeleteAppStateVersion(ctx, "regular")) })
	m.costs(t, 0, "deleting it again", func() { check(t, s.DeleteAppStateVersion(ctx, "regular")) })
	version("regular", 0, 0)
	for _, index := range []string{"a", "b", "c", "d"} {
		mac("regular", index, "")
	}
	version("regular_low", 1, 8)
	mac("regular_low", "a", "low")
}

func TestAppStateSyncKeys(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	put := func(id, data string, at int64, cost int) {
		t.Helper()
		m.costs(t, cost, "key "+data, func() {
			check(t, s.PutAppStateSyncKey(ctx, []byte(id), store.AppStateSyncKey{
				Data: []byte(data), Fingerprint: []byte("fp " + data), Timestamp: at,
			}))
		})
	}
	equal(t, "latest of none", must(s.GetLatestAppStateSyncKeyID(ctx)) == nil, true)
	equal(t, "absent", must(s.GetAppStateSyncKey(ctx, []byte("k"))) == nil, true)
	put("k2", "a", 20, 1)
	put("k1", "b", 30, 1)
	put("k3", "c", 10, 1)
	equal(t, "latest", string(must(s.GetLatestAppStateSyncKeyID(ctx))), "k1")
	put("k2", "same age", 20, 0)
	put("k2", "older", 19, 0)
	put("k2", "newer", 40, 1)
	got := must(s.GetAppStateSyncKey(ctx, []byte("k2")))
	equal(t, "data", string(got.Data), "newer")
	equal(t, "fingerprint", string(got.Fingerprint), "fp newer")
	equal(t, "timestamp", got.Timestamp, 40)
	equal(t, "latest", string(must(s.GetLatestAppStateSyncKeyID(ctx))), "k2")
}
