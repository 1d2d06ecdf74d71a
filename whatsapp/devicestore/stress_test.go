package devicestore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// Everything at once, and the connection ends in the middle of it: no race, no
// deadlock, no write after the end, no prekey id twice.
func TestEverythingAtOnce(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	ctx := t.Context()
	// A conflict in the middle of a message fails the store for whoever comes after it.
	var why atomic.Pointer[error]
	r.OnFailure(func(err error) { why.Store(&err) })
	var failed atomic.Bool
	tolerate := func(err error) {
		switch {
		case err == nil, errors.Is(err, devicestore.ErrClosed), errors.Is(err, devicestore.ErrConflict):
		case errors.Is(err, devicestore.ErrFailed):
			failed.Store(true)
		default:
			t.Error(err)
		}
	}
	var prekeys sync.Map
	work := []func(ctx context.Context, i int){
		func(ctx context.Context, i int) { tolerate(s.PutSession(ctx, "1:0", fmt.Append(nil, i))) },
		func(ctx context.Context, i int) {
			tolerate(s.PutManySessions(ctx, map[string][]byte{"1:0": fmt.Append(nil, i), "2:0": fmt.Append(nil, i)}))
		},
		func(ctx context.Context, _ int) { must(s.GetManySessions(ctx, []string{"1:0", "2:0", "3:0"})) },
		func(ctx context.Context, _ int) { tolerate(s.MigratePNToLID(ctx, pn("1", 0), lid("2", 0))) },
		func(ctx context.Context, _ int) { tolerate(s.DeleteAllSessions(ctx, "2_1")) },
		func(ctx context.Context, i int) { tolerate(s.PutIdentity(ctx, "1:0", [32]byte{byte(i)})) },
		func(ctx context.Context, i int) { tolerate(s.PutLIDMapping(ctx, lid(fmt.Sprint(i%3), 0), pn("1", 0))) },
		func(ctx context.Context, i int) {
			tolerate(s.PutBufferedEvent(ctx, [32]byte{byte(i), byte(i >> 8)}, []byte("x"), time.Now()))
			tolerate(s.ClearBufferedEventPlaintext(ctx, [32]byte{byte(i), byte(i >> 8)}))
		},
		func(ctx context.Context, _ int) { tolerate(s.DeleteOldBufferedHashes(ctx)) },
		func(ctx context.Context, i int) {
			_, _, err := s.PutPushName(ctx, pn(fmt.Sprint(i%4), 0), fmt.Sprint(i))
			tolerate(err)
		},
		func(ctx context.Context, _ int) { must(s.GetAllContacts(ctx)) },
		func(context.Context, int) { tolerate(d.Save(ctx)) },
		func(context.Context, int) {
			_, err := r.Deliver(ctx, devicestore.Arrival{Chat: pn("1", 0)}, m.Apply)
			tolerate(err)
		},
		func(context.Context, int) { tolerate(r.NoteChat(ctx, pn("8", 0))) },
		func(context.Context, int) { must(r.Counts(ctx)) },
		func(context.Context, int) { must(r.PendingHistory(ctx)) },
	}
	var wg sync.WaitGroup
	for _, job := range work {
		wg.Go(func() {
			for i := range 40 {
				job(ctx, i)
				tolerate(s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
					job(ctx, i+100)
					return nil
				}))
			}
		})
	}
	wg.Go(func() {
		for i := range 80 {
			hash := [32]byte{1, 2, 3, byte(i)}
			tolerate(s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				must(s.GetSession(ctx, "1:0"))
				tolerate(s.PutSession(ctx, "1:0", fmt.Append(nil, "held", i)))
				return s.PutBufferedEvent(ctx, hash, []byte("x"), seconds(1))
			}))
			tolerate(s.PutMessageSecret(ctx, pn("1", 0), pn("1", 0), fmt.Sprint(i), []byte("s")))
			if i%2 == 0 {
				_, err := r.Deliver(ctx, arrival(fmt.Sprint(i)), m.Apply)
				tolerate(err)
			}
			tolerate(s.ClearBufferedEventPlaintext(ctx, hash))
		}
	})
	for range 3 {
		wg.Go(func() {
			for range 20 {
				p, err := s.GenOnePreKey(ctx)
				tolerate(err)
				if err == nil {
					if _, twice := prekeys.LoadOrStore(p.KeyID, true); twice {
						t.Errorf("prekey id %d twice", p.KeyID)
					}
				}
			}
		})
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		wg.Wait()
	}()
	// In the thick of it; what is held may leave fewer to be applied in all.
	for over := false; !over && m.applied() < 200; {
		must(s.HasSession(ctx, "1:0"))
		select {
		case <-all:
			over = true
		default:
		}
	}
	r.Close()
	before := m.applied()
	equal(t, "a late write", errors.Is(s.PutSession(ctx, "9:9", []byte("a")), devicestore.ErrClosed), true)
	equal(t, "applies after the end", m.applied(), before)
	<-all
	if err := why.Load(); failed.Load() && (err == nil || !errors.Is(*err, devicestore.ErrConflict)) {
		t.Errorf("the store has failed: %v", err)
	} else if err != nil {
		t.Logf("a conflict in the middle of a message: %v", *err)
	}
}
