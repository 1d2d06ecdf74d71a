package notify_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

// types are the notifications of an event under some settings, by their places.
func types(t *testing.T, s record.GreenSettings, ev record.Event) (out []string) {
	t.Helper()
	bodies, err := encoder(s).Bodies(&ev)
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		if body == nil {
			continue
		}
		var n struct {
			Type   string `json:"typeWebhook"`
			State  string `json:"stateInstance"`
			Socket string `json:"statusInstance"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(body, &n); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%d %s %s%s%s", i, n.Type, n.State, n.Socket, n.Status), " "))
	}
	return out
}

// TestSwitches: each notification with the switches that want it, and without any one
// of them not.
func TestSwitches(t *testing.T) {
	cases := cases()
	s := func(on ...func(*record.GreenSettings)) (out record.GreenSettings) {
		for _, f := range on {
			f(&out)
		}
		return out
	}
	var (
		in      = func(s *record.GreenSettings) { s.Incoming = true }
		out     = func(s *record.GreenSettings) { s.OutgoingMessage = true }
		api     = func(s *record.GreenSettings) { s.OutgoingAPIMessage = true }
		status  = func(s *record.GreenSettings) { s.OutgoingStatus = true }
		call    = func(s *record.GreenSettings) { s.IncomingCall = true }
		edits   = func(s *record.GreenSettings) { s.Edited = true }
		deletes = func(s *record.GreenSettings) { s.Deleted = true }
		polls   = func(s *record.GreenSettings) { s.Poll = true }
		conn    = func(s *record.GreenSettings) { s.State = true }
		device  = func(s *record.GreenSettings) { s.Device = true }
	)
	byPhone := recordtest.Of(record.MessageText)[1].Event
	up := recordtest.Of(record.ConnectionChanged)[0].Event
	for i, c := range []struct {
		ev       record.Event
		settings record.GreenSettings
		want     []string
	}{
		{cases["text plain"], s(in), []string{"0 incomingMessageReceived"}},
		{cases["text plain"], s(out, api, status), nil},
		{byPhone, s(out), []string{"0 outgoingMessageReceived"}},
		{byPhone, s(status), nil},
		{byPhone, s(out, status), []string{"0 outgoingMessageReceived", "1 outgoingMessageStatus sent"}},
		{byPhone, s(in, api), nil},
		{recordtest.Of(record.MessageSent)[0].Event, s(api), []string{"0 outgoingAPIMessageReceived"}},
		{recordtest.Of(record.MessageSent)[0].Event, s(status), []string{"1 outgoingMessageStatus sent"}},
		{recordtest.Of(record.MessageSent)[0].Event, s(in, out), nil},
		{recordtest.Of(record.MessageCall)[0].Event, s(in), nil},
		{recordtest.Of(record.MessageCall)[0].Event, s(call), nil},
		{recordtest.Of(record.MessageCall)[0].Event, s(in, call), []string{"0 incomingCall offer"}},
		{recordtest.Of(record.MessageEdited)[0].Event, s(in), nil},
		{recordtest.Of(record.MessageEdited)[0].Event, s(in, edits), []string{"0 incomingMessageReceived"}},
		{cases["edited by the phone"], s(in, edits), nil},
		{cases["edited by the phone"], s(out, edits), []string{"0 outgoingMessageReceived"}},
		{recordtest.Of(record.MessageRevoked)[0].Event, s(in, edits), nil},
		{recordtest.Of(record.MessageRevoked)[0].Event, s(in, deletes), []string{"0 incomingMessageReceived"}},
		{cases["other poll"], s(in), nil},
		{cases["other poll"], s(in, polls), []string{"0 incomingMessageReceived"}},
		{up, s(conn), []string{"0 stateInstanceChanged authorized", "1 statusInstanceChanged online"}},
		{up, s(device), []string{"2 deviceInfo"}},
		{up, s(conn, device), []string{"0 stateInstanceChanged authorized", "1 statusInstanceChanged online", "2 deviceInfo"}},
	} {
		if got := types(t, c.settings, c.ev); !slices.Equal(got, c.want) {
			t.Errorf("case %d, %s: %q, want %q", i, c.ev.Kind, got, c.want)
		}
	}
}

// TestStatesThatChange: a notification only where GREEN-API's own state, or the
// socket, is another one.
func TestStatesThatChange(t *testing.T) {
	for name, c := range map[string]struct {
		from, to      fsm.State
		before        *record.Before
		cause         fsm.Cause
		canRestore    bool
		state, socket string
	}{
		"still starting":      {fsm.Connecting, fsm.SocketOpen, &record.Before{CanRestore: true}, fsm.CauseProgress, true, "", ""},
		"up":                  {fsm.Starting, fsm.Authenticated, &record.Before{CanRestore: true}, fsm.CauseProgress, true, "authorized", "online"},
		"down":                {fsm.Authenticated, fsm.AuthenticatedClosed, &record.Before{CanRestore: true}, fsm.CauseNetwork, true, "starting", "offline"},
		"scanned":             {fsm.AwaitingScan, fsm.Starting, &record.Before{}, fsm.CauseScan, true, "starting", ""},
		"banned":              {fsm.Starting, fsm.AuthenticatedClosed, &record.Before{CanRestore: true}, fsm.CauseTemporaryBan, true, "yellowCard", ""},
		"the ban is over":     {fsm.AuthenticatedClosed, fsm.Connecting, &record.Before{Cause: fsm.CauseTemporaryBan, CanRestore: true}, fsm.CauseRetry, true, "starting", ""},
		"logged out":          {fsm.Authenticated, fsm.NotAuthenticated, &record.Before{CanRestore: true}, fsm.CauseLoggedOut, false, "notAuthorized", "offline"},
		"a code asked for":    {fsm.NotAuthenticated, fsm.Connecting, &record.Before{Cause: fsm.CauseLoggedOut}, fsm.CauseOperator, false, "", ""},
		"an event of old, up": {fsm.Starting, fsm.Authenticated, nil, fsm.CauseProgress, true, "authorized", "online"},
	} {
		ev := recordtest.Of(record.ConnectionChanged)[0].Event
		ev.Transition.From, ev.Transition.To, ev.Transition.Cause, ev.Before, ev.Info.CanRestore = c.from, c.to, c.cause, c.before, c.canRestore
		var want []string
		if c.state != "" {
			want = append(want, "0 stateInstanceChanged "+c.state)
		}
		if c.socket != "" {
			want = append(want, "1 statusInstanceChanged "+c.socket)
		}
		if got := types(t, record.GreenSettings{State: true}, ev); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestWithoutAForm: what nothing is to be said about is no error, and is not wanted.
func TestWithoutAForm(t *testing.T) {
	e := encoder(all)
	own := recordtest.Of(record.MessageReceipt)[0].Event
	own.Message.FromMe = true
	elsewhere := recordtest.Of(record.MessageText)[0].Event
	elsewhere.Stream = "iother"
	for name, ev := range map[string]record.Event{
		"read by the own phone": own, "of an instance without an account": elsewhere,
		"a message without one":       {Stream: recordtest.Instance, Kind: record.MessageText},
		"a transition without one":    {Stream: recordtest.Instance, Kind: record.ConnectionChanged},
		"a kind that is not carried":  recordtest.Of(record.QRIssued)[0].Event,
		"an event of the daemon":      recordtest.Of(record.DaemonStarted)[0].Event,
		"a receipt that names no one": {Stream: recordtest.Instance, Kind: record.MessageReceipt, Message: &record.Message{Type: "read"}},
	} {
		made, err := e.Encode(nil, []*record.Event{&ev})
		if e.Wants(nil, &ev) || made.Body != nil || made.More != nil || err != nil {
			t.Errorf("%s: wanted %t, %+v, %v", name, e.Wants(nil, &ev), made, err)
		}
	}
}

// TestEncode: the first notification is the request, the others follow it.
func TestEncode(t *testing.T) {
	ev := cases()["delivered, three"]
	e := encoder(all)
	made, err := e.Encode(nil, []*record.Event{&ev})
	if err != nil || len(made.More) != 2 || made.ContentType != "application/json" || made.More[1].ContentType != made.ContentType {
		t.Fatalf("%+v, %v", made, err)
	}
	for i, one := range append([]record.PostBack{made}, made.More...) {
		if !strings.Contains(string(one.Body), `"idMessage":"`+ev.Message.Targets[i]+`"`) || one.Query != "" {
			t.Errorf("request %d is %s", i, one.Body)
		}
	}
	if _, err := e.Encode(nil, []*record.Event{&ev, &ev}); err == nil {
		t.Error("two events became one request")
	}
	ev.Message.Targets = make([]string, 2*notify.Most)
	if bodies, err := e.Bodies(&ev); err != nil || len(bodies) != notify.Most {
		t.Errorf("%d notifications, %v", len(bodies), err)
	}
}

// TestRules: 200 is success and nothing else; every minute for a day.
func TestRules(t *testing.T) {
	e := encoder(all)
	for status := range 600 {
		if e.Accepts(status) != (status == 200) {
			t.Errorf("%d: %t", status, e.Accepts(status))
		}
	}
	if p := e.Policy(); !slices.Equal(p.Schedule, []time.Duration{time.Minute}) || p.Horizon != 24*time.Hour {
		t.Errorf("%+v", p)
	}
}

// FuzzBodies: whatever a message says, its notifications are JSON and as many as its
// places, and Wants agrees.
func FuzzBodies(f *testing.F) {
	for _, s := range recordtest.Samples() {
		if m := s.Event.Message; m != nil {
			f.Add(string(s.Event.Kind), m.Type, m.Text, m.From, strings.Join(m.Targets, " "), m.Quoted, m.FromMe, m.Media != nil)
		}
	}
	e := encoder(all)
	f.Fuzz(func(t *testing.T, kind, typ, text, from, targets, quoted string, fromMe, media bool) {
		ev := record.Event{Stream: recordtest.Instance, Kind: record.Kind(kind), Message: &record.Message{
			Type: typ, Text: text, From: from, Chat: from, Targets: strings.Fields(targets), Quoted: quoted, FromMe: fromMe,
		}}
		if media {
			ev.Message.Media = &record.Media{MIME: typ}
		}
		bodies, err := e.Bodies(&ev)
		if err != nil {
			t.Fatal(err)
		}
		some := false
		for _, body := range bodies {
			some = some || body != nil
			if body != nil && !json.Valid(body) {
				t.Errorf("%q is no JSON", body)
			}
		}
		if e.Wants(nil, &ev) != some {
			t.Errorf("wanted %t, made %t", e.Wants(nil, &ev), some)
		}
	})
}
