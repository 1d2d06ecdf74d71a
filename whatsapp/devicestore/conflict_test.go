package devicestore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// ratchet is a record that must never lose a step: a number that counts them.
type ratchet struct {
	name string
	get  func(ctx context.Context, s store.AllStores) ([]byte, error)
	put  func(ctx context.Context, s store.AllStores, record []byte) error
}

var ratchets = []ratchet{
	{
		"session",
		func(ctx context.Context, s store.AllStores) ([]byte, error) { return s.GetSession(ctx, "1:0") },
		func(ctx context.Context, s store.AllStores, r []byte) error { return s.PutSession(ctx, "1:0", r) },
	},
	{
		"prefetched session",
		func(ctx context.Context, s store.AllStores) ([]byte, error) {
			all, err := s.GetManySessions(ctx, []string{"0:0", "1:0"})
			return all["1:0"], err
		},
		func(ctx context.Context, s store.AllStores, r []byte) error {
			return s.PutManySessions(ctx, map[string][]byte{"1:0": r})
		},
	},
	{
		"sender key",
		func(ctx context.Context, s store.AllStores) ([]byte, error) { return s.GetSenderKey(ctx, "g", "1:0") },
		func(ctx context.Context, s store.AllStores, r []byte) error {
			return s.PutSenderKey(ctx, "g", "1:0", r)
		},
	},
}

// step reads the ratchet and returns a function that writes it one step forward.
func (r ratchet) step(ctx context.Context, t testing.TB, s store.AllStores) func() error {
	t.Helper()
	record, err := r.get(ctx, s)
	check(t, err)
	n, _ := strconv.Atoi(string(record))
	return func() error { return r.put(ctx, s, []byte(strconv.Itoa(n+1))) }
}

func (r ratchet) steps(t testing.TB, s store.AllStores) string {
	t.Helper()
	record, err := r.get(t.Context(), s)
	check(t, err)
	return string(record)
}

func eachRatchet(t *testing.T, test func(t *testing.T, r ratchet, s store.AllStores)) {
	for _, r := range ratchets {
		t.Run(r.name, func(t *testing.T) {
			s, _ := all(t)
			test(t, r, s)
		})
	}
}

// A send has read; a decryption steps; the send must not write what it read.
func TestStaleWriteIsRefused(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		for range 3 { // also from a ratchet that is not there yet
			send := r.step(t.Context(), t, s)
			check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error { return r.step(ctx, t, s)() }))
			if err := send(); !errors.Is(err, devicestore.ErrConflict) {
				t.Fatalf("stale write: %v", err)
			}
			check(t, r.step(t.Context(), t, s)())
		}
		equal(t, "steps", r.steps(t, s), "6")
	})
}

// Two sends (a message and the answer to a retry receipt) have read the same
// version; the second would use a message key again, although it writes the very
// bytes that are there.
func TestSecondOfTwoEqualStepsIsRefused(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		one, two := r.step(t.Context(), t, s), r.step(t.Context(), t, s)
		check(t, one())
		if err := two(); !errors.Is(err, devicestore.ErrConflict) {
			t.Errorf("second step: %v", err)
		}
		equal(t, "steps", r.steps(t, s), "1")
	})
}

// A reader who never writes, because his message failed, stands in nobody's way.
func TestAbandonedReadsDoNoHarm(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		for i := range 50 {
			r.step(t.Context(), t, s)
			check(t, r.step(t.Context(), t, s)())
			equal(t, "steps", r.steps(t, s), strconv.Itoa(i+1))
		}
	})
	s, _ := all(t)
	for i := range 10_000 {
		must(s.GetSession(t.Context(), fmt.Sprintf("%d:0", i)))
	}
	check(t, s.PutSession(t.Context(), "9999:0", []byte("a")))
}

// The session of a message that is being sent was deleted: its contact has a new
// identity.
func TestDeletedSessionDoesNotComeBack(t *testing.T) {
	s, _ := all(t)
	r := ratchets[1]
	check(t, r.step(t.Context(), t, s)())
	send := r.step(t.Context(), t, s)
	check(t, s.DeleteAllSessions(t.Context(), "1"))
	if err := send(); !errors.Is(err, devicestore.ErrConflict) {
		t.Errorf("write after delete: %v", err)
	}
	equal(t, "steps", r.steps(t, s), "")
	check(t, r.step(t.Context(), t, s)())
}

// A send to many devices is refused as a whole.
func TestManySessionsAllOrNothing(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	check(t, s.PutManySessions(ctx, map[string][]byte{"1:0": []byte("a"), "2:0": []byte("a"), "3:0": []byte("a")}))
	must(s.GetManySessions(ctx, []string{"1:0", "2:0", "3:0"}))
	check(t, s.DoDecryptionTxn(ctx, func(ctx context.Context) error { return s.PutSession(ctx, "2:0", []byte("b")) }))
	m.costs(t, 0, "the send", func() {
		err := s.PutManySessions(ctx, map[string][]byte{"1:0": []byte("c"), "2:0": []byte("c"), "3:0": []byte("c")})
		equal(t, "refused", errors.Is(err, devicestore.ErrConflict), true)
	})
}

// A send steps the ratchet while a decryption of the same session runs: the
// decryption runs again on top of it.
func TestOvertakenTransactionRunsAgain(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		runs := 0
		check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			runs++
			decrypt := r.step(ctx, t, s)
			if runs == 1 {
				check(t, r.step(t.Context(), t, s)())
			}
			return decrypt()
		}))
		equal(t, "runs", runs, 2)
		equal(t, "steps", r.steps(t, s), "2")
	})
}

// Whoever hammers the ratchet of a running decryption is refused from its second
// run on, so that it comes to an end; afterwards he is not.
func TestTransactionIsNotStarved(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		runs, refused := 0, 0
		check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
			runs++
			decrypt := r.step(ctx, t, s)
			if err := r.step(t.Context(), t, s)(); errors.Is(err, devicestore.ErrConflict) {
				refused++
			} else {
				check(t, err)
			}
			return decrypt()
		}))
		equal(t, "runs", runs, 2)
		equal(t, "refused", refused, 1)
		check(t, r.step(t.Context(), t, s)())
		equal(t, "steps", r.steps(t, s), "3")
	})
}

// Another key's write does not disturb a transaction, nor does one that it only read.
func TestUnrelatedWritesDoNotRepeatATransaction(t *testing.T) {
	s, _ := all(t)
	runs := 0
	check(t, s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		runs++
		must(s.GetSession(ctx, "2:0"))
		check(t, s.PutSession(ctx, "1:0", []byte("a")))
		check(t, s.PutSession(t.Context(), "2:0", []byte("b")))
		return nil
	}))
	equal(t, "runs", runs, 1)
}

// Transactions and writers together lose no step, whatever the schedule.
func TestNoStepIsLost(t *testing.T) {
	eachRatchet(t, func(t *testing.T, r ratchet, s store.AllStores) {
		const workers, each = 4, 50
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					if err := s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error { return r.step(ctx, t, s)() }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		// One sender, as under whatsmeow's messageSendLock, who sends again when refused.
		wg.Go(func() {
			for range each {
				for {
					err := r.step(t.Context(), t, s)()
					if err == nil {
						break
					}
					if !errors.Is(err, devicestore.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
		wg.Wait()
		equal(t, "steps", r.steps(t, s), strconv.Itoa((workers+1)*each))
	})
}
