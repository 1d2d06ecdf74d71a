//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// peers are far ends that are no WhatsApp.
var peers = map[string]func(net.Conn){
	"silent": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
	"deaf":   func(net.Conn) {},
	"gone":   func(c net.Conn) { _ = c.Close() },
	"upgrades and is silent": func(c net.Conn) {
		l := &one{conns: make(chan net.Conn, 1)}
		l.conns <- c
		_ = http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if ws, err := websocket.Accept(rw, r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err == nil {
				_, _, _ = ws.Read(context.WithoutCancel(r.Context()))
				_, _, _ = ws.Read(context.WithoutCancel(r.Context()))
			}
		}))
	},
	"speaks of something else": func(c net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, c) }()
		_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
	},
}

// one is a listener of one connection.
type one struct{ conns chan net.Conn }

func (l *one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	default:
		return nil, net.ErrClosed
	}
}
func (l *one) Close() error   { return nil }
func (l *one) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestStrangePeers gives each dial up in time, again and again, and answers
// commands meanwhile.
func TestStrangePeers(t *testing.T) {
	for name, peer := range peers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
				w.dial = func(context.Context) (net.Conn, error) {
					near, far := net.Pipe()
					go peer(far)
					return near, nil
				}
				for range 3 {
					began := time.Now()
					_, err := w.Generate(t.Context(), nil)
					var failed *instance.FailedError
					if !errors.As(err, &failed) && !errors.Is(err, instance.ErrNotReady) || time.Since(began) > 15*time.Second {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
					began = time.Now()
					if info, err := w.Close(t.Context()); err != nil || info.State != fsm.NoConnection || time.Since(began) > time.Millisecond {
						t.Fatalf("closed after %v: %v", time.Since(began), err)
					}
				}
				_, _ = w.Generate(t.Context(), nil)
				w.reach(fsm.NoConnection)
				_, _ = w.Generate(t.Context(), nil)
				began := time.Now()
				w.stop()
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("stopped after %v", took)
				}
				w.dial = nil
				w.start()
				if _, err := w.Generate(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestUnreachable comes back when the network does.
func TestUnreachable(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		w.pair()
		w.wantTrail(pairing...)
		w.network.RefuseConnections(true)
		w.fault(sandbox.FaultDrop)
		time.Sleep(time.Hour)
		if rec := w.Status().Record; rec.State != fsm.AuthenticatedClosed || rec.Attempts < 12 || time.Until(rec.RetryAt) > 5*time.Minute {
			t.Fatalf("after an hour: %+v", rec)
		}
		w.network.RefuseConnections(false)
		time.Sleep(5*time.Minute + time.Second)
		w.reach(fsm.Authenticated)
	})
}

// TestDeaf finds a connection on which nothing is answered any more.
func TestDeaf(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		var cut func()
		pipe := w.pipe
		w.dial = func(ctx context.Context) (net.Conn, error) {
			c, err := pipe.DialContext(ctx, "", "")
			if err != nil {
				return nil, err
			}
			d := &deafened{Conn: c}
			cut = func() { d.cut.Store(true) }
			return d, nil
		}
		w.pair()
		w.wantTrail(pairing...)
		time.Sleep(5 * time.Minute)
		began := time.Now()
		cut()
		w.reach(fsm.AuthenticatedClosed)
		if took := time.Since(began); took < 60*time.Second || took > 135*time.Second {
			t.Errorf("found after %v", took)
		}
		w.reach(fsm.Authenticated)
		w.wantTrail(then([]string{"10>11 keepalive_timeout"}, back)...)
	})
}

// TestOpenRefuses names the instance and nothing of the session.
func TestOpenRefuses(t *testing.T) {
	d, err := whatsapp.New(whatsapp.Config{Backend: func(string, string) devicestore.Backend { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Open(instance.Spec{Instance: "desk", Session: &record.Session{ID: "s", JID: phone + ":1@s.whatsapp.net", NoiseKey: []byte("short")}})
	if err == nil || !strings.Contains(err.Error(), "desk") || strings.Contains(err.Error(), phone) || strings.Contains(err.Error(), "short") {
		t.Errorf("error %v", err)
	}
}
