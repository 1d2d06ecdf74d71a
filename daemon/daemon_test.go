package daemon_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
)

// TestWholeLife leads one instance through its life over the WITI dialect, with
// the phone and the accidents in the sandbox, and holds every transition, and
// every PostBack, against the design.
func TestWholeLife(t *testing.T) {
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), nil)
	e := d.add("shop", rcv.url("shop"))
	rcv.trust("shop", e.WebhookSecret)
	witi := func(method, command, body string) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, d.d.URL()+"/"+command+".aspx?WID="+strings.ToUpper(e.WID), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var out map[string]any
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v", command, res.StatusCode, err)
		}
		return out
	}

	qr := witi("POST", "generate_qrcode", `{"user_agent":"ERP 7"}`)
	if s, _ := qr["qr"].(string); !strings.HasPrefix(s, "data:image/svg+xml;base64,PD94b") || qr["status"] != 1.0 {
		t.Fatalf("generate_qrcode answers %v", qr)
	}
	if _, err := d.admin.Scan(t.Context(), "shop", "5511987654321"); err != nil {
		t.Fatal(err)
	}
	d.reach("shop", fsm.Authenticated)
	if again := witi("POST", "generate_qrcode", `{}`); again["error"] != "Connection already established" {
		t.Errorf("generate_qrcode while connected answers %v", again)
	}
	if got := d.find("shop"); got.Phone != "5511987654321" || got.UserAgent != "ERP 7" {
		t.Errorf("the instance is %+v", got)
	}
	if _, err := d.admin.Fault(t.Context(), "shop", "drop", false); err != nil {
		t.Fatal(err)
	}
	d.until("shop", "the drop", func(e api.Entry) bool { return e.Seq > 8 && e.State == fsm.Authenticated })
	if closed := witi("GET", "close_session", ""); closed["sucesso"] != true {
		t.Errorf("close_session answers %v", closed)
	}
	if saved := witi("POST", "generate_qrcode", `{}`); saved["error"] != "A saved session exists: restore or disconnect it first" {
		t.Errorf("generate_qrcode with a saved session answers %v", saved)
	}
	if restored := witi("GET", "restore_session", ""); restored["sucesso"] != true {
		t.Errorf("restore_session answers %v", restored)
	}
	if _, err := d.admin.Fault(t.Context(), "shop", "replaced", false); err != nil {
		t.Fatal(err)
	}
	d.reach("shop", fsm.AuthenticatedClosed)
	if got := d.find("shop"); got.Cause != fsm.CauseStreamReplaced || !got.RetryAt.IsZero() || got.Hint == "" {
		t.Errorf("after replaced: cause %q, retry at %v, hint %q", got.Cause, got.RetryAt, got.Hint)
	}
	if out := witi("GET", "disconnect", ""); out["status"] != 0.0 {
		t.Errorf("disconnect answers %v", out)
	}
	d.scan("shop")
	if _, err := d.admin.Fault(t.Context(), "shop", "logged-out", false); err != nil {
		t.Fatal(err)
	}
	d.reach("shop", fsm.NotAuthenticated)

	want := []fsm.State{
		1, 2, 3, 4, 10, // paired
		11, 1, 2, 4, 10, // dropped, and back
		0, 1, 2, 4, 10, // closed, restored
		11,             // replaced: it does not come back
		1, 2, 4, 10, 0, // disconnect dials to log out
		1, 2, 3, 4, 10, 13, // paired anew, logged out by the phone
	}
	events := d.events("shop", 0)
	if got := walk(events); !slices.Equal(got, want) {
		t.Errorf("the states were %v\nwant            %v", got, want)
	}
	last := events[len(events)-1].Seq
	rcv.awaitSeq("shop", last)
	if n := rcv.checkOrder("shop", last); n != 0 {
		t.Errorf("%d PostBacks were repeated", n)
	}
}

// TestStopAndStart proves that a graceful stop is told, and that the next start
// brings every connection back without a code.
func TestStopAndStart(t *testing.T) {
	rcv := newReceiver(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.pair("up", rcv.url("up"))
	d.pair("closed", rcv.url("closed"))
	d.add("new", rcv.url("new"))
	if _, err := d.admin.Close(t.Context(), "closed"); err != nil {
		t.Fatal(err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	rcv.await("the shutdown's PostBack", func() bool {
		p := rcv.posts["up"]
		return p[len(p)-1].Status == int(fsm.AuthenticatedClosed)
	})

	d = runDaemon(t, dir, nil)
	d.reach("up", fsm.Authenticated)
	for name, want := range map[string]fsm.State{"closed": fsm.NoConnection, "new": fsm.NoConnection} {
		if got := d.find(name); got.State != want || got.CanRestore != (name == "closed") {
			t.Errorf("%s is in state %d, can restore %v", name, got.State, got.CanRestore)
		}
	}
	events := d.events("up", 0)
	if got, want := walk(events)[5:], []fsm.State{11, 1, 2, 4, 10}; !slices.Equal(got, want) {
		t.Errorf("over the restart the states were %v, want %v", got, want)
	}
	if got := events[6].Data.Transition; got.Cause != fsm.CauseShutdown {
		t.Errorf("the stop's cause is %q", got.Cause)
	}
	rcv.awaitSeq("up", events[len(events)-1].Seq)
	rcv.checkOrder("up", events[len(events)-1].Seq)
}

// TestSandboxSaysSo: a replaced certificate root is told wherever somebody
// could take the sandbox for WhatsApp.
func TestSandboxSaysSo(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	s, err := d.admin.System(t.Context())
	if err != nil || s.Network != "sandbox" {
		t.Errorf("the API says %q, %v", s.Network, err)
	}
	res, err := web.Get(d.d.URL() + "/ui/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(strings.ToLower(string(page)), "sandbox") {
		t.Errorf("the status page does not speak of the sandbox (%v)", err)
	}
}

// TestRefusesToStart: what is wrong with the data directory or the address is
// said with its remedy, with exit status 1, and nothing is changed.
func TestRefusesToStart(t *testing.T) {
	dir := shortDir(t)
	addr := freePort(t)
	first := start(t, "msg=ready", "serve", "--sandbox", "--data", dir, "--listen", addr)
	refuse := func(name, says string, args ...string) {
		t.Helper()
		_, errs, code := run(t, args...)
		if code != 1 || !strings.Contains(errs, says) || strings.Contains(errs, "goroutine ") {
			t.Errorf("%s: status %d, %q; want status 1 and %q", name, code, errs, says)
		}
	}
	refuse("a second daemon", "another switchhook uses this data directory", "serve", "--sandbox", "--data", dir, "--listen", "127.0.0.1:0")
	refuse("a port that is taken", "--listen", "serve", "--sandbox", "--data", shortDir(t), "--listen", addr)
	if code := first.interrupt(); code != 0 {
		t.Errorf("the first daemon stopped with status %d", code)
	}

	refuse("the other network", "network: sandbox", "serve", "--data", dir, "--listen", "127.0.0.1:0")
	db := filepath.Join(dir, "switchhook.db")
	whole, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:3*4096] },
		"garbage":   func(b []byte) []byte { return []byte(strings.Repeat("no database ", 4000)) },
		"holes": func(b []byte) []byte {
			for i := 2 * 4096; i < len(b); i++ {
				b[i] = 0xA5
			}
			return b
		},
	} {
		bad := damage(slices.Clone(whole))
		if err := os.WriteFile(db, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		refuse(name, "restore it from a backup", "serve", "--sandbox", "--data", dir, "--listen", "127.0.0.1:0")
		if after, err := os.ReadFile(db); err != nil || !slices.Equal(after, bad) {
			t.Errorf("%s: the refused file was changed (%v)", name, err)
		}
	}
}

// TestReceiverDown: a receiver that fails for a while delays, and loses and
// reorders nothing; another instance's is not held up.
func TestReceiverDown(t *testing.T) {
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), func(c *configs.Config) {
		c.Webhook.Schedule = append(c.Webhook.Schedule[:0:0], c.Connection.RetryMin)
	})
	down := true
	rcv.fail = func(name string) int {
		if name == "down" && down {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	d.pair("down", rcv.url("down"))
	d.pair("fine", rcv.url("fine"))
	rcv.awaitSeq("fine", d.find("fine").Seq)
	for range 3 {
		if _, err := d.admin.Close(t.Context(), "down"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.admin.Restore(t.Context(), "down"); err != nil {
			t.Fatal(err)
		}
	}
	if e := d.find("down"); e.Pending == 0 || e.LastError == "" {
		t.Errorf("while the receiver fails, %d are pending, error %q", e.Pending, e.LastError)
	}
	rcv.mu.Lock()
	if n := len(rcv.posts["down"]); n != 0 {
		t.Errorf("%d PostBacks were taken by a receiver that fails", n)
	}
	down = false
	rcv.mu.Unlock()
	last := d.find("down").Seq
	rcv.awaitSeq("down", last)
	if n := rcv.checkOrder("down", last); n != 0 {
		t.Errorf("%d PostBacks were repeated", n)
	}
}
