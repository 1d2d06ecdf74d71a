package schemas_test

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/switchhook/switchhook/internal/eventsdoc"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
	"github.com/switchhook/switchhook/schemas"
)

// served is where a daemon might serve the schemas: they name no address themselves.
const served = "https://daemon.example/api/v1/schemas/"

type object = map[string]any

// compile reads the schemas, after change if it is not nil, and answers them by name.
func compile(t *testing.T, change func(doc object)) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(schemas.FS, "*.json")
	if err != nil || len(names) != 7 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		doc := read(t, name)
		if change != nil {
			change(doc)
		}
		if err := c.AddResource(served+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	all := make(map[string]*jsonschema.Schema)
	for _, name := range names {
		s, err := c.Compile(served + name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(name, ".json")] = s
	}
	return all
}

func read(t *testing.T, name string) object {
	t.Helper()
	b, err := schemas.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, ok := parse(t, b).(object)
	if !ok || doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" || doc["$id"] != nil {
		t.Fatalf("%s is no schema of ours", name)
	}
	return doc
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

// closed makes a schema refuse what it does not name. An envelope stays open: who
// refers to it says more.
func closed(doc object) {
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case object:
			if _, names := v["properties"].(object); names && name != "envelope" {
				v["unevaluatedProperties"] = false
			}
			for name, sub := range v {
				walk(name, sub)
			}
		case []any:
			for _, sub := range v {
				walk("", sub)
			}
		}
	}
	walk("", doc)
}

// made calls f with what each format makes of each sample.
func made(t *testing.T, bulk *record.Bulk, f func(t *testing.T, format string, ev *record.Event, req eventsdoc.Request)) {
	t.Helper()
	for _, format := range eventsdoc.Formats {
		for _, s := range recordtest.Samples() {
			ev := s.Event
			req, carried, err := eventsdoc.Make(t.Context(), record.Endpoint{Format: format, Bulk: bulk}, &ev)
			if err != nil {
				t.Fatal(err)
			}
			if carried {
				f(t, format, &ev, req)
				for _, more := range req.More {
					f(t, format, &ev, more)
				}
			}
		}
	}
}

// TestSamples: what is sent is what the schemas say, and they say all of it.
func TestSamples(t *testing.T) {
	open, shut := compile(t, nil), compile(t, closed)
	count := 0
	made(t, nil, func(t *testing.T, format string, ev *record.Event, req eventsdoc.Request) {
		count++
		v := parse(t, req.Body)
		if err := open[format].Validate(v); err != nil {
			t.Errorf("%s: %#v", format, err)
		}
		if err := shut[format].Validate(v); err != nil {
			t.Errorf("%s does not describe all of %s: %#v", format, ev.ID(), err)
		}
		// A later version may say more.
		v.(object)["more"] = "more"
		if err := open[format].Validate(v); err != nil {
			t.Errorf("%s refuses a further field of %s", format, ev.ID())
		}
		if shut[format].Validate(v) == nil {
			t.Errorf("%s, closed, is not", format)
		}
	})
	const green = 19 // notifications of the story
	if want := 2*len(recordtest.Samples()) + len(recordtest.Of(record.ConnectionChanged, record.QRIssued, record.ProfileUpdated)) + green; count != want {
		t.Errorf("%d PostBacks, want %d", count, want)
	}
}

func TestBulk(t *testing.T) {
	all := compile(t, closed)
	var events []*record.Event
	for _, s := range recordtest.Samples() {
		events = append(events, &s.Event)
	}
	for _, format := range []string{eventsdoc.Standard, eventsdoc.CloudEvents} {
		for _, events := range [][]*record.Event{events, events[:1]} {
			ep := record.Endpoint{Format: format, Bulk: &record.Bulk{Most: 100}}
			req, _, err := eventsdoc.Make(t.Context(), ep, events...)
			if err != nil {
				t.Fatal(err)
			}
			v := parse(t, req.Body)
			if err := all[format+"-bulk"].Validate(v); err != nil || len(v.([]any)) != len(events) {
				t.Errorf("%s: %#v", format, err)
			}
			if all[format].Validate(v) == nil {
				t.Errorf("%s: a bulk passes for an event", format)
			}
		}
		for name, body := range map[string]string{"empty": "[]", "no list": "{}", "no event": "[{}]"} {
			if all[format+"-bulk"].Validate(parse(t, []byte(body))) == nil {
				t.Errorf("%s: %s passes", format, name)
			}
		}
	}
}

// optional are the top fields that an event may lack.
var optional = map[string]bool{"name": true, "subject": true}

// TestWrong: a field that is missing or of another type is refused, at the top of
// every sample and one level below.
func TestWrong(t *testing.T) {
	all := compile(t, nil)
	made(t, nil, func(t *testing.T, format string, ev *record.Event, req eventsdoc.Request) {
		valid := func(change func(object)) bool {
			v := parse(t, req.Body).(object)
			change(v)
			return all[format].Validate(v) == nil
		}
		top := parse(t, req.Body).(object)
		for name := range top {
			if !optional[name] && valid(func(v object) { delete(v, name) }) {
				t.Errorf("%s: %s without %s passes", format, ev.ID(), name)
			}
			// ConnectionInfo is the one that may be null.
			if valid(func(v object) { v[name] = []any{} }) || name != "ConnectionInfo" && valid(func(v object) { v[name] = nil }) {
				t.Errorf("%s: %s with another type of %s passes", format, ev.ID(), name)
			}
			sub, ok := top[name].(object)
			for key := range sub {
				if ok && valid(func(v object) { delete(v[name].(object), key) }) {
					t.Errorf("%s: %s without %s.%s passes", format, ev.ID(), name, key)
				}
			}
		}
		for name, other := range map[string]any{
			"type": "message.received", "event": "connected", "id": "7", "time": "yesterday", "seq": -1, "timestamp": "1795292130",
			"specversion": "0.3", "source": "https://example.org", "sequence": "7", "status": 5, "statusString": "webSocketOpening",
			"isResponse": false, "qr": "https://example.org/qr.png", "ttl": 0, "data": object{},
		} {
			if _, has := top[name]; has && valid(func(v object) { v[name] = other }) {
				t.Errorf("%s: %s with the %s %v passes", format, ev.ID(), name, other)
			}
		}
	})
}

// TestWrongBelow are things that must not pass deep inside.
func TestWrongBelow(t *testing.T) {
	all := compile(t, nil)
	data := func(v object, path ...string) object {
		for _, p := range append([]string{"data"}, path...) {
			v = v[p].(object)
		}
		return v
	}
	for _, c := range []struct {
		kind   record.Kind
		what   string
		change func(object)
	}{
		{record.ConnectionChanged, "a state that does not exist", func(v object) { data(v, "transition")["to"] = 12 }},
		{record.ConnectionChanged, "a cause nobody knows", func(v object) { data(v, "transition")["cause"] = "weather" }},
		{record.ConnectionChanged, "an event nobody knows", func(v object) { data(v, "transition")["event"] = "dialled" }},
		{record.ConnectionChanged, "a state in words", func(v object) { data(v, "connection")["code"] = "10" }},
		{record.ConnectionChanged, "no stats", func(v object) { delete(data(v, "connection"), "stats") }},
		{record.ConnectionChanged, "a folder without a name", func(v object) {
			delete(data(v, "connection", "storage")["subs"].([]any)[0].(object), "name")
		}},
		{record.ConnectionChanged, "a half", func(v object) { data(v, "connection", "stats")["chats"] = 0.5 }},
		{record.MessageText, "a chat that is no JID", func(v object) { data(v, "message")["chat"] = "5511987654321" }},
		{record.MessageText, "a JID with a device", func(v object) { data(v, "message")["from"] = "5511987654321:3@s.whatsapp.net" }},
		{record.MessageText, "a number for a text", func(v object) { data(v, "message")["text"] = 7 }},
		{record.MessageMedia, "no media", func(v object) { delete(data(v, "message"), "media") }},
		{record.MessageMedia, "no type of media", func(v object) { delete(data(v, "message", "media"), "mime") }},
		{record.MessageReaction, "no target", func(v object) { delete(data(v, "message"), "targets") }},
		{record.MessageReceipt, "a receipt nobody knows", func(v object) { data(v, "message")["type"] = "seen" }},
		{record.MessageReceipt, "receipts of nothing", func(v object) { data(v, "message")["targets"] = []any{} }},
		{record.PictureUpdated, "no bytes", func(v object) { delete(data(v, "detail"), "bytes") }},
		{record.PictureUpdated, "a number for its number", func(v object) { data(v, "detail")["picture"] = 7 }},
		{record.QRDLCreated, "no code", func(v object) { delete(data(v, "detail"), "code") }},
		{record.QRDLCreated, "no total", func(v object) { delete(data(v, "detail"), "total") }},
		{record.QRDLUpdated, "a number with a plus", func(v object) { data(v, "detail")["number"] = "+5511955550001" }},
		{record.QRDLUpdated, "no revision", func(v object) { data(v, "detail")["revision"] = 0 }},
		{record.QRDLScanned, "no count", func(v object) { delete(data(v, "detail"), "count") }},
		{record.QRDLScanned, "no scan", func(v object) { data(v, "detail")["count"] = 0 }},
		{record.QRDLDeleted, "half a scan", func(v object) { data(v, "detail")["scans"] = 0.5 }},
		{record.ProfileUpdated, "no operator", func(v object) { delete(data(v, "detail"), "operator") }},
		{record.ProfileUpdated, "no field", func(v object) { data(v, "detail")["fields"] = []any{} }},
		{record.ProfileUpdated, "a field without its value", func(v object) { data(v, "detail")["fields"] = []any{object{"Tag": "Tag_Profile_IM_Nick"}} }},
		{record.ProfileUpdated, "a number of 33 bits", func(v object) {
			data(v, "detail")["fields"] = []any{object{"Tag": "Tag_Profile_IM_Level", "Value": float64(1 << 32)}}
		}},
		{record.ProfileApplied, "no tag", func(v object) { delete(data(v, "detail"), "tag") }},
		{record.ProfileApplied, "a state that is not told", func(v object) { data(v, "detail")["state"] = "pending" }},
		{record.TenantCreated, "no tenant", func(v object) { delete(data(v, "detail"), "tenant") }},
		{record.TenantChanged, "no change", func(v object) { delete(data(v, "detail"), "what") }},
		{record.TenantChanged, "a change nobody knows", func(v object) { data(v, "detail")["what"] = "weather" }},
		{record.TenantDeleted, "no name", func(v object) { data(v, "detail")["name"] = "" }},
		{record.InstanceExported, "no export", func(v object) { delete(data(v, "detail"), "export") }},
		{record.DaemonStarted, "a network nobody knows", func(v object) { data(v, "detail")["network"] = "telex" }},
		{record.EndpointGaveUp, "no end", func(v object) { delete(data(v, "detail"), "to") }},
		{record.EndpointGaveUp, "no beginning", func(v object) { data(v, "detail")["from"] = 0 }},
		{record.EndpointTest, "no endpoint", func(v object) { delete(data(v, "detail"), "endpoint") }},
		{record.MessageText, "another kind's data", func(v object) { v["data"] = object{"ttl": 20} }},
	} {
		for _, format := range []string{eventsdoc.Standard, eventsdoc.CloudEvents} {
			ev := recordtest.Of(c.kind)[0].Event
			req, _, err := eventsdoc.Make(t.Context(), record.Endpoint{Format: format}, &ev)
			if err != nil {
				t.Fatal(err)
			}
			v := parse(t, req.Body).(object)
			if c.change(v); all[format].Validate(v) == nil {
				t.Errorf("%s: %s with %s passes", format, c.kind, c.what)
			}
		}
	}
}
