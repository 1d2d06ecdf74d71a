package devicestore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func arrival(id string) devicestore.Arrival {
	return devicestore.Arrival{Chat: lid("55", 0), Sender: lid("55", 3), ID: id, At: seconds(1)}
}

// hold has a message decrypted and nothing else.
func hold(t testing.TB, s store.AllStores, hash byte) {
	t.Helper()
	check(t, buffered(t, s, "55_1:3", hash, text("a")))
}

// plaintext reports whether the text of the first message is buffered.
func plaintext(t testing.TB, s store.AllStores) bool {
	t.Helper()
	e := must(s.GetBufferedEvent(t.Context(), [32]byte{1}))
	return e != nil && e.Plaintext != nil
}

func TestDeliverWhatIsNoMessage(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	m.costs(t, 2, "two receipts", func() {
		for range 2 {
			equal(t, "duplicate", must(r.Deliver(t.Context(), devicestore.Arrival{}, m.Apply)), false)
		}
	})
	hold(t, s, 1)
	m.costs(t, 1, "a receipt takes what is held along", func() {
		must(r.Deliver(t.Context(), devicestore.Arrival{Chat: lid("9", 0)}, m.Apply))
	})
	equal(t, "plaintext of the message stays", plaintext(t, s), true)
	m.costs(t, 1, "the message", func() { must(r.Deliver(t.Context(), arrival("A"), m.Apply)) })
	equal(t, "plaintext", plaintext(t, s), false)
	m.costs(t, 0, "a duplicate with nothing to write", func() {
		equal(t, "duplicate", must(r.Deliver(t.Context(), arrival("A"), nil)), true)
	})
	equal(t, "chats", must(r.Counts(t.Context())).Chats, 2)
}

// A message inside another one leaves the outer one's plaintext: if the next one
// inside fails, all of them come again.
func TestDeliverParts(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	hold(t, s, 1)
	for _, id := range []string{"A", "B"} {
		part := arrival(id)
		part.Part = true
		m.costs(t, 1, "a part", func() { must(r.Deliver(t.Context(), part, m.Apply)) })
		equal(t, "plaintext", plaintext(t, s), true)
	}
	m.costs(t, 1, "the end", func() { check(t, s.ClearBufferedEventPlaintext(t.Context(), [32]byte{1})) })
	equal(t, "plaintext", plaintext(t, s), false)
}

// The library goes on without a handler that takes minutes: its message must not
// take the plaintext of the next one along.
func TestDeliverBesideAnother(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	hold(t, s, 1)
	slow := arrival("SLOW")
	slow.At = seconds(-500)
	must(r.Deliver(t.Context(), slow, m.Apply))
	equal(t, "plaintext", plaintext(t, s), true)
}

// Whatever goes wrong in a commit, nothing is written afterwards and the driver
// hears of it before Deliver returns.
func TestDeliverFails(t *testing.T) {
	for name, commit := range map[string]func(m *memory) func(context.Context, map[string][]byte) error{
		"refused": func(*memory) func(context.Context, map[string][]byte) error {
			return func(context.Context, map[string][]byte) error { return errDisk }
		},
		"panics": func(*memory) func(context.Context, map[string][]byte) error {
			return func(context.Context, map[string][]byte) error { panic("boom") }
		},
		"unreadable": func(m *memory) func(context.Context, map[string][]byte) error {
			m.set(func(m *memory) { m.failGet = errDisk })
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, d, m := paired(t)
			s := d.Sessions.(store.AllStores)
			told := 0
			r.OnFailure(func(error) { told++ })
			hold(t, s, 1)
			func() {
				defer func() { _ = recover() }()
				_, err := r.Deliver(t.Context(), arrival("A"), commit(m))
				equal(t, "error", errors.Is(err, errDisk), true)
			}()
			m.set(func(m *memory) { m.failGet = nil })
			equal(t, "told", told, 1)
			equal(t, "what was held is gone", must(s.HasSession(t.Context(), "55_1:3")), false)
			_, err := r.Deliver(t.Context(), arrival("B"), m.Apply)
			equal(t, "another", errors.Is(err, devicestore.ErrFailed), true)
			equal(t, "a write", errors.Is(s.PutIdentity(t.Context(), "1:0", [32]byte{1}), devicestore.ErrFailed), true)
			equal(t, "applies", m.applied(), 0)
			equal(t, "told", told, 1)
		})
	}
	_, err := newRig(t).Deliver(t.Context(), arrival("A"), nil)
	equal(t, "without a device", errors.Is(err, devicestore.ErrUnknownDevice), true)
}

// The owner closes while a commit waits for the owner.
func TestCloseDuringACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d, m := paired(t)
		s := d.Sessions.(store.AllStores)
		r.OnFailure(func(error) { t.Error("told of a failure") })
		hold(t, s, 1)
		done := make(chan error, 1)
		go func() {
			_, err := r.Deliver(t.Context(), arrival("A"), func(ctx context.Context, _ map[string][]byte) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
			done <- err
		}()
		synctest.Wait()
		r.Close()
		equal(t, "Deliver", errors.Is(<-done, devicestore.ErrClosed), true)
		equal(t, "what was held is gone", must(s.HasSession(t.Context(), "55_1:3")), false)
		_, err := r.Deliver(t.Context(), arrival("A"), m.Apply)
		equal(t, "Deliver after Close", errors.Is(err, devicestore.ErrClosed), true)
		equal(t, "a decryption after Close", errors.Is(buffered(t, s, "1:0", 2, text("")), context.Canceled), true)
	})
}

// A caller who gives up does not take a message with him that was held.
func TestAbandonedWriteCarriesWhatIsHeld(t *testing.T) {
	_, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	hold(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.set(func(m *memory) { m.onContext = func(ctx context.Context) error { return ctx.Err() } })
	check(t, s.PutIdentity(ctx, "1:0", [32]byte{1}))
	equal(t, "session", must(s.HasSession(t.Context(), "55_1:3")), true)
}

// The counts are right whatever they were made of, and during a commit.
func TestCounts(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	ctx := t.Context()
	counts := func(want devicestore.Counts) {
		t.Helper()
		equal(t, "counts", must(r.Counts(ctx)), want)
		r.Close()
		r.reopen(t)
		d = must(r.Load(r.owner.saved[0]))
		s = d.Sessions.(store.AllStores)
		equal(t, "counted again", must(r.Counts(ctx)), want)
	}
	counts(devicestore.Counts{})
	check(t, last(s.PutPushName(ctx, pn("1", 0), "Ann")))
	check(t, last(s.PutPushName(ctx, pn("1", 0), "Anna")))
	check(t, s.PutManyRedactedPhones(ctx, []store.RedactedPhoneEntry{{JID: lid("2", 0), RedactedPhone: "∙∙"}}))
	check(t, s.PutPinned(ctx, pn("1", 0), true))
	counts(devicestore.Counts{Contacts: 1})
	check(t, s.PutContactName(ctx, lid("2", 0), "Bob", ""))
	m.costs(t, 1, "a chat", func() { check(t, r.NoteChat(ctx, pn("1", 4))) })
	m.costs(t, 0, "the same chat", func() { check(t, r.NoteChat(ctx, pn("1", 0))) })
	m.costs(t, 0, "no chat", func() { check(t, r.NoteChat(ctx, types.StatusBroadcastJID)) })
	counts(devicestore.Counts{Contacts: 2, Chats: 1})
	must(r.Deliver(ctx, arrival("A"), func(ctx context.Context, writes map[string][]byte) error {
		equal(t, "during a commit", must(r.Counts(ctx)), devicestore.Counts{Contacts: 2, Chats: 2})
		return m.Apply(ctx, writes)
	}))
	counts(devicestore.Counts{Contacts: 2, Chats: 2})
	check(t, s.PutContactName(ctx, lid("2", 0), "", ""))
	m.set(func(m *memory) { m.failNext = errDisk })
	equal(t, "failed", r.NoteChat(ctx, pn("7", 0)) != nil, true)
	counts(devicestore.Counts{Contacts: 1, Chats: 2})
	check(t, s.PutLIDMapping(ctx, lid("55", 0), pn("56", 0)))
	m.costs(t, 0, "the same chat by number", func() { check(t, r.NoteChat(ctx, pn("56", 0))) })
	m.set(func(m *memory) { m.failGet = errDisk })
	r.reopen(t)
	must(r.Load(r.owner.saved[0]))
	equal(t, "unreadable", errors.Is(second(r.Counts(ctx)), errDisk), true)
	equal(t, "without a device", must(newRig(t).Counts(ctx)), devicestore.Counts{})
}

// Marks and secrets are kept as long as promised, and then thrown out, a thousand
// with each Apply and no more of them read at once.
func TestOldRowsAreThrownOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d, m := paired(t)
		s := d.Sessions.(store.AllStores)
		ctx := t.Context()
		const day = 24 * time.Hour
		group := types.NewJID("1", types.GroupServer)
		hold(t, s, 1)
		must(r.Deliver(ctx, arrival("OLD"), m.Apply))
		check(t, s.PutMessageSecret(ctx, group, lid("1", 0), "OLD", []byte("s")))
		time.Sleep(30 * day) //nolint:forbidigo // in a bubble
		check(t, s.DeleteOldBufferedHashes(ctx))
		equal(t, "seen 30 days ago", must(r.Deliver(ctx, arrival("OLD"), nil)), true)
		time.Sleep(11 * day) //nolint:forbidigo // in a bubble
		m.costs(t, 1, "one mark", func() { check(t, s.DeleteOldBufferedHashes(ctx)) })
		equal(t, "seen 41 days ago", must(r.Deliver(ctx, arrival("OLD"), m.Apply)), false)
		time.Sleep(49 * day) //nolint:forbidigo // in a bubble
		check(t, s.DeleteOldBufferedHashes(ctx))
		secret, _, err := s.GetMessageSecret(ctx, group, lid("1", 0), "OLD")
		equal(t, "secret of 90 days ago", fmt.Sprint(string(secret), err), "s<nil>")
		check(t, s.PutMessageSecret(ctx, group, lid("1", 0), "OLD", []byte("another")))

		for i := range 2500 {
			check(t, s.PutMessageSecret(ctx, group, lid("2", 0), fmt.Sprint(i), []byte("s")))
		}
		time.Sleep(121 * day) //nolint:forbidigo // in a bubble
		check(t, s.PutMessageSecret(ctx, group, lid("1", 0), "NEW", []byte("s")))
		hold(t, s, 2) // scans go on while something is held
		before := m.applied()
		check(t, s.DeleteOldBufferedHashes(ctx))
		equal(t, "2501 secrets", m.applied()-before, 3)
		equal(t, "rows read at once", m.longest <= 1001, true)
		left := map[byte]int{}
		for k := range m.snapshot() {
			left[k[0]]++
		}
		equal(t, "left", fmt.Sprint(left['x'], left['d'], left['b'], left['g']), "1 0 1 1")
	})
}

// While prekeys are made, which may take a while, everything else goes on.
func TestPreKeysStallNobody(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	release := devicestore.OccupyMakers()
	done := make(chan int)
	go func() { done <- len(must(s.GetOrGenPreKeys(t.Context(), 812))) }()
	for !r.Waiting() {
		runtime.Gosched()
	}
	hold(t, s, 1)
	must(r.Deliver(t.Context(), arrival("A"), m.Apply))
	check(t, s.PutSession(t.Context(), "1:0", []byte("a")))
	equal(t, "a retry's prekey", must(s.GenOnePreKey(t.Context())).KeyID, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	equal(t, "another list gives up", errors.Is(second(s.GetOrGenPreKeys(ctx, 5)), context.Canceled), true)
	m.costs(t, 1, "the list", func() {
		release()
		equal(t, "prekeys", <-done, 812)
	})
}
