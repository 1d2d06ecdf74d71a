package devicestore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func TestNewDevice(t *testing.T) {
	r := newRig(t)
	a, b := must(r.NewDevice()), must(r.NewDevice())
	equal(t, "noise keys differ", *a.NoiseKey.Priv != *b.NoiseKey.Priv, true)
	equal(t, "identity keys differ", *a.IdentityKey.Priv != *b.IdentityKey.Priv, true)
	equal(t, "secrets differ", string(a.AdvSecretKey) != string(b.AdvSecretKey), true)
	equal(t, "secret", len(a.AdvSecretKey), 32)
	equal(t, "signed prekey", a.SignedPreKey.KeyID, 1)
	equal(t, "initialized", a.Initialized, false)
	equal(t, "no stores yet", a.Sessions == nil && a.LIDs == nil, true)
	equal(t, "nothing saved", r.owner.count(), 0)
	pair(a, ownPN, ownLID)
	pair(b, ownPN, ownLID)
	check(t, a.Save(t.Context()))
	check(t, b.Save(t.Context()))
	check(t, a.Sessions.PutSession(t.Context(), "1:0", []byte("a")))
	equal(t, "devices share no keys", must(b.Sessions.HasSession(t.Context(), "1:0")), false)
}

func TestPutDevice(t *testing.T) {
	r, d, m := paired(t)
	ctx := t.Context()
	equal(t, "saved", r.owner.count(), 1)
	equal(t, "initialized", d.Initialized, true)
	s := r.owner.saved[0]
	equal(t, "JID", s.JID, ownPN.String())
	equal(t, "phone", s.Phone(), ownPN.User)
	equal(t, "saved at", s.SavedAt.IsZero(), false)
	stores := d.Sessions

	for range 3 {
		check(t, d.Save(ctx))
	}
	equal(t, "an unchanged device is not saved", r.owner.count(), 1)
	s.NoiseKey[0]++ // the owner's to keep
	check(t, d.Save(ctx))
	equal(t, "whatever the owner does with it", r.owner.count(), 1)
	d.PushName = "Anna"
	check(t, d.Save(ctx))
	equal(t, "a changed one is", r.owner.count(), 2)
	equal(t, "under the same id", r.owner.saved[1].ID, s.ID)
	d.LID = types.EmptyJID
	check(t, d.Save(ctx))
	equal(t, "LID", r.owner.saved[2].LID, "")
	equal(t, "the stores stay", d.Sessions == stores, true)
	equal(t, "nothing went to the device keys", m.applied(), 0)
}

func TestPutDeviceRefused(t *testing.T) {
	r := newRig(t)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	r.owner.err = errDisk
	for range 2 {
		if err := d.Save(t.Context()); !errors.Is(err, errDisk) {
			t.Errorf("error = %v", err)
		}
	}
	equal(t, "the library finds stores all the same", d.Initialized && d.LIDs != nil, true)
	r.owner.err = nil
	check(t, d.Save(t.Context()))
	equal(t, "a refused session is offered again", r.owner.count(), 1)
}

func TestPutDeviceErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(d *store.Device)
		want  error
	}{
		{"no JID", func(d *store.Device) { d.ID = nil }, devicestore.ErrNoJID},
		{"empty JID", func(d *store.Device) { d.ID = &types.JID{} }, devicestore.ErrNoJID},
		{"no account", func(d *store.Device) { d.Account = nil }, devicestore.ErrIncomplete},
		{"no noise key", func(d *store.Device) { d.NoiseKey = nil }, devicestore.ErrIncomplete},
		{"half a noise key", func(d *store.Device) { d.NoiseKey = &keys.KeyPair{} }, devicestore.ErrIncomplete},
		{"no identity key", func(d *store.Device) { d.IdentityKey = nil }, devicestore.ErrIncomplete},
		{"no signed prekey", func(d *store.Device) { d.SignedPreKey = nil }, devicestore.ErrIncomplete},
		{"no signature", func(d *store.Device) { d.SignedPreKey.Signature = nil }, devicestore.ErrIncomplete},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			d := must(r.NewDevice())
			pair(d, ownPN, ownLID)
			test.spoil(d)
			if err := d.Save(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
			equal(t, "saved", r.owner.count(), 0)
		})
	}
	r := newRig(t)
	for name, d := range map[string]*store.Device{"nil": nil, "a stranger": {ID: &ownPN}} {
		if err := r.PutDevice(t.Context(), d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What the library calls after the connection has ended must not write.
func TestCloseEndsWriting(t *testing.T) {
	for name, end := range map[string]func(r *rig, d *store.Device){
		"close":  func(r *rig, _ *store.Device) { r.Close(); r.Close() },
		"delete": func(_ *rig, d *store.Device) { check(t, d.Delete(t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			r, d, m := paired(t)
			ctx := t.Context()
			s := d.Sessions.(store.AllStores)
			check(t, s.PutSession(ctx, "1:0", []byte("a")))
			closed := func(err error) {
				t.Helper()
				if !errors.Is(err, devicestore.ErrClosed) {
					t.Errorf("error = %v, want ErrClosed", err)
				}
			}
			err := s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				check(t, s.PutSession(ctx, "1:0", []byte("b")))
				end(r, d)
				closed(s.PutSession(ctx, "2:0", []byte("b")))
				return nil
			})
			closed(err)
			closed(s.PutSession(ctx, "1:0", []byte("c")))
			closed(s.PutSession(ctx, "1:0", []byte("a")))
			closed(s.DeleteOldBufferedHashes(ctx))
			closed(second(s.GenOnePreKey(ctx)))
			closed(s.DoDecryptionTxn(ctx, func(context.Context) error { t.Error("ran"); return nil }))
			closed(d.Save(ctx))
			closed(second(r.NewDevice()))
			closed(second(r.Load(r.owner.saved[0])))
			equal(t, "applies", m.applied(), 1)
			equal(t, "saved", r.owner.count(), 1)
			equal(t, "reading goes on", string(must(s.GetSession(ctx, "1:0"))), "a")
		})
	}
}

func TestDeleteDevice(t *testing.T) {
	r, d, m := paired(t)
	check(t, d.Sessions.PutSession(t.Context(), "1:0", []byte("a")))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { check(t, r.DeleteDevice(t.Context(), d)) })
	}
	wg.Wait()
	check(t, r.DeleteDevice(t.Context(), &store.Device{}))
	check(t, r.DeleteDevice(t.Context(), nil))
	equal(t, "keys are the actor's to drop", len(m.snapshot()), 1)
	r.reopen(t)
	d = must(r.Load(r.owner.saved[0]))
	equal(t, "until then they are there", must(d.Sessions.HasSession(t.Context(), "1:0")), true)
}

// Close waits for the write that is under way: the next connection must not read
// what is about to change.
func TestCloseWaitsForApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d, m := paired(t)
		disk, closed := make(chan struct{}), make(chan struct{})
		m.set(func(m *memory) { m.onApply = func() { <-disk } })
		written := make(chan error, 1)
		go func() { written <- d.Sessions.PutSession(t.Context(), "1:0", []byte("a")) }()
		synctest.Wait()
		go func() { r.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed with a write in flight")
		default:
		}
		close(disk)
		<-closed
		check(t, <-written)
	})
}

// The actor may close the connection while the library waits for it to save.
func TestOwnerMayCloseWhileSaving(t *testing.T) {
	r := newRig(t)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	r.owner.hook = r.Close
	check(t, d.Save(t.Context()))
	if err := d.Save(t.Context()); !errors.Is(err, devicestore.ErrClosed) {
		t.Errorf("error = %v", err)
	}
}
