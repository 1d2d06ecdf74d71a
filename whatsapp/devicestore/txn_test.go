package devicestore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func TestTransactionIsOneApply(t *testing.T) {
	s, m := all(t)
	check(t, s.PutSession(t.Context(), "1:0", []byte("old")))
	m.costs(t, 1, "a transaction of every write", func() {
		check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			writeEverythingIn(ctx, t, s)
			check(t, s.PutBufferedEvent(ctx, [32]byte{2}, nil, seconds(1))) // two: no message of the library's
			check(t, s.PutSession(ctx, "1:0", []byte("new")))
			equal(t, "inside", string(must(s.GetSession(ctx, "1:0"))), "new")
			equal(t, "outside", string(must(s.GetSession(t.Context(), "1:0"))), "old")
			equal(t, "applies", m.applied(), 1)
			return nil
		}))
	})
	equal(t, "after", string(must(s.GetSession(t.Context(), "1:0"))), "new")
	equal(t, "contact", must(s.GetContact(t.Context(), lid("55", 3))).PushName, "Bob")
}

func writeEverythingIn(ctx context.Context, t *testing.T, s store.AllStores) {
	writeEverything(&inContext{t, ctx}, s)
}

// inContext is a test whose Context is another one.
type inContext struct {
	testing.TB
	ctx context.Context
}

func (c *inContext) Context() context.Context { return c.ctx }

func TestTransactionReadsItsWrites(t *testing.T) {
	s, m := all(t)
	outer := t.Context()
	check(t, s.PutManySessions(outer, map[string][]byte{"1:0": []byte("a"), "1:1": []byte("b"), "12:0": []byte("c")}))
	check(t, s.PutIdentity(outer, "1:0", [32]byte{1}))
	before := m.snapshot()
	err := s.DoDecryptionTxn(outer, func(ctx context.Context) error {
		check(t, s.PutSession(ctx, "1:0", []byte("A")))
		check(t, s.DeleteSession(ctx, "1:1"))
		check(t, s.PutSession(ctx, "1:2", []byte("D")))
		got := must(s.GetManySessions(ctx, []string{"1:0", "1:1", "1:2", "12:0"}))
		equal(t, "sessions", fmt.Sprintf("%q", got), `map["12:0":"c" "1:0":"A" "1:1":"" "1:2":"D"]`)
		equal(t, "has a deleted one", must(s.HasSession(ctx, "1:1")), false)
		equal(t, "has a new one", must(s.HasSession(ctx, "1:2")), true)

		check(t, s.MigratePNToLID(ctx, pn("1", 0), lid("7", 0)))
		got = must(s.GetManySessions(ctx, []string{"1:0", "1:2", "7_1:0", "7_1:1", "7_1:2"}))
		equal(t, "moved", fmt.Sprintf("%q", got), `map["1:0":"" "1:2":"" "7_1:0":"A" "7_1:1":"" "7_1:2":"D"]`)
		equal(t, "identity moved", must(s.IsTrustedIdentity(ctx, "7_1:0", [32]byte{2})), false)
		check(t, s.DeleteAllSessions(ctx, "7_1"))
		equal(t, "deleted", must(s.HasSession(ctx, "7_1:0")), false)
		check(t, s.DeleteAllSessions(ctx, "12"))
		equal(t, "deleted", must(s.HasSession(ctx, "12:0")), false)

		first := must(s.GetOrGenPreKeys(ctx, 3))
		equal(t, "the same prekeys", fmt.Sprint(ids(must(s.GetOrGenPreKeys(ctx, 3)))), fmt.Sprint(ids(first)))
		check(t, s.MarkPreKeysAsUploaded(ctx, first[2].KeyID))
		check(t, s.RemovePreKey(ctx, first[0].KeyID))
		equal(t, "uploaded", must(s.UploadedPreKeyCount(ctx)), 2)
		check(t, s.PutContactName(ctx, pn("1", 0), "Ann", ""))
		equal(t, "contacts", len(must(s.GetAllContacts(ctx))), 1)
		equal(t, "contacts outside", len(must(s.GetAllContacts(outer))), 0)
		return errDisk
	})
	equal(t, "error", err, errDisk)
	equal(t, "nothing is left of it", fmt.Sprint(m.snapshot()), fmt.Sprint(before))
}

func TestTransactionThatChangesNothingIsFree(t *testing.T) {
	s, m := all(t)
	check(t, s.PutSession(t.Context(), "1:0", []byte("a")))
	m.costs(t, 0, "there and back", func() {
		check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			check(t, s.PutSession(ctx, "1:0", []byte("b")))
			check(t, s.PutSession(ctx, "1:0", []byte("a")))
			check(t, s.PutSession(ctx, "2:0", []byte("c")))
			return s.DeleteSession(ctx, "2:0")
		}))
	})
}

func TestNestedTransactionJoins(t *testing.T) {
	s, m := all(t)
	nested := func(outerErr error) error {
		return s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			check(t, s.PutSession(ctx, "1:0", []byte("outer")))
			check(t, s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				equal(t, "inner sees outer", string(must(s.GetSession(ctx, "1:0"))), "outer")
				return s.PutSession(ctx, "2:0", []byte("inner"))
			}))
			equal(t, "outer sees inner", string(must(s.GetSession(ctx, "2:0"))), "inner")
			equal(t, "not applied yet", m.applied(), 0)
			return outerErr
		})
	}
	m.costs(t, 0, "an outer failure", func() { equal(t, "error", nested(errDisk), errDisk) })
	equal(t, "inner is gone", must(s.HasSession(t.Context(), "2:0")), false)
	m.costs(t, 1, "success", func() { check(t, nested(nil)) })
	equal(t, "inner is there", must(s.HasSession(t.Context(), "2:0")), true)
}

func TestTransactionFailures(t *testing.T) {
	s, m := all(t)
	put := func(ctx context.Context) error { return s.PutSession(ctx, "1:0", []byte("a")) }
	func() {
		defer func() { equal(t, "panic", recover(), any("boom")) }()
		_ = s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			check(t, put(ctx))
			panic("boom")
		})
	}()
	equal(t, "session", must(s.HasSession(t.Context(), "1:0")), false)

	ctx, cancel := context.WithCancel(t.Context())
	check(t, s.DoDecryptionTxn(t.Context(), func(context.Context) error {
		cancel()
		err := s.DoDecryptionTxn(ctx, func(context.Context) error { t.Error("ran beside another"); return nil })
		equal(t, "waiting ends with its context", errors.Is(err, context.Canceled), true)
		return nil
	}))
	check(t, s.DoDecryptionTxn(t.Context(), put))
	equal(t, "session", must(s.HasSession(t.Context(), "1:0")), true)
	check(t, s.DeleteSession(t.Context(), "1:0"))

	m.set(func(m *memory) { m.failNext = errDisk })
	err := s.DoDecryptionTxn(t.Context(), put)
	equal(t, "a disk's error", errors.Is(err, errDisk), true)
	equal(t, "looks to the library like the end", errors.Is(err, context.Canceled), true)
	equal(t, "session", must(s.HasSession(t.Context(), "1:0")), false)
	err = s.DoDecryptionTxn(t.Context(), put)
	equal(t, "and is the end", errors.Is(err, devicestore.ErrFailed) && errors.Is(err, context.Canceled), true)
}

// A goroutine that keeps the callback's context for longer than the callback
// writes by itself, and durably.
func TestContextOutlivesItsTransaction(t *testing.T) {
	s, m := all(t)
	var kept context.Context
	check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		kept = context.WithoutCancel(ctx) //nolint:fatcontext // that is the point
		return nil
	}))
	m.costs(t, 1, "a late write", func() { check(t, s.PutSession(kept, "1:0", []byte("a"))) })
	m.costs(t, 1, "a late transaction", func() {
		check(t, s.DoDecryptionTxn(kept, func(ctx context.Context) error { return s.PutSession(ctx, "2:0", []byte("a")) }))
	})
}

func TestTransactionsOfDevicesAreApart(t *testing.T) {
	a, _ := all(t)
	b, m := all(t)
	check(t, a.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		m.costs(t, 1, "another device's write", func() { check(t, b.PutSession(ctx, "1:0", []byte("b"))) })
		equal(t, "here", must(a.HasSession(ctx, "1:0")), false)
		return nil
	}))
}

// While a transaction's callback is still running, every write outside it gets
// through, whoever waits for whom.
func TestWritesDoNotWaitForTransactions(t *testing.T) {
	s, m := all(t)
	inside, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		<-inside
		writeEverything(t, s)
	}()
	check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		check(t, s.PutSession(ctx, "9:0", []byte("a")))
		close(inside)
		<-done
		return nil
	}))
	equal(t, "written outside", must(s.HasSession(t.Context(), "55_1:3")), true)
	equal(t, "applies", m.applied() > 13, true)
}

// What a transaction has read stays as it was, for single reads and for scans,
// whatever is written outside meanwhile.
func TestTransactionReadsRepeat(t *testing.T) {
	s, _ := all(t)
	outer := t.Context()
	check(t, last(s.PutPushName(outer, pn("1", 0), "old")))
	check(t, s.DoDecryptionTxn(outer, func(ctx context.Context) error {
		equal(t, "name", must(s.GetContact(ctx, pn("1", 0))).PushName, "old")
		equal(t, "absent", must(s.GetContact(ctx, pn("2", 0))).Found, false)
		check(t, last(s.PutPushName(outer, pn("1", 0), "new")))
		check(t, last(s.PutPushName(outer, pn("2", 0), "new")))
		equal(t, "name", must(s.GetContact(ctx, pn("1", 0))).PushName, "old")
		everyone := must(s.GetAllContacts(ctx))
		equal(t, "contacts", len(everyone), 1)
		equal(t, "name", everyone[pn("1", 0)].PushName, "old")
		return nil
	}))
	equal(t, "name after", must(s.GetContact(outer, pn("1", 0))).PushName, "new")
}

func last[A, B any](_ A, _ B, err error) error { return err }
