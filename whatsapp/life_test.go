//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

var (
	pairing = []string{"0>1 operator", "1>2 progress", "2>3 progress", "qr.issued", "3>4 scan", "4>10 progress"}
	back    = []string{"11>1 retry", "1>2 progress", "2>4 progress", "4>10 progress"}
)

func then(more ...[]string) (all []string) {
	for _, m := range more {
		all = append(all, m...)
	}
	return all
}

func TestPairAndComeBack(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		if info := w.Status().Info; info.Phone != phone || info.Platform != "android" || !info.CanRestore {
			t.Fatalf("paired: %+v", info)
		}
		for _, kind := range []sandbox.FaultKind{sandbox.FaultDrop, sandbox.FaultStreamEnd} {
			w.fault(kind)
			w.reach(fsm.AuthenticatedClosed)
			w.reach(fsm.Authenticated)
			w.wantTrail(then([]string{"10>11 network"}, back)...)
		}
		if d := w.devices(); len(d) != 1 || !d[0].Connected || d[0].Logins != 3 || d[0].PreKeys == 0 {
			t.Fatalf("devices %+v", d)
		}
	})
}

func TestCloseAndRestore(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		for range 3 {
			if info, err := w.Close(t.Context()); err != nil || info.State != fsm.NoConnection || !info.CanRestore {
				t.Fatalf("closed: %v, %+v", err, info)
			}
			time.Sleep(time.Minute)
			if d := w.devices(); len(d) != 1 || d[0].Connected {
				t.Fatalf("devices %+v", d)
			}
			if info, err := w.Restore(t.Context()); err != nil || info.State != fsm.Authenticated || info.Phone != phone {
				t.Fatalf("restored: %v, %+v", err, info)
			}
			w.wantTrail("10>0 operator", "0>1 operator", "1>2 progress", "2>4 progress", "4>10 progress")
		}
		if _, err := w.Generate(t.Context(), nil); !errors.Is(err, instance.ErrEstablished) {
			t.Fatal(err)
		}
	})
}

// TestCloseAndRestoreAtOnce keeps the two connections apart.
func TestCloseAndRestoreAtOnce(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		for range 5 {
			if _, err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Restore(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		w.reach(fsm.Authenticated)
		if d := w.devices(); len(d) != 1 || d[0].Logins != 6 {
			t.Fatalf("devices %+v", d)
		}
	})
}

// TestCloseWhileFramesArrive closes connections in the middle of their login. The
// bubble fails if a goroutine of the library is left behind.
func TestCloseWhileFramesArrive(t *testing.T) {
	if raced {
		t.Skip("the library sends and closes without a lock: FrameSocket.SendFrame reads what Close clears")
	}
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		for n := range 60 {
			if _, err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			logins := w.network.Stats().Logins
			go func() { _, _ = w.Restore(t.Context()) }()
			for w.network.Stats().Logins == logins || w.Status().Record.State == fsm.Connecting {
				runtime.Gosched()
			}
			for range n {
				runtime.Gosched()
			}
		}
		time.Sleep(linger)
		w.reach(fsm.Authenticated)
	})
}

func TestDisconnect(t *testing.T) {
	for name, before := range map[string]func(*world){
		"10":       func(*world) {},
		"closed":   func(w *world) { _, _ = w.Close(w.t.Context()) },
		"replaced": func(w *world) { w.fault(sandbox.FaultReplaced); w.reach(fsm.AuthenticatedClosed) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
				w.pair()
				before(w)
				info, err := w.Disconnect(t.Context())
				if err != nil || info.State != fsm.NoConnection || info.CanRestore || info.Cause != fsm.CauseOperator {
					t.Fatalf("disconnected: %v, %+v", err, info)
				}
				if d := w.devices(); len(d) != 0 {
					t.Fatalf("devices %+v", d)
				}
				if session, err := w.store.Session("desk"); err != nil || session != nil {
					t.Fatalf("stored %+v, %v", session, err)
				}
				time.Sleep(time.Minute)
				w.reach(fsm.NoConnection)
			})
		})
	}
}

// TestDisconnectUnreachable drops the session here and says what is left to do.
func TestDisconnectUnreachable(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.network.RefuseConnections(true)
		w.fault(sandbox.FaultDrop)
		w.reach(fsm.AuthenticatedClosed)
		info, err := w.Disconnect(t.Context())
		if err != nil || info.State != fsm.NoConnection || info.CanRestore || info.Cause != fsm.CauseLogoutUnconfirmed || info.Hint == "" {
			t.Fatalf("disconnected: %v, %+v", err, info)
		}
		if d := w.devices(); len(d) != 1 {
			t.Fatalf("devices %+v", d)
		}
	})
}

func TestReplaced(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		w.fault(sandbox.FaultReplaced)
		w.reach(fsm.AuthenticatedClosed)
		time.Sleep(time.Hour)
		w.wantTrail("10>11 stream_replaced")
		if _, err := w.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLoggedOutByThePhone hears of it at once, and at the next login.
func TestLoggedOutByThePhone(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world)
		after  func(*world)
		trail  []string
	}{
		"connected": {func(*world) {}, func(*world) {}, []string{"10>13 logged_out"}},
		"closed": {
			func(w *world) { _, _ = w.Close(w.t.Context()) },
			func(w *world) {
				var failed *instance.FailedError
				if _, err := w.Restore(w.t.Context()); !errors.As(err, &failed) || failed.State != fsm.NotAuthenticated {
					w.t.Errorf("restored: %v", err)
				}
			},
			[]string{"10>0 operator", "0>1 operator", "1>2 progress", "2>4 progress", "4>13 logged_out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
				w.pair()
				w.wantTrail(pairing...)
				c.before(w)
				w.fault(sandbox.FaultLoggedOut)
				c.after(w)
				w.reach(fsm.NotAuthenticated)
				w.wantTrail(c.trail...)
				if session, err := w.store.Session("desk"); err != nil || session != nil || w.Status().Info.CanRestore {
					t.Fatalf("stored %+v, %v", session, err)
				}
				time.Sleep(time.Hour)
				if _, err := w.Generate(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				w.wantTrail("13>1 operator", "1>2 progress", "2>3 progress", "qr.issued")
			})
		})
	}
}

// TestTenIdleMinutes keeps a connection that nothing happens on.
func TestTenIdleMinutes(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		time.Sleep(10 * time.Minute)
		w.wantTrail()
		if d := w.devices(); !d[0].Connected || d[0].Logins != 1 {
			t.Fatalf("devices %+v", d)
		}
	})
}

// TestCodesAreRenewed pairs with a code of the third connection.
func TestCodesAreRenewed(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		seen := make(map[string]bool)
		for range 14 {
			code, err := w.Generate(t.Context(), nil)
			if err != nil || seen[code.Text] {
				t.Fatalf("asked again: %v, the same code: %t", err, seen[code.Text])
			}
			seen[code.Text] = true
			time.Sleep(20*time.Second + time.Millisecond)
		}
		w.pair()
	})
}
