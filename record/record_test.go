package record_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// moment has nanoseconds and is in UTC, as a stored time comes back.
var moment = time.Date(2025, 11, 21, 20, 15, 30, 123456789, time.UTC)

func instance() record.Instance {
	return record.Instance{
		ID: "k3f9", Name: "front desk", WID: "6f1c2d3e-0000-4000-8000-000000000001",
		CreatedAt: moment.Add(-time.Hour), DeletedAt: moment.Add(time.Hour),
		Config: record.Config{
			Webhook: "https://user:hunter2@example.org/hook?token=t0ken", UserAgent: "Desk/1.0",
			APIVersion: "1.1", CanBulk: true,
		},
		State: fsm.AuthenticatedClosed, Cause: fsm.CauseStreamReplaced, Since: moment,
		RetryAt: moment.Add(time.Minute), Attempts: 3,
		Stats: record.Stats{Contacts: 12, Chats: 4, SentBytes: 1024, ReceivedBytes: 4096},
	}
}

func session() record.Session {
	return record.Session{
		ID: "5e55", SavedAt: moment, JID: "4915112345678:7@s.whatsapp.net", LID: "1234:7@lid",
		Platform: "smba", BusinessName: "Desk GmbH", PushName: "Front Desk",
		RegistrationID: 77, NoiseKey: []byte("noise"), IdentityKey: []byte("identity"),
		SignedPreKeyID: 1, SignedPreKey: []byte("prekey"), SignedPreSig: []byte("signature"),
		AdvSecret: []byte("adv"), Account: []byte("account"), FacebookUUID: []byte("uuid"),
		LIDMigratedAt: 1763755200, PublicKeys: []byte{1},
	}
}

func event() record.Event {
	s, in, m := session(), instance(), message()
	info := record.Describe(in, &s)
	return record.Event{
		Stream: "k3f9", Epoch: 1, Seq: 42, Kind: record.ConnectionChanged, At: moment, Name: "front desk",
		Transition: &fsm.Transition{
			From: fsm.Authenticated, To: fsm.AuthenticatedClosed, Event: fsm.ConnectionLost,
			Cause: fsm.CauseStreamReplaced, Hint: fsm.CauseStreamReplaced.Hint(), At: moment,
		},
		Before:  &record.Before{Cause: fsm.CauseProgress, CanRestore: true},
		Info:    &info,
		Code:    &record.Code{Text: "2@secretcode", ExpiresAt: moment.Add(20 * time.Second), TTL: 20 * time.Second},
		Message: &m,
		Data:    json.RawMessage(`{"why":"test"}`),
	}
}

func message() record.Message {
	return record.Message{
		ID: "3EB0", Chat: "4915112345678@s.whatsapp.net", From: "4915112345678@s.whatsapp.net", LID: "77@lid",
		To: "5511@s.whatsapp.net", Name: "Ana", FromMe: true, Group: true, SentAt: moment,
		Withheld: true, Text: "the plan", Type: "document", Targets: []string{"3EAF"}, Quoted: "3EAE",
		Media: &record.Media{
			MIME: "application/pdf", Bytes: 5, SHA256: "ab", FileName: "plan.pdf", Seconds: 1, Ref: []byte("hunter2"),
		},
	}
}

// roundTrip proves that a value comes back from the disk as it went, filled and
// empty.
func roundTrip[T any](t *testing.T, full T) {
	t.Helper()
	var zero T
	for name, v := range map[string]T{"full": full, "zero": zero} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back T
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, back) {
			t.Errorf("%T, %s: %+v came back as %+v", v, name, v, back)
		}
	}
	for i := range reflect.TypeFor[T]().NumField() {
		field := reflect.TypeFor[T]().Field(i)
		if field.IsExported() && field.Tag.Get("json") != "-" && reflect.ValueOf(full).Field(i).IsZero() {
			t.Errorf("the test leaves %s of %T empty", field.Name, full)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	in := instance()
	in.ExportID, in.ExportedAt, in.Moves, in.Tenant = "EXPORT", moment, 2, "acme"
	roundTrip(t, in)
	roundTrip(t, session())
	roundTrip(t, event())
	info := *event().Info
	info.Connected = true
	roundTrip(t, info)
	roundTrip(t, *event().Code)
	roundTrip(t, message())
	roundTrip(t, *message().Media)
	roundTrip(t, record.File{Name: "a.jpg", Folder: "media", Path: "/a.jpg", Bytes: 1})
	roundTrip(t, endpoint())
	roundTrip(t, endpoint().Filter)
	roundTrip(t, *endpoint().Bulk)
	roundTrip(t, endpoint().Retiring[0])
	roundTrip(t, lane())
	roundTrip(t, try())
	roundTrip(t, record.DeadLetter{
		Endpoint: "ep1", Stream: "k3f9", From: 3, To: 5, Reason: "expired", At: moment,
		Attempts: 12, Last: new(try()), Replay: "r1",
	})
	roundTrip(t, record.EndpointFact{
		Endpoint: "ep1", Name: "erp", Instance: "k3f9", Tenant: "acme", Reason: "410 Gone", Fails: 5, From: 3, To: 5,
	})
}

func TestPhone(t *testing.T) {
	for jid, want := range map[string]string{
		"": "", "4915112345678:7@s.whatsapp.net": "4915112345678", "4915112345678@s.whatsapp.net": "4915112345678",
		"123": "123", "@lid": "",
	} {
		if got := (&record.Session{JID: jid}).Phone(); got != want {
			t.Errorf("%q: phone %q, want %q", jid, got, want)
		}
	}
	var none *record.Session
	if none.Phone() != "" {
		t.Error("no session has a phone")
	}
}

func TestDescribe(t *testing.T) {
	in, s := instance(), session()
	in.State = fsm.Authenticated
	with, without := record.Describe(in, &s), record.Describe(in, nil)
	in.ExportedAt = moment
	if info := record.Describe(in, &s); !strings.HasPrefix(info.Hint, "Exported.") {
		t.Errorf("an exported instance hints %q", info.Hint)
	}
	if !with.Connected || !with.CanRestore || with.Phone != "4915112345678" || with.StateName != "WhatsAppAuthenticated" {
		t.Errorf("with a session: %+v", with)
	}
	if without.CanRestore || without.Phone != "" || without.JID != "" || without.PushName != "" {
		t.Errorf("without a session: %+v", without)
	}
}
