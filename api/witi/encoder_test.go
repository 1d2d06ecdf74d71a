package witi_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
	"github.com/switchhook/switchhook/api/witi"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// encoder knows the instance i1 only.
var encoder = witi.Encoder{WID: func(id string) (string, bool) { return wid, id == "i1" }}

// stored is what a full instance reports.
func stored(state fsm.State, session bool) *record.Info {
	info := record.Info{
		State: state, StateName: state.String(), Since: noon, Connected: state == fsm.Authenticated,
		Webhook: "http://my-erp.example&wid=" + wid, UserAgent: "Chrome",
		Stats: record.Stats{Contacts: 72, Chats: 32, SentBytes: 5, ReceivedBytes: 7},
		Storage: record.Tree{Bytes: 15544238, Files: 107, Subs: []record.TreeLeaf{
			{Name: "media", Bytes: 11817360, Files: 27},
			{Name: "profile", Bytes: 1843594, Files: 52},
			{Name: "thumb", Bytes: 224238, Files: 27},
		}},
	}
	if session {
		info.CanRestore, info.Phone, info.JID = true, "15550001234", "15550001234:3@s.whatsapp.net"
		info.PushName, info.Platform = "Atendimento Maria", "iphone"
	}
	return &info
}

func event(seq uint64, kind record.Kind) record.Event {
	return record.Event{Stream: "i1", Epoch: 1, Seq: seq, Kind: kind, At: noon.Add(999 * time.Millisecond), Name: "acme"}
}

func TestPostBacks(t *testing.T) {
	move := func(to fsm.State, session bool) record.Event {
		ev := event(41, record.ConnectionChanged)
		ev.Transition = &fsm.Transition{To: to, At: ev.At}
		ev.Info = stored(to, session)
		return ev
	}
	shown := event(42, record.QRIssued)
	shown.Code = &record.Code{Text: "2@pairing,code", TTL: 20 * time.Second, ExpiresAt: noon.Add(20 * time.Second)}
	for name, ev := range map[string]record.Event{
		"status_connecting":    move(fsm.Connecting, false),
		"status_starting":      move(fsm.Starting, true),
		"status_authenticated": move(fsm.Authenticated, true),
		"status_closed":        move(fsm.AuthenticatedClosed, true),
		"status_revoked":       move(fsm.NotAuthenticated, false),
		"qrcode":               shown,
	} {
		t.Run(name, func(t *testing.T) {
			body, kind, err := encode(&ev)
			if err != nil {
				t.Fatal(err)
			}
			if kind != "application/json" {
				t.Errorf("content type %s", kind)
			}
			dialecttest.Golden(t, filepath.Join("testdata", "postbacks", name+".golden"), append(body, '\n'))
		})
	}
}

// A PostBack of a status tells what status.aspx tells at that moment, key by
// key.
func TestStatusEventHoldsEveryKeyOfTheCommand(t *testing.T) {
	f, h := acme(t, pair)
	events, err := f.Events(t.Context(), "i1", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := encode(&events[len(events)-1])
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]json.RawMessage
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(ask(t, h, "GET", "/status.aspx", ""), &want); err != nil {
		t.Fatal(err)
	}
	for k, v := range want {
		if string(got[k]) != string(v) {
			t.Errorf("%s: event has %s, command %s", k, got[k], v)
		}
	}
	if extra := len(got) - len(want); extra != 5 {
		t.Errorf("%d further keys, want event, wid, timestamp, id and seq", extra)
	}
}

// encode makes a request of one event.
func encode(ev *record.Event) (body []byte, contentType string, err error) {
	p, err := encoder.Encode(&record.Endpoint{}, []*record.Event{ev})
	return p.Body, p.ContentType, err
}

func TestWhatIsNotCarriedIsRefused(t *testing.T) {
	for _, kind := range append(record.Kinds(), "message.received") {
		if kind == record.ConnectionChanged || kind == record.QRIssued {
			continue
		}
		ev := event(1, kind)
		ev.Code, ev.Message = &record.Code{Text: "ABCD1234", TTL: time.Minute}, &record.Message{ID: "3EB0", Text: "hello"}
		if _, _, err := encode(&ev); err == nil || encoder.Carries(kind) {
			t.Errorf("%s is carried", kind)
		}
	}
	if !encoder.Carries(record.ConnectionChanged) || !encoder.Carries(record.QRIssued) {
		t.Error("status or qrcode are not carried")
	}
	gone := event(1, record.ConnectionChanged)
	gone.Stream, gone.Info = "i2", stored(fsm.NoConnection, false)
	if _, _, err := encode(&gone); err == nil {
		t.Error("an event of an unknown instance was encoded")
	}
}

// The code of the answer, of the PostBack and on the screen are one, and scan.
func TestCodesScan(t *testing.T) {
	f, h := acme(t, nil)
	var answer struct {
		QR  string
		TTL int
	}
	if err := json.Unmarshal(ask(t, h, "POST", "/generate_qrcode.aspx", ""), &answer); err != nil {
		t.Fatal(err)
	}
	code, err := f.Generate(t.Context(), "i1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := qrcodetest.ScanDataURL(t, answer.QR); got != code.Text {
		t.Errorf("the answer scans as %q, want %q", got, code.Text)
	}
	if want := int(apitest.CodeTTL / time.Second); answer.TTL != want {
		t.Errorf("ttl %d of a fresh code, want %d", answer.TTL, want)
	}
	ev := event(1, record.QRIssued)
	ev.Code = &code
	body, _, err := encode(&ev)
	if err != nil {
		t.Fatal(err)
	}
	var back struct{ QR string }
	if err := json.Unmarshal(body, &back); err != nil || back.QR != answer.QR {
		t.Errorf("the PostBack has another picture: %v", err)
	}
}
