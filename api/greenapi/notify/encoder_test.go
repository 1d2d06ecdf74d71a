package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
	"github.com/switchhook/switchhook/webhook"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	_ webhook.Encoder   = notify.Encoder{}
	_ webhook.Judge     = notify.Encoder{}
	_ webhook.Scheduler = notify.Encoder{}
	_ webhook.Chooser   = notify.Encoder{}
)

// all is every switch on.
var all = record.GreenSettings{
	OutgoingStatus: true, OutgoingMessage: true, OutgoingAPIMessage: true, Incoming: true, State: true,
	Poll: true, IncomingBlock: true, IncomingCall: true, Edited: true, Deleted: true, Device: true,
}

func encoder(s record.GreenSettings) notify.Encoder {
	return notify.Encoder{
		Account: func(instance string) (notify.Account, bool) {
			return notify.Account{ID: 1101000001, Phone: "5511955550001", Settings: s}, instance == recordtest.Instance
		},
	}
}

// kinds is where each kind of event is placed: what its notifications are called.
var kinds = map[record.Kind][]string{
	record.ConnectionChanged: {"stateInstanceChanged", "statusInstanceChanged", "deviceInfo"},
	record.MessageText:       {"incomingMessageReceived", "outgoingMessageReceived", "outgoingMessageStatus"},
	record.MessageMedia:      {"incomingMessageReceived"},
	record.MessageOther:      {"incomingMessageReceived"},
	record.MessageReaction:   {"incomingMessageReceived"},
	record.MessageEdited:     {"incomingMessageReceived"},
	record.MessageRevoked:    {"incomingMessageReceived"},
	record.MessageReceipt:    {"outgoingMessageStatus"},
	record.MessageCall:       {"incomingCall"},
	record.MessageSent:       {"outgoingAPIMessageReceived", "outgoingMessageStatus"},

	record.QRIssued: nil, record.PairingCodeIssued: nil,
	record.InstanceCreated: nil, record.InstanceDeleted: nil, record.InstanceExported: nil,
	record.InstanceImported: nil, record.InstanceUnfenced: nil,
	record.DaemonStarted: nil, record.DaemonStopped: nil,
	record.EndpointCreated: nil, record.EndpointChanged: nil, record.EndpointDeleted: nil,
	record.EndpointDisabled: nil, record.EndpointEnabled: nil, record.EndpointFailing: nil,
	record.EndpointRecovered: nil, record.EndpointGaveUp: nil, record.EndpointTest: nil,
	record.PictureUpdated: nil,
	record.TenantCreated:  nil, record.TenantChanged: nil, record.TenantDeleted: nil,
	record.QRDLCreated: nil, record.QRDLUpdated: nil, record.QRDLDeleted: nil, record.QRDLScanned: nil,
	record.ProfileUpdated: nil, record.ProfileApplied: nil,
}

// head is what every notification begins with.
type head struct {
	Type     string `json:"typeWebhook"`
	Instance struct {
		ID   int64  `json:"idInstance"`
		WID  string `json:"wid"`
		Type string `json:"typeInstance"`
	} `json:"instanceData"`
	Timestamp int64 `json:"timestamp"`
}

// TestEveryKindIsPlaced: what each kind of event becomes, with every switch on; with
// every switch off, nothing. A new kind fails until it is placed above.
func TestEveryKindIsPlaced(t *testing.T) {
	on, off := encoder(all), encoder(record.GreenSettings{})
	for _, kind := range record.Kinds() {
		want, placed := kinds[kind]
		if !placed {
			t.Errorf("nobody has said what becomes of a %s", kind)
			continue
		}
		if on.Carries(kind) != (want != nil) {
			t.Errorf("%s: carried %t", kind, on.Carries(kind))
		}
		var got []string
		for _, s := range recordtest.Of(kind) {
			ev := s.Event
			if off.Wants(nil, &ev) || len(compact(t, off, &ev)) > 0 {
				t.Errorf("%s without a switch is wanted", ev.ID())
			}
			bodies := compact(t, on, &ev)
			if on.Wants(nil, &ev) != (len(bodies) > 0) {
				t.Errorf("%s: wanted %t, made into %d", ev.ID(), on.Wants(nil, &ev), len(bodies))
			}
			for _, body := range bodies {
				var h head
				if err := json.Unmarshal(body, &h); err != nil {
					t.Fatal(err)
				}
				if h.Instance.ID != 1101000001 || h.Instance.WID != "5511955550001@c.us" || h.Instance.Type != "whatsapp" || h.Timestamp < 1e9 || h.Timestamp > 1e10 {
					t.Errorf("%s begins with %+v", ev.ID(), h)
				}
				if !slices.Contains(got, h.Type) {
					got = append(got, h.Type)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s becomes %q, want %q", kind, got, want)
		}
	}
	if len(kinds) != len(record.Kinds()) {
		t.Errorf("%d kinds are placed, there are %d", len(kinds), len(record.Kinds()))
	}
}

// compact answers the notifications that there are.
func compact(t *testing.T, e notify.Encoder, ev *record.Event) [][]byte {
	t.Helper()
	bodies, err := e.Bodies(ev)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(bodies, func(b []byte) bool { return b == nil })
}

// cases are events by what they show, beside those of recordtest.
func cases() map[string]record.Event {
	out := make(map[string]record.Event)
	for _, s := range recordtest.Samples() {
		if _, ok := kinds[s.Event.Kind]; ok && kinds[s.Event.Kind] != nil {
			out[fmt.Sprintf("%s-%d", s.Event.Kind, s.Event.Seq)] = s.Event
		}
	}
	vary := func(name string, kind record.Kind, change func(*record.Event)) {
		ev := recordtest.Of(kind)[0].Event
		change(&ev)
		out[name] = ev
	}
	const group = "120363000000000001@g.us"
	phone := func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe = "5511955550001@s.whatsapp.net", "", "", m.Chat, true
	}
	vary("banned", record.ConnectionChanged, func(ev *record.Event) {
		ev.Transition.From, ev.Transition.To, ev.Transition.Cause = fsm.Authenticated, fsm.AuthenticatedClosed, fsm.CauseTemporaryBan
	})
	vary("logged out", record.ConnectionChanged, func(ev *record.Event) {
		ev.Transition.From, ev.Transition.To, ev.Transition.Cause = fsm.Authenticated, fsm.NotAuthenticated, fsm.CauseLoggedOut
		ev.Info.CanRestore, ev.Info.Phone = false, ""
	})
	vary("text plain", record.MessageText, func(ev *record.Event) { ev.Message.Quoted = "" })
	vary("text in a group", record.MessageText, func(ev *record.Event) { ev.Message.Chat, ev.Message.Group = group, true })
	vary("text from a hidden number", record.MessageText, func(ev *record.Event) {
		ev.Message.From, ev.Message.Chat = ev.Message.LID, ev.Message.LID
	})
	vary("image answered", record.MessageMedia, func(ev *record.Event) {
		ev.Message.Type, ev.Message.Quoted, ev.Message.Text = "image", "3EB0C3", ""
		ev.Message.Media.FileName, ev.Message.Media.MIME = "", "image/jpeg"
	})
	vary("voice", record.MessageMedia, func(ev *record.Event) {
		ev.Message.Type, ev.Message.Media.MIME, ev.Message.Media.FileName = "voice", "audio/ogg; codecs=opus", ""
	})
	for _, kind := range []string{"contact", "contacts", "poll", "poll_vote", "group_invite", "live_location", "order"} {
		vary("other "+kind, record.MessageOther, func(ev *record.Event) { ev.Message.Type, ev.Message.Text = kind, "its name" })
	}
	vary("reaction taken back", record.MessageReaction, func(ev *record.Event) { ev.Message.Text = "" })
	vary("reaction by the phone", record.MessageReaction, func(ev *record.Event) { phone(ev.Message) })
	vary("edited by the phone", record.MessageEdited, func(ev *record.Event) { phone(ev.Message) })
	vary("deleted by the phone", record.MessageRevoked, func(ev *record.Event) { phone(ev.Message) })
	vary("delivered, three", record.MessageReceipt, func(ev *record.Event) {
		ev.Message.Type, ev.Message.Targets = "delivered", []string{"3EB0A1", "3AF2", "3EB0A3"}
	})
	vary("played", record.MessageReceipt, func(ev *record.Event) { ev.Message.Type = "played" })
	vary("call in a group", record.MessageCall, func(ev *record.Event) { ev.Message.Chat, ev.Message.Group = group, true })
	vary("no time", record.MessageText, func(ev *record.Event) { ev.Message.SentAt = time.Time{} })
	return out
}

// TestGolden: the bodies, one after the other where there are several.
func TestGolden(t *testing.T) {
	e := encoder(all)
	for name, ev := range cases() {
		var got bytes.Buffer
		for _, body := range compact(t, e, &ev) {
			if err := json.Indent(&got, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
		}
		if bytes.Contains(got.Bytes(), []byte("the key of the file")) || bytes.Contains(got.Bytes(), []byte(recordtest.Webhook)) {
			t.Errorf("%s tells a secret", name)
		}
		file := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(name)+".json")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(want, got.Bytes()) {
			t.Errorf("%s: %v, now\n%s", name, err, got.Bytes())
		}
	}
	if files, err := filepath.Glob("testdata/*.json"); err != nil || len(files) != len(cases()) {
		t.Errorf("%d golden files, %d cases, %v", len(files), len(cases()), err)
	}
}
