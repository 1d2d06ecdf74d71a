package greenapi

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestSettingsComeBack: what getSettings answers is taken by setSettings as it is, and
// is answered again; so is the hosted service's own sample.
func TestSettingsComeBack(t *testing.T) {
	sample := `{"wid":"79876543210@c.us","countryInstance":"","typeAccount":"","webhookUrl":"https://mysite.com/webhook/green-api/","webhookUrlToken":"",
		"delaySendMessagesMilliseconds":5000,"markIncomingMessagesReaded":"no","markIncomingMessagesReadedOnReply":"yes","sharedSession":"no","proxyInstance":"",
		"outgoingWebhook":"yes","outgoingMessageWebhook":"yes","outgoingAPIMessageWebhook":"yes","incomingWebhook":"yes","deviceWebhook":"no",
		"statusInstanceWebhook":"no","stateWebhook":"yes","enableMessagesHistory":"no","keepOnlineStatus":"yes","pollMessageWebhook":"yes",
		"incomingBlockWebhook":"yes","incomingCallWebhook":"yes","editedMessageWebhook":"yes","deletedMessageWebhook":"yes",
		"autoTyping":7,"linkPreview":false,"enableLidMode":true}`
	var stored record.GreenSettings
	for range 2 {
		change, err := parseSettings([]byte(sample))
		if err != nil {
			t.Fatal(err)
		}
		change(&stored)
		answer, err := encodeSettings(&stored, "79876543210")
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := errors.Join(json.Unmarshal([]byte(sample), &want), json.Unmarshal(answer, &got)); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("answered %s", answer)
		}
		sample = string(answer)
	}
	if !stored.OutgoingStatus || !stored.State || !stored.KeepOnline || stored.Device || stored.MarkRead || !stored.MarkReadOnReply || stored.DelayMillis != 5000 {
		t.Errorf("stored %+v", stored)
	}
}

// TestEveryFieldIsASetting: none is kept that no setting sets, and none is set by two.
func TestEveryFieldIsASetting(t *testing.T) {
	set := make(map[string]string)
	for _, row := range settingTable {
		var s record.GreenSettings
		switch {
		case row.on != nil:
			*row.on(&s) = true
		case row.text != nil:
			*row.text(&s) = "x"
		case row.number != nil:
			*row.number(&s) = 1
		}
		v := reflect.ValueOf(s)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if v.Field(i).IsZero() {
				continue
			}
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != row.name || set[f.Name] != "" {
				t.Errorf("%s sets %s, which is %s, and so does %q", row.name, f.Name, name, set[f.Name])
			}
			set[f.Name] = row.name
		}
	}
	if fields := reflect.TypeFor[record.GreenSettings]().NumField(); len(set) != fields-1 {
		t.Errorf("%d of %d fields are set, Others aside", len(set), fields-1)
	}
}

// FuzzSettings: what is refused is for the caller to read; what is taken can be
// answered, and comes back the same.
func FuzzSettings(f *testing.F) {
	paths, err := filepath.Glob("testdata/methods/*/setSettings*.req")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no requests: %v", err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		_, body, _ := strings.Cut(string(text), "\n\n")
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		change, err := parseSettings(body)
		if err != nil {
			var own *failure
			if !errors.As(err, &own) || own.status != 400 {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		var s, again record.GreenSettings
		change(&s)
		answer, err := encodeSettings(&s, "")
		if err != nil || !json.Valid(answer) {
			t.Fatalf("%q: %s, %v", body, answer, err)
		}
		change, err = parseSettings(answer)
		if err != nil {
			t.Fatalf("%q: %s is not taken: %v", body, answer, err)
		}
		change(&again)
		if second, err := encodeSettings(&again, ""); err != nil || string(second) != string(answer) {
			t.Fatalf("%q: %s became %s, %v", body, answer, second, err)
		}
	})
}

// FuzzBodies: whatever a body of JSON is, an error is one for the caller.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{`{"phoneNumber":1}`, `{"chatId":"1@c.us","message":"x"}`, `{`, ``, `[]`, `{"a":}`, "{}x", "\ufeff{}", "{}\x00", `{"phoneNumber":"\u0000"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v struct {
			Phone json.RawMessage `json:"phoneNumber"`
			Chat  string          `json:"chatId"`
		}
		if err := parse(body, &v); err != nil {
			if own := (*failure)(nil); !errors.As(err, &own) || own.status != 400 {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff"))) {
			t.Fatalf("%q is taken", body)
		}
		phoneNumber(v.Phone)
		if jid, err := chatJID(v.Chat, true); (jid == "") != (err != nil) {
			t.Fatalf("%q: %q, %v", v.Chat, jid, err)
		}
	})
}
