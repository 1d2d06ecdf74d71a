package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// rawSocket is a websocket that need not be WhatsApp's.
type rawSocket struct {
	t  testing.TB
	ws *websocket.Conn
}

func (r *rig) openSocket(t testing.TB) *rawSocket {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), "wss://web.whatsapp.com/ws/chat", &websocket.DialOptions{ //nolint:bodyclose // it has no body
		HTTPClient: r.http, HTTPHeader: http.Header{"Origin": {"https://web.whatsapp.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	return &rawSocket{t: t, ws: ws}
}

func (c *rawSocket) write(kind websocket.MessageType, data []byte) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), kind, data); err != nil {
		c.t.Fatal(err)
	}
}

// readToEnd reads until the server has closed.
func (c *rawSocket) readToEnd() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for {
		if _, _, err := c.ws.Read(ctx); err != nil {
			if ctx.Err() != nil {
				c.t.Error("server does not close")
			}
			return
		}
	}
}

func TestBadBytesEndTheirConnection(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	r := serveTCP(t, openNetwork(t, sandbox.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}))
	bystander := r.pair(t, "", newDevice())
	hello := []byte{'W', 'A', 6, 3}
	for name, sent := range map[string][]byte{
		"other protocol":  []byte("GET / HTTP/1.1\r\n\r\n"),
		"other version":   {'W', 'A', 6, 2, 0, 0, 1, 0},
		"empty frame":     append(hello, 0, 0, 0),
		"large frame":     append(hello, 0xff, 0xff, 0xff),
		"no protobuf":     append(hello, 0, 0, 3, 0xff, 0xff, 0xff),
		"no key":          append(hello, 0, 0, 2, 0x12, 0),
		"zero key":        append(append(hello, 0, 0, 36, 0x12, 34, 0x0a, 32), make([]byte, 32)...),
		"nothing and bye": {},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.openSocket(t)
			c.write(websocket.MessageBinary, sent)
			if len(sent) == 0 {
				c.ws.CloseNow()
			}
			c.readToEnd()
		})
	}
	t.Run("text message", func(t *testing.T) {
		c := r.openSocket(t)
		c.write(websocket.MessageText, hello)
		c.readToEnd()
	})
	t.Run("no websocket", func(t *testing.T) {
		response, err := r.http.Get("http://127.0.0.1/ws/chat")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("status %d", response.StatusCode)
		}
	})
	if err := bystander.ping(); err != nil {
		t.Errorf("bystander: %v", err)
	}
	for _, why := range []string{
		"not a WhatsApp client", "empty frame", "over the limit", "read client hello", "low order point", "text message",
	} {
		if !strings.Contains(log.String(), why) {
			t.Errorf("log does not say %q", why)
		}
	}
}

func (s *session) ping() error {
	_, err := s.client.DangerousInternals().SendIQ(s.t.Context(), whatsmeow.DangerousInfoQuery{
		Namespace: "w:p", Type: "get", To: types.ServerJID,
	})
	return err
}

func TestPanicEndsItsConnectionOnly(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	n := openNetwork(t, sandbox.Config{Gap: roomyGap, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := serveTCP(t, n)
	victim := r.pair(t, "", newDevice())
	bystander := r.pair(t, "", newDevice())
	err := victim.client.DangerousInternals().SendNode(t.Context(), sandbox.PanicNode)
	if err != nil {
		t.Fatal(err)
	}
	await[*events.Disconnected](victim)
	if err := bystander.ping(); err != nil {
		t.Errorf("bystander: %v", err)
	}
	if !strings.Contains(log.String(), "connection panicked") {
		t.Error("panic is not in the log")
	}
}

func TestLogsKeepSecrets(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	n := openNetwork(t, sandbox.Config{Gap: roomyGap, Log: slog.New(handler)})
	r := serveTCP(t, n)
	device := newDevice()
	s := r.start(t, device)
	code := await[*events.QR](s).Codes[0]
	if _, err := n.Scan(t.Context(), "4915112345678", code); err != nil {
		t.Fatal(err)
	}
	s.paired()
	s = r.logIn(t, device)
	err := n.Fault(t.Context(), sandbox.Target{Phone: "4915112345678"}, sandbox.FaultLoggedOut, sandbox.FaultOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await[*events.LoggedOut](s)
	written := log.String()
	for _, secret := range append(strings.Split(code, ","), "4915112345678", "151123") {
		if strings.Contains(written, secret) {
			t.Errorf("log has %q", secret)
		}
	}
	if !strings.Contains(written, "5678") {
		t.Error("log does not say which phone")
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestClose(t *testing.T) {
	t.Parallel()
	n := openNetwork(t, sandbox.Config{StateFile: stateFile(t)})
	r := serveTCP(t, n)
	s := r.pair(t, "", newDevice())
	unpaired := r.start(t, newDevice())
	code := await[*events.QR](unpaired).Codes[0]
	for range 2 {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
	await[*events.Disconnected](s)
	r.stop()
	if _, err := n.Scan(t.Context(), "", code); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("scan: %v", err)
	}
	err := n.Fault(t.Context(), sandbox.Target{Phone: someone}, sandbox.FaultDrop, sandbox.FaultOptions{})
	if !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("fault: %v", err)
	}
	l := sandbox.NewPipeListener()
	if err := n.Serve(t.Context(), l); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	if _, err := l.DialContext(t.Context(), "", ""); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dial: %v", err)
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	n := openNetwork(t, sandbox.Config{})
	l := sandbox.NewPipeListener()
	l.Close()
	if err := n.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
}

func TestStateFileIsHeld(t *testing.T) {
	t.Parallel()
	file := stateFile(t)
	openNetwork(t, sandbox.Config{StateFile: file})
	if _, err := sandbox.Open(sandbox.Config{StateFile: file}); err == nil {
		t.Error("opened twice")
	}
}
