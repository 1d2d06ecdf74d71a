package devicestore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

func TestIdentities(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	trusted := func(address string, key byte) bool {
		t.Helper()
		return must(s.IsTrustedIdentity(ctx, address, [32]byte{key}))
	}
	equal(t, "the first key is trusted", trusted("1:0", 1), true)
	m.costs(t, 1, "a new identity", func() { check(t, s.PutIdentity(ctx, "1:0", [32]byte{1})) })
	m.costs(t, 0, "the same identity", func() { check(t, s.PutIdentity(ctx, "1:0", [32]byte{1})) })
	equal(t, "the known key is trusted", trusted("1:0", 1), true)
	equal(t, "another key is trusted", trusted("1:0", 2), false)
	check(t, s.PutIdentity(ctx, "1:0", [32]byte{2}))
	equal(t, "the replacing key is trusted", trusted("1:0", 2), true)
	m.costs(t, 1, "deleting", func() { check(t, s.DeleteIdentity(ctx, "1:0")) })
	m.costs(t, 0, "deleting nothing", func() { check(t, s.DeleteIdentity(ctx, "1:0")) })
	equal(t, "any key is trusted again", trusted("1:0", 3), true)
}

func TestSessions(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	equal(t, "session before", must(s.GetSession(ctx, "1:0")) == nil, true)
	equal(t, "has before", must(s.HasSession(ctx, "1:0")), false)
	m.costs(t, 1, "a new session", func() { check(t, s.PutSession(ctx, "1:0", []byte("a"))) })
	m.costs(t, 0, "the same session", func() { check(t, s.PutSession(ctx, "1:0", []byte("a"))) })
	equal(t, "has", must(s.HasSession(ctx, "1:0")), true)
	m.costs(t, 1, "two of three changed", func() {
		check(t, s.PutManySessions(ctx, map[string][]byte{"1:0": []byte("a"), "1:1": []byte("b"), "2:0": []byte("c")}))
	})
	m.costs(t, 0, "no session", func() { check(t, s.PutManySessions(ctx, nil)) })
	many := must(s.GetManySessions(ctx, []string{"1:0", "2:0", "9:9", "1:0"}))
	equal(t, "sessions", fmt.Sprintf("%q", many), `map["1:0":"a" "2:0":"c" "9:9":""]`)
	equal(t, "an absent one is nil", many["9:9"] == nil, true)
	equal(t, "none asked for", len(must(s.GetManySessions(ctx, nil))), 0)
	m.costs(t, 1, "deleting", func() { check(t, s.DeleteSession(ctx, "1:0")) })
	m.costs(t, 0, "deleting nothing", func() { check(t, s.DeleteSession(ctx, "1:0")) })
	equal(t, "has after", must(s.HasSession(ctx, "1:0")), false)

	record := must(s.GetSession(ctx, "2:0"))
	record[0] = 'X'
	equal(t, "a returned slice is the caller's", string(must(s.GetSession(ctx, "2:0"))), "c")
}

func TestDeleteAllTakesExactlyThePhone(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	addresses := []string{"123:0", "123:9", "123", "1234:0", "12:3", "123_1:0", "0123:0", "12:30", "1_3:0", "1%:0", "%:0", "_23:0"}
	for _, a := range addresses {
		check(t, s.PutSession(ctx, a, []byte(a)))
		check(t, s.PutIdentity(ctx, a, [32]byte{1}))
	}
	left := func() (sessions []string) {
		for _, a := range addresses {
			if must(s.HasSession(ctx, a)) {
				sessions = append(sessions, a)
			}
			if gone := must(s.IsTrustedIdentity(ctx, a, [32]byte{2})); gone == must(s.HasSession(ctx, a)) {
				t.Errorf("session and identity of %q differ", a)
			}
		}
		return sessions
	}
	for _, step := range []struct {
		phone string
		gone  []string
	}{
		{"123", []string{"123:0", "123:9"}},
		{"123_1", []string{"123_1:0"}},
		{"%", []string{"%:0"}},
		{"_23", []string{"_23:0"}},
		{"12:3", nil},
		{"", nil},
		{"9", nil},
	} {
		want := slices.DeleteFunc(left(), func(a string) bool { return slices.Contains(step.gone, a) })
		m.costs(t, min(1, len(step.gone))*2, "deleting "+step.phone, func() {
			check(t, s.DeleteAllSessions(ctx, step.phone))
			check(t, s.DeleteAllIdentities(ctx, step.phone))
		})
		equal(t, "left after "+step.phone, fmt.Sprint(left()), fmt.Sprint(want))
	}
}

func TestMigratePNToLID(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	from, to := pn("123", 4), lid("777", 4)
	m.costs(t, 0, "nothing to migrate", func() { check(t, s.MigratePNToLID(ctx, from, to)) })
	for _, a := range []string{"123:0", "123:4", "1234:0", "123_1:0", "777_1:4", "777_1:5"} {
		check(t, s.PutSession(ctx, a, []byte("session "+a)))
		check(t, s.PutIdentity(ctx, a, [32]byte{byte(len(a)), a[len(a)-1]}))
		check(t, s.PutSenderKey(ctx, "g1@g.us", a, []byte("g1 "+a)))
	}
	check(t, s.PutSenderKey(ctx, "g2@g.us", "123:4", []byte("g2 123:4")))
	m.costs(t, 1, "migrating", func() { check(t, s.MigratePNToLID(ctx, from, to)) })
	for address, want := range map[string]string{
		"123:0": "", "123:4": "", "1234:0": "1234:0", "123_1:0": "123_1:0",
		"777_1:0": "123:0", "777_1:4": "123:4", "777_1:5": "777_1:5",
	} {
		session, key := "session "+want, "g1 "+want
		if want == "" {
			session, key = "", ""
		}
		equal(t, "session "+address, string(must(s.GetSession(ctx, address))), session)
		equal(t, "sender key "+address, string(must(s.GetSenderKey(ctx, "g1@g.us", address))), key)
		if want == "" {
			equal(t, "identity is gone "+address, must(s.IsTrustedIdentity(ctx, address, [32]byte{99})), true)
			continue
		}
		equal(t, "identity "+address, must(s.IsTrustedIdentity(ctx, address, [32]byte{byte(len(want)), want[len(want)-1]})), true)
		equal(t, "identity is known "+address, must(s.IsTrustedIdentity(ctx, address, [32]byte{99})), false)
	}
	equal(t, "second group", string(must(s.GetSenderKey(ctx, "g2@g.us", "777_1:4"))), "g2 123:4")
	m.costs(t, 0, "migrating again", func() { check(t, s.MigratePNToLID(ctx, from, to)) })
	check(t, s.PutSession(ctx, "123:4", []byte("later")))
	m.costs(t, 1, "a session that came later", func() { check(t, s.MigratePNToLID(ctx, from, to)) })
	equal(t, "later session", string(must(s.GetSession(ctx, "777_1:4"))), "later")
	m.costs(t, 0, "onto itself", func() { check(t, s.MigratePNToLID(ctx, to, to)) })
	equal(t, "still there", string(must(s.GetSession(ctx, "777_1:4"))), "later")
}

func TestSenderKeys(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	equal(t, "before", must(s.GetSenderKey(ctx, "g", "1:0")) == nil, true)
	m.costs(t, 1, "a new key", func() { check(t, s.PutSenderKey(ctx, "g", "1:0", []byte("a"))) })
	m.costs(t, 0, "the same key", func() { check(t, s.PutSenderKey(ctx, "g", "1:0", []byte("a"))) })
	equal(t, "after", string(must(s.GetSenderKey(ctx, "g", "1:0"))), "a")
	equal(t, "another group", must(s.GetSenderKey(ctx, "h", "1:0")) == nil, true)
	equal(t, "another device", must(s.GetSenderKey(ctx, "g", "1:1")) == nil, true)
}

func ids(list []*keys.PreKey) (out []uint32) {
	for _, p := range list {
		out = append(out, p.KeyID)
	}
	return out
}

func TestPreKeys(t *testing.T) {
	r, d, m := paired(t)
	ctx := t.Context()
	s := d.PreKeys
	uploaded := func(want int) {
		t.Helper()
		equal(t, "uploaded", must(s.UploadedPreKeyCount(ctx)), want)
	}
	uploaded(0)
	equal(t, "none wanted", len(must(s.GetOrGenPreKeys(ctx, 0))), 0)
	var first []*keys.PreKey
	m.costs(t, 1, "five prekeys", func() { first = must(s.GetOrGenPreKeys(ctx, 5)) })
	equal(t, "ids", fmt.Sprint(ids(first)), "[1 2 3 4 5]")
	m.costs(t, 0, "the same five", func() {
		equal(t, "ids", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 5)))), "[1 2 3 4 5]")
		equal(t, "ids", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 3)))), "[1 2 3]")
	})
	uploaded(0)

	var one *keys.PreKey
	m.costs(t, 1, "one prekey", func() { one = must(s.GenOnePreKey(ctx)) })
	equal(t, "id", one.KeyID, 6)
	uploaded(1)
	m.costs(t, 1, "marking", func() { check(t, s.MarkPreKeysAsUploaded(ctx, 3)) })
	m.costs(t, 0, "marking again", func() { check(t, s.MarkPreKeysAsUploaded(ctx, 2)) })
	uploaded(4)
	equal(t, "ids", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 3)))), "[4 5 7]")

	got := must(s.GetPreKey(ctx, 4))
	equal(t, "private key", *got.Priv, *first[3].Priv)
	equal(t, "public key", *got.Pub, *first[3].Pub)
	m.costs(t, 1, "removing", func() { check(t, s.RemovePreKey(ctx, 4)) })
	m.costs(t, 0, "removing nothing", func() { check(t, s.RemovePreKey(ctx, 4)) })
	equal(t, "removed", must(s.GetPreKey(ctx, 4)) == nil, true)

	check(t, s.MarkPreKeysAsUploaded(ctx, 1_000_000))
	uploaded(6) // 1, 2, 3, 5, 6 and 7
	equal(t, "a mark does not reach into the future", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 2)))), "[8 9]")

	for id := range uint32(10) {
		check(t, s.RemovePreKey(ctx, id))
	}
	r.reopen(t)
	s = must(r.Load(r.owner.saved[0])).PreKeys
	uploaded(0)
	equal(t, "ids are not used again", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 2)))), "[10 11]")
}

// An id that a discarded transaction has shown to its callback is not given out
// for another key.
func TestPreKeyIDsSurviveARollback(t *testing.T) {
	s, _ := all(t)
	var lost *keys.PreKey
	_ = s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		lost = must(s.GenOnePreKey(ctx))
		return errDisk
	})
	equal(t, "lost", must(s.GetPreKey(t.Context(), lost.KeyID)) == nil, true)
	if next := must(s.GenOnePreKey(t.Context())); next.KeyID <= lost.KeyID {
		t.Errorf("id %d after %d", next.KeyID, lost.KeyID)
	}
}

func TestLIDMappings(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	m.costs(t, 1, "a new mapping", func() { check(t, s.PutLIDMapping(ctx, lid("77", 3), pn("12", 9))) })
	m.costs(t, 0, "the same mapping", func() { check(t, s.PutLIDMapping(ctx, lid("77", 0), pn("12", 0))) })
	equal(t, "LID", must(s.GetLIDForPN(ctx, pn("12", 5))), lid("77", 5))
	equal(t, "PN", must(s.GetPNForLID(ctx, lid("77", 6))), pn("12", 6))
	equal(t, "unknown PN", must(s.GetLIDForPN(ctx, pn("13", 0))), types.EmptyJID)
	equal(t, "unknown LID", must(s.GetPNForLID(ctx, lid("78", 0))), types.EmptyJID)
	for name, err := range map[string]error{
		"swapped":     s.PutLIDMapping(ctx, pn("1", 0), lid("1", 0)),
		"LID for LID": second(s.GetLIDForPN(ctx, lid("77", 0))),
		"PN for PN":   second(s.GetPNForLID(ctx, pn("12", 0))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
