package greenapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// socket is the client's side of scanqrcode.
type socket struct {
	t *testing.T
	*websocket.Conn
}

// connect opens a socket over the pipe.
func connect(t *testing.T, l *pipe) *socket {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return l.dial(), nil },
	}}
	c, _, err := websocket.Dial( //nolint:bodyclose // the library closes it
		t.Context(), "ws://x"+mine+"scanqrcode/"+token, &websocket.DialOptions{
			HTTPClient: client, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return &socket{t, c}
}

// read answers the next text as type and the rest; a close has the type "closed".
func (s *socket) read() (kind string, all map[string]string) {
	s.t.Helper()
	_, text, err := s.Read(context.Background())
	if ended, ok := errors.AsType[websocket.CloseError](err); ok {
		return "closed", map[string]string{"code": ended.Code.String()}
	}
	if err != nil {
		return "broken", map[string]string{"err": err.Error()}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return all["type"], all
}

func (s *socket) want(kind string) map[string]string {
	s.t.Helper()
	got, all := s.read()
	if got != kind {
		s.t.Fatalf("got %s %v, want %s", got, all, kind)
	}
	return all
}

// code is what the QR code in a text says.
func code(t *testing.T, text map[string]string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text["message"])
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return qrcodetest.Scan(t, img)
}

// inBubble runs a test of a socket, on the clock of the bubble.
func inBubble(t *testing.T, test func(t *testing.T, w *world, l *pipe)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Now = time.Now
		l := serve(t, w.handler())
		test(t, w, l)
	})
}

func TestScan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, l *pipe) {
		_, err := w.ChangeGreen(t.Context(), "i1", func(s *record.GreenSettings) error {
			s.WebhookURL = "https://shop.example/hook"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s := connect(t, l)
		first := code(t, s.want("qrCode"))
		if now, err := w.Generate(t.Context(), "i1", nil); err != nil || now.Text != first {
			t.Errorf("on show is %q, sent was %q", now.Text, first)
		}
		w.Renew("i1")
		if second := code(t, s.want("qrCode")); second == first {
			t.Error("the same code again")
		}
		if _, err := w.Scan(t.Context(), "i1", ""); err != nil {
			t.Fatal(err)
		}
		got := s.want("accountData")
		for k, v := range map[string]string{"wid": "15550001234@c.us", "pushname": "Maria", "proxy": "", "webhookUrl": "https://shop.example/hook"} {
			if has, ok := got[k]; !ok || has != v {
				t.Errorf("%s is %q, want %q", k, has, v)
			}
		}
		if end := s.want("closed"); end["code"] != websocket.StatusNormalClosure.String() {
			t.Errorf("closed with %v", end)
		}
	})
}

// late is an instance whose status follows its events: one that was just linked is
// still logging in.
type late struct {
	*world
	told atomic.Bool
}

func (l *late) Info(ctx context.Context, id string) (record.Info, error) {
	info, err := l.world.Info(ctx, id)
	if info.State == fsm.Authenticated && !l.told.Swap(true) {
		info.State = fsm.Starting
	}
	return info, err
}

// TestScanLooksAgain: an event may wake the socket before the status says what it tells.
func TestScanLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Now = time.Now
		w.cfg = func(c *api.Config) { c.Instances = &late{world: w} }
		s := connect(t, serve(t, w.handler()))
		s.want("qrCode")
		if _, err := w.Scan(t.Context(), "i1", ""); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		s.want("accountData")
		if took := time.Since(at); took > time.Second {
			t.Errorf("it took %s", took)
		}
		s.want("closed")
	})
}

// TestScanWaitsForTheLogin: between the scan and the login nothing is said.
func TestScanWaitsForTheLogin(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, l *pipe) {
		s := connect(t, l)
		s.want("qrCode")
		w.Fire("acme", fsm.CauseScan, fsm.Scanned)
		synctest.Wait()
		w.Fire("acme", fsm.CauseProgress, fsm.LoginAccepted)
		s.want("accountData")
		s.want("closed")
	})
}

// TestScanExpires after 100 s, with the codes that were renewed meanwhile.
func TestScanExpires(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *world, l *pipe) {
		began := time.Now()
		s := connect(t, l)
		codes := 0
		for {
			kind, all := s.read()
			if kind == "qrCode" {
				codes++
				continue
			}
			if kind != "timeoutExpired" || all["message"] != "timeoutExpired" {
				t.Fatalf("%s %v", kind, all)
			}
			break
		}
		// One that is due with the end may come before it.
		if took := time.Since(began); took != 100*time.Second || codes < 5 || codes > 6 {
			t.Errorf("%d codes in %v", codes, took)
		}
		s.want("closed")
	})
}

func TestScanOfALinkedInstance(t *testing.T) {
	for name, c := range map[string]struct {
		then    func(w *world)
		kind    string
		message string
	}{
		"authorized": {func(*world) {}, "alreadyLogged", "instance account already authorized"},
		"closed":     {func(w *world) { w.Fire("acme", fsm.CauseOperator, fsm.Closed) }, "error", "the instance has a session already: reboot to bring it back, or logout first"},
		"failing":    {func(w *world) { w.Fail(errors.New("open /secret/path")) }, "error", "Internal Server Error"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world, l *pipe) {
				w.pair(t)
				c.then(w)
				s := connect(t, l)
				if all := s.want(c.kind); all["message"] != c.message {
					t.Errorf("%v", all)
				}
				s.want("closed")
			})
		})
	}
}

// TestSecondScanTakesOver: an instance has one socket.
func TestSecondScanTakesOver(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, l *pipe) {
		first := connect(t, l)
		first.want("qrCode")
		time.Sleep(time.Second) //nolint:forbidigo // in a bubble; one a second
		second := connect(t, l)
		if end := first.want("closed"); end["code"] != websocket.StatusPolicyViolation.String() {
			t.Errorf("the first ended with %v", end)
		}
		second.want("qrCode")
		if _, err := w.Scan(t.Context(), "i1", ""); err != nil {
			t.Fatal(err)
		}
		second.want("accountData")
		second.want("closed")
	})
}

// TestScanEndsWithItsClient, and with the daemon; both leave nothing behind.
func TestScanEndsWithItsClient(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, l *pipe) {
		s := connect(t, l)
		s.want("qrCode")
		if n := w.Watchers("i1"); n != 1 {
			t.Errorf("%d watchers", n)
		}
		if err := s.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := w.Watchers("i1"); n != 0 {
			t.Errorf("%d watchers of a socket that is gone", n)
		}
	})
}

func TestScanEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Now = time.Now
		a := w.handler()
		l := serve(t, a)
		s := connect(t, l)
		s.want("qrCode")
		a.Stop()
		if end := s.want("closed"); end["code"] != websocket.StatusGoingAway.String() {
			t.Errorf("ended with %v", end)
		}
		synctest.Wait()
		if n := w.Watchers("i1"); n != 0 {
			t.Errorf("%d watchers after the stop", n)
		}
	})
}
