package webhook

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var moment = time.Date(2025, 3, 1, 12, 0, 0, 500e6, time.UTC)

// samples are one event of each shape.
func samples() map[string]*record.Event {
	tr := &fsm.Transition{From: fsm.Connecting, To: fsm.NoConnection, Event: fsm.DialFailed, Cause: fsm.CauseNetwork, At: moment}
	info := record.Describe(record.Instance{ID: "k7f3q", State: fsm.NoConnection, Cause: fsm.CauseNetwork, Since: moment, Config: record.Config{Webhook: "https://hunter2.example"}}, nil)
	return map[string]*record.Event{
		"transition": {Stream: "k7f3q", Epoch: 2, Seq: 7, Kind: record.ConnectionChanged, At: moment, Name: "shop", Transition: tr, Info: &info},
		"code": {
			Stream: "k7f3q", Epoch: 2, Seq: 8, Kind: record.QRIssued, At: moment, Name: "shop",
			Code: &record.Code{Text: "2@hunter2", ExpiresAt: moment, TTL: 20 * time.Second},
		},
		"daemon": {Stream: record.DaemonStream, Epoch: 1, Seq: 1, Kind: record.DaemonStarted, At: moment},
		"endpoint": {
			Stream: record.DaemonStream, Epoch: 1, Seq: 18446744073709551615, Kind: record.EndpointFailing, At: moment,
			Data: json.RawMessage(`{"endpoint":"e2","name":"erp","fails":5,"reason":"post to https://erp.example: status 500"}`),
		},
		"tenant": {
			Stream: "tk3f9", Epoch: 1, Seq: 3, Kind: record.QRDLScanned, At: moment, Name: "acme",
			Data: json.RawMessage(`{"tenant":"acme","code":"D9II3TESTD9II3","number":"5511955550001","revision":2,"count":3,"scans":3,"total":20}`),
		},
		"about_tenant": {
			Stream: record.DaemonStream, Epoch: 1, Seq: 5, Kind: record.TenantChanged, At: moment, Name: "acme",
			Data: json.RawMessage(`{"tenant":"tk3f9","name":"acme","what":"settings"}`),
		},
		"account": {
			Stream: "a9x2m", Epoch: 1, Seq: 2, Kind: record.ProfileUpdated, At: moment, Name: "shop",
			Data: json.RawMessage(`{"account":"shop","tenant":"acme","sdkappid":1400000001,"operator":"administrator","fields":[{"Tag":"Tag_Profile_IM_Nick","Value":"The Shop"}]}`),
		},
		"test": {Stream: "test/ABC", Kind: record.EndpointTest, At: moment, Data: json.RawMessage(`{"endpoint":"e1","name":"erp"}`)},
	}
}

func encode(t testing.TB, enc Encoder, ep *record.Endpoint, events ...*record.Event) record.PostBack {
	t.Helper()
	made, err := enc.Encode(ep, events)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(made.Body, []byte("hunter2")) {
		t.Errorf("a secret stands in %s", made.Body)
	}
	return made
}

// The bytes of each format, for each shape of event, and of a batch.
func TestFormatsGolden(t *testing.T) {
	for name, enc := range map[string]Encoder{Standard: standard{}, CloudEvents: cloudEvents{}} {
		for shape, ev := range samples() {
			golden(t, filepath.Join(name, shape+".json"), encode(t, enc, &record.Endpoint{}, ev).Body)
		}
		all := samples()
		golden(t, filepath.Join(name, "batch.json"), encode(t, enc, &record.Endpoint{Bulk: &record.Bulk{}}, all["transition"], all["code"]).Body)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, got, "", "  "); err != nil {
		t.Fatalf("%s: %v: %s", name, err, got)
	}
	b.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s is now\n%s", name, b.Bytes())
	}
}

func TestContentTypes(t *testing.T) {
	for _, tc := range []struct {
		enc  Encoder
		bulk *record.Bulk
		want string
	}{
		{standard{}, nil, "application/json"},
		{standard{}, &record.Bulk{}, "application/json"},
		{cloudEvents{}, nil, "application/cloudevents+json; charset=utf-8"},
		{cloudEvents{}, &record.Bulk{}, "application/cloudevents-batch+json; charset=utf-8"},
	} {
		made := encode(t, tc.enc, &record.Endpoint{Bulk: tc.bulk}, event(1))
		if made.ContentType != tc.want || made.Query != "" || (made.Body[0] == '[') != (tc.bulk != nil) {
			t.Errorf("%+v", made)
		}
	}
}

func TestBrokenDataIsRefused(t *testing.T) {
	ev := event(1)
	ev.Data = json.RawMessage(`{"cut`)
	for _, bulk := range []*record.Bulk{nil, {}} {
		for _, enc := range []Encoder{standard{}, cloudEvents{}} {
			if made, err := enc.Encode(&record.Endpoint{Bulk: bulk}, []*record.Event{ev}); err == nil {
				t.Errorf("became %s", made.Body)
			}
			if bulk == nil {
				continue
			}
			if made, err := enc.Encode(&record.Endpoint{Bulk: bulk}, []*record.Event{event(0), ev}); err == nil {
				t.Errorf("became %s", made.Body)
			}
		}
	}
}

// Whatever an event holds, both formats make valid JSON of it that says the
// same, and the envelope of CloudEvents keeps to its specification.
func FuzzFormats(f *testing.F) {
	for _, ev := range samples() {
		f.Add(ev.Stream, ev.Name, string(ev.Kind), ev.Seq, ev.Epoch, []byte(ev.Data), ev.At.Unix())
	}
	f.Add("a b/ü?#%", "\x00\xff\u2028</script>", "", uint64(0), uint32(0), []byte(`[1]`), int64(-1))
	f.Fuzz(func(t *testing.T, stream, name, kind string, seq uint64, epoch uint32, data []byte, unix int64) {
		ev := &record.Event{
			Stream: stream, Name: name, Kind: record.Kind(kind), Seq: seq, Epoch: epoch,
			Data: data, At: time.Unix(unix%(1<<37), 0).UTC(),
		}
		if len(data) == 0 {
			ev.Data = nil
		}
		ep := &record.Endpoint{Bulk: &record.Bulk{Most: 2}}
		made, err := cloudEvents{}.Encode(ep, []*record.Event{ev, ev})
		other, otherErr := standard{}.Encode(ep, []*record.Event{ev, ev})
		if (err == nil) != (otherErr == nil) {
			t.Fatalf("%v, but %v", err, otherErr)
		}
		if err != nil {
			return
		}
		var clouds []cloudEvent
		var ours []struct {
			ID   string          `json:"id"`
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(made.Body, &clouds) != nil || json.Unmarshal(other.Body, &ours) != nil || len(clouds) != 2 || len(ours) != 2 {
			t.Fatalf("%s\n%s", made.Body, other.Body)
		}
		c := clouds[1]
		source, err := url.Parse(c.Source)
		if err != nil || !strings.HasPrefix(source.Path, "/switchhook/") || source.RawQuery != "" || source.Fragment != "" {
			t.Errorf("source %q", c.Source)
		}
		if c.SpecVersion != "1.0" || c.ID != ours[1].ID || !bytes.Equal(c.Data, ours[1].Data) || len(c.Sequence) != 20 ||
			!strings.HasPrefix(c.Type, cloudTypePrefix) {
			t.Errorf("%+v", c)
		}
	})
}

// A test says what it is, and disturbs no count.
func TestTest(t *testing.T) {
	got := make(chan seen, 1)
	srv := serve(t, catch(got))
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"bad": badEncoder{}}})
	for format, carries := range map[string]bool{Standard: true, CloudEvents: true, "bad": false} {
		for _, bulk := range []*record.Bulk{nil, {Most: 10}} {
			ep := endpointAt(srv.URL)
			ep.Format, ep.Bulk, ep.Name, ep.Disabled = format, bulk, "erp", "paused"
			ep.Filter.Kinds = []string{"connection.changed"}
			if v := s.Test(t.Context(), &ep); v.Outcome != outbox.Delivered || v.Status != 200 {
				t.Fatalf("%+v", v)
			}
			r := <-got
			id := r.header.Get("webhook-id")
			if !strings.HasPrefix(id, "test/") || len(id) < 20 || r.header.Get("switchhook-seq") != "0" || r.header.Get("switchhook-prev") != "0" ||
				r.header.Get("webhook-signature") == "" {
				t.Errorf("%v", r.header)
			}
			if !strings.Contains(r.body, `"id":"`+id+`"`) || !strings.Contains(r.body, `endpoint.test"`) || !strings.Contains(r.body, `"endpoint":"e1","name":"erp","instance":"k7f3q"`) {
				t.Errorf("%s", r.body)
			}
			if (r.body[0] == '[') != (carries && bulk != nil) {
				t.Errorf("%s with bulk %v: %s", format, bulk, r.body)
			}
		}
	}
	ep := endpointAt("http://10.0.0.1/")
	if v := s.Test(t.Context(), &ep); v.Outcome != outbox.Retry || v.Err == nil {
		t.Errorf("%+v", v)
	}
}

// An endpoint hears of others' health and not of its own.
func TestCarriesNothingAboutItself(t *testing.T) {
	s := local(t)
	fact := func(kind record.Kind, id string) *record.Event {
		return &record.Event{Stream: record.DaemonStream, Kind: kind, Data: json.RawMessage(`{"endpoint":"` + id + `"}`)}
	}
	for _, kind := range []record.Kind{
		record.EndpointCreated, record.EndpointChanged, record.EndpointDeleted, record.EndpointDisabled,
		record.EndpointEnabled, record.EndpointFailing, record.EndpointRecovered, record.EndpointGaveUp,
	} {
		for _, format := range []string{Standard, CloudEvents, "nope"} {
			ep := &record.Endpoint{ID: "e1", Format: format}
			if s.Carries(ep, fact(kind, "e1")) {
				t.Errorf("%s about itself", kind)
			}
			if !s.Carries(ep, fact(kind, "e2")) {
				t.Errorf("%s about another is kept back", kind)
			}
		}
	}
	ep := &record.Endpoint{ID: "e1", Format: Standard}
	if !s.Carries(ep, fact(record.DaemonStarted, "e1")) || !s.Carries(ep, &record.Event{Kind: record.EndpointFailing}) {
		t.Error("kept back")
	}
	ep.Filter.Kinds = []string{"message.*"}
	if s.Carries(ep, fact(record.EndpointFailing, "e2")) {
		t.Error("the filter does not count")
	}
}
