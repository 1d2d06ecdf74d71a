package whatsapp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

var errNoNetwork = errors.New("no network here")

// open opens a connection that cannot reach anybody.
func open(t *testing.T, log *slog.Logger, report func(instance.Fact)) *conn {
	t.Helper()
	d, err := New(Config{
		Backend: func(string, string) devicestore.Backend { return nil }, Log: log,
		Sandbox: &Sandbox{Root: sandbox.RootKey(), Dial: func(context.Context) (net.Conn, error) { return nil, errNoNetwork }},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Open(instance.Spec{Instance: "desk", Report: report})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func TestDialFails(t *testing.T) {
	c := open(t, nil, nil)
	if err := c.Dial(t.Context()); !errors.Is(err, errNoNetwork) {
		t.Errorf("dial: %v", err)
	}
	c.Close()
	c.Close()
}

func TestDialAfterClose(t *testing.T) {
	c := open(t, nil, nil)
	c.Close()
	if err := c.Dial(t.Context()); err == nil || errors.Is(err, errNoNetwork) {
		t.Errorf("dial: %v", err)
	}
}

func TestLogoutUnpaired(t *testing.T) {
	c := open(t, nil, nil)
	defer c.Close()
	if err := c.Logout(t.Context()); err == nil {
		t.Error("logged out of nothing")
	}
}

// TestNothingToTakeItWith ends a connection whose message has no store.
func TestNothingToTakeItWith(t *testing.T) {
	facts := make(chan instance.Fact, 1)
	c := open(t, nil, func(f instance.Fact) { facts <- f })
	defer c.Close()
	if c.handle(&events.Message{}) {
		t.Error("taken")
	}
	if f := <-facts; f.Kind != instance.FactLost || f.Cause != fsm.CauseStoreUnavailable || f.Err == nil {
		t.Errorf("told %+v", f)
	}
}

// TestHandlerAnswers true only for what has been taken.
func TestHandlerAnswers(t *testing.T) {
	var log bytes.Buffer
	var facts []instance.Fact
	c := open(t, slog.New(slog.NewTextHandler(&log, nil)), func(f instance.Fact) {
		if f.Kind == instance.FactAnswered {
			panic("on purpose")
		}
		facts = append(facts, f)
	})
	if !c.handle(&events.Connected{}) || !c.handle(&events.Presence{}) || !c.handle(&events.UndecryptableMessage{}) || len(facts) != 1 {
		t.Errorf("not taken: %+v", facts)
	}
	if !strings.Contains(log.String(), "message could not be decrypted") {
		t.Errorf("log %s", log.String())
	}
	if c.handle(&events.KeepAliveRestored{}) || !strings.Contains(log.String(), "KeepAliveRestored") {
		t.Errorf("a panic counts as taken; log %s", log.String())
	}
	if len(facts) != 2 || facts[1].Kind != instance.FactLost || facts[1].Cause != fsm.CauseInternalError {
		t.Errorf("after a panic: %+v", facts)
	}
	if c.handle(&events.Connected{}) || c.handle(&events.Presence{}) || len(facts) != 2 || c.LoggedOn() {
		t.Errorf("taken after a panic: %+v", facts)
	}
	c.Close()
	if c.handle(&events.Connected{}) || len(facts) != 2 {
		t.Errorf("taken after the close: %+v", facts)
	}
}

// TestFailures feeds the library each refusal that WHATSAPP.md §6 lists. 413 and
// 414 would end the process without RefreshCAT.
func TestFailures(t *testing.T) {
	for reason, want := range map[string]instance.Fact{
		"400": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
		"401": {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut},
		"402": {Kind: instance.FactRefused, Cause: fsm.CauseTemporaryBan, RetryAfter: time.Hour},
		"403": {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut},
		"405": {Kind: instance.FactRefused, Cause: fsm.CauseClientOutdated},
		"406": {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut},
		"409": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
		"413": {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		"414": {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		"415": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
		"418": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
		"501": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
		"999": {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused},
	} {
		t.Run(reason, func(t *testing.T) {
			facts := make(chan instance.Fact, 1)
			c := open(t, nil, func(f instance.Fact) { facts <- f })
			defer c.Close()
			c.client.DangerousInternals().HandleConnectFailure(t.Context(), &waBinary.Node{
				Tag: "failure", Attrs: waBinary.Attrs{"reason": reason, "code": "101", "expire": "3600", "message": "15550001111"},
			})
			got := <-facts
			if got.Kind != want.Kind || got.Cause != want.Cause || got.RetryAfter != want.RetryAfter {
				t.Errorf("%+v", got)
			}
			if got.Err != nil && strings.Contains(got.Err.Error(), "15550001111") {
				t.Errorf("the message of WhatsApp is in %v", got.Err)
			}
		})
	}
}

func TestProxy(t *testing.T) {
	for proxy, good := range map[string]bool{
		"socks5://127.0.0.1:1080": true, "http://user:pw@proxy:3128": true, "https://proxy": true, "socks5h://p:1": true,
		"proxy:3128": false, "ftp://user:hunter2@proxy": false, "http://user:hunter2@%zz": false, "://": false, "http://": false, "/tmp/socket": false,
	} {
		_, err := New(Config{Proxy: proxy})
		if (err == nil) != good {
			t.Errorf("%s: %v", proxy, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password stands in %v", err)
		}
	}
}

func TestLibraryLog(t *testing.T) {
	var log bytes.Buffer
	l := quietLog{slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), "client"}
	sub := l.Sub("Recv")
	sub.Debugf("%s", "15550001111")
	sub.Infof("%s", "15550001111")
	sub.Warnf("lost %s", "15550001111")
	sub.Errorf("broke %s", "15550001111")
	got := log.String()
	if strings.Contains(got, "15550001111") || strings.Count(got, "\n") != 2 || !strings.Contains(got, "client/Recv") ||
		!strings.Contains(got, `"lost %s"`) || !strings.Contains(got, `"broke %s"`) {
		t.Errorf("log %s", got)
	}
}
