//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"errors"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestRestart comes back to 10 without a code, however the process ended.
func TestRestart(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		w.stop()
		w.wantTrail("10>11 shutdown")
		time.Sleep(time.Hour)
		w.start()
		w.reach(fsm.Authenticated)
		w.wantTrail(back...)

		w.kill()
		w.wantTrail()
		time.Sleep(time.Hour)
		w.start()
		time.Sleep(time.Second)
		w.reach(fsm.Authenticated)
		w.wantTrail(then([]string{"10>11 restart"}, back)...)
		if d := w.devices(); len(d) != 1 || d[0].Logins != 3 {
			t.Fatalf("devices %+v", d)
		}
		if _, err := w.Disconnect(t.Context()); err != nil || len(w.devices()) != 0 {
			t.Fatalf("disconnected: %v, devices %+v", err, w.devices())
		}
	})
}

// TestKilledAfterTheScan logs in with what the scan has stored.
func TestKilledAfterTheScan(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		code, err := w.Generate(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		scanned := make(chan struct{})
		go func() {
			defer close(scanned)
			_, _ = w.network.Scan(t.Context(), phone, code.Text)
		}()
		w.reach(fsm.Starting)
		time.Sleep(10 * time.Millisecond) // the phone has the answer, and has not asked for the redial
		w.kill()
		<-scanned
		w.start()
		time.Sleep(time.Second)
		w.reach(fsm.Authenticated)
		if d := w.devices(); len(d) != 1 || d[0].PreKeys == 0 {
			t.Fatalf("devices %+v", d)
		}
	})
}

// TestKilledBeforeTheScan starts with nothing.
func TestKilledBeforeTheScan(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		if _, err := w.Generate(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.wantTrail("0>1 operator", "1>2 progress", "2>3 progress", "qr.issued")
		w.kill()
		w.start()
		w.reach(fsm.NoConnection)
		w.wantTrail("3>0 restart")
		if _, err := w.Restore(t.Context()); !errors.Is(err, instance.ErrNothingToRestore) {
			t.Fatal(err)
		}
		w.pair()
	})
}

// TestScanWhileTheStoreFails refuses the scan and leaves nothing on either side.
func TestScanWhileTheStoreFails(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		code, err := w.Generate(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.killed.Store(true) // and later mended
		if _, err := w.network.Scan(t.Context(), phone, code.Text); err == nil {
			t.Fatal("paired with a session that is not stored")
		}
		if session, err := w.store.Session("desk"); session != nil || err != nil || len(w.devices()) != 0 {
			t.Fatalf("stored %+v, %v; devices %+v", session, err, w.devices())
		}
		time.Sleep(time.Minute)
		w.killed.Store(false)
		w.reach(fsm.NoConnection)
		if cause := w.Status().Record.Cause; cause != fsm.CausePairingFailed {
			t.Errorf("cause %s", cause)
		}
		w.pair()
	})
}
