// Package recordtest holds one story of made-up events, with a sample of every
// kind. Tests, docs/events.md, docs/messages.md and the JSON Schemas share it: a
// new [record.Kind] needs a sample here before anything passes.
package recordtest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Sample is an event and what it tells, in one or two sentences.
type Sample struct {
	About string
	Event record.Event
}

// What the story is about. Nobody has these numbers.
const (
	Instance = "i4q7k2m9xw"                           // its id
	WID      = "6D6307C3-2973-4468-85FA-000000000001" // its WITI key
	Endpoint = "e7m2x5k9qa"                           // the id of an endpoint
	Webhook  = "https://erp.example/hooks/whatsapp"   // its address
	Tenant   = "tk3f9m2x7qa"                          // the id of a tenant, which is its stream
	Account  = "a9x2m7k4qf"                           // the id of an account, which is its stream
)

// Samples answers the story, by stream and seq: the instance's events, then those of
// the tenant, of the account, of the daemon, and the test. Every call answers values of its own.
func Samples() []Sample {
	all := connections()
	all = append(all, messages()...)
	all = append(all, pictured())
	all = append(all, farewell())
	all = append(all, tenants()...)
	all = append(all, profiles()...)
	all = append(all, daemons()...)
	return append(all, test())
}

// Of answers the samples of some kinds, or of all kinds if none is given, in the
// order of the story.
func Of(kinds ...record.Kind) []Sample {
	if len(kinds) == 0 {
		return Samples()
	}
	wanted := make(map[record.Kind]bool, len(kinds))
	for _, k := range kinds {
		wanted[k] = true
	}
	var out []Sample
	for _, s := range Samples() {
		if wanted[s.Event.Kind] {
			out = append(out, s)
		}
	}
	return out
}

// start is when the story begins.
var start = time.Date(2026, 11, 21, 20, 15, 30, 0, time.UTC)

// happened makes an event of the instance.
func happened(seq uint64, kind record.Kind) record.Event {
	return record.Event{Stream: Instance, Epoch: 1, Seq: seq, Kind: kind, At: start.Add(350 * time.Millisecond), Name: "shop"}
}

func connections() []Sample {
	qr := happened(4, record.QRIssued)
	qr.Code = &record.Code{Text: "2@made-up,not-a-real-code", ExpiresAt: qr.At.Add(20 * time.Second), TTL: 20 * time.Second}
	typed := happened(5, record.PairingCodeIssued)
	typed.Code = &record.Code{Text: "ABCD1234", ExpiresAt: typed.At.Add(3 * time.Minute), TTL: 3 * time.Minute}
	return []Sample{
		{"A new QR code is on show, for `ttl` seconds. The code itself is a secret: only WITI's format carries it, as a picture.", qr},
		{"A code to type on the phone is on show, for `ttl` seconds. No format carries the code.", typed},
		{
			"The connection has moved to another state. `transition` says from where, why and what an operator can do; `connection` is how things stood then.",
			moved(8, fsm.Starting, fsm.Authenticated, fsm.LoginAccepted, fsm.CauseProgress),
		},
		{
			"The same when a connection goes down: `retry_at` says when it is dialled again by itself.",
			moved(11, fsm.Authenticated, fsm.AuthenticatedClosed, fsm.ConnectionLost, fsm.CauseNetwork),
		},
	}
}

// moved makes the event of a transition of the linked instance.
func moved(seq uint64, from, to fsm.State, event fsm.Event, cause fsm.Cause) record.Event {
	ev := happened(seq, record.ConnectionChanged)
	ev.Transition = &fsm.Transition{From: from, To: to, Event: event, Cause: cause, Hint: cause.Hint(), At: ev.At}
	ev.Before = &record.Before{Cause: fsm.CauseProgress, CanRestore: true}
	in := instance(to, cause, ev.At)
	if to == fsm.AuthenticatedClosed {
		in.RetryAt = ev.At.Add(2 * time.Second)
	}
	info := record.Describe(in, &record.Session{
		JID: "5511955550001:3@s.whatsapp.net", PushName: "The Shop", Platform: "android",
	})
	info.Storage = record.Tree{Bytes: 48213, Files: 1, Subs: []record.TreeLeaf{
		{Name: "media", Bytes: 48213, Files: 1}, {Name: "profile"}, {Name: "thumb"},
	}}
	ev.Info = &info
	return ev
}

func instance(state fsm.State, cause fsm.Cause, since time.Time) record.Instance {
	return record.Instance{
		ID: Instance, Name: "shop", WID: WID, State: state, Cause: cause, Since: since,
		Config: record.Config{Webhook: Webhook, UserAgent: "Desk/1.0"},
		Stats:  record.Stats{Contacts: 12, Chats: 4, SentBytes: 1024, ReceivedBytes: 4096},
	}
}

func pictured() Sample {
	ev := happened(25, record.PictureUpdated)
	ev.Data = json.RawMessage(`{"picture":"1795292130","bytes":61440}`)
	return Sample{"WhatsApp has taken a new picture of the account, set here. `picture` is WhatsApp's number of it, `bytes` its size. Where it is served is not told: that address is for whoever has set it.", ev}
}

func farewell() Sample {
	ev := happened(30, record.InstanceDeleted)
	info := record.Describe(instance(fsm.NoConnection, fsm.CauseOperator, ev.At), nil)
	ev.Info = &info
	return Sample{"The instance was deleted. This is the last event of its stream.", ev}
}

// daemons are the events of the daemon's own stream.
func daemons() []Sample {
	var all []Sample
	add := func(kind record.Kind, name, about string, data any) {
		body, err := json.Marshal(data)
		if err != nil {
			panic(err) // every value is written below
		}
		all = append(all, Sample{about, record.Event{
			Stream: record.DaemonStream, Epoch: 1, Seq: uint64(len(all) + 1), Kind: kind,
			At: start.Add(time.Duration(len(all)) * time.Minute), Name: name, Data: body,
		}})
	}
	type ran struct {
		Version string `json:"version"`
		Network string `json:"network"`
	}
	type moved struct {
		Instance string `json:"instance"`
		Export   string `json:"export,omitempty"`
	}
	ep := func(change func(*record.EndpointFact)) record.EndpointFact {
		f := record.EndpointFact{Endpoint: Endpoint, Name: "erp", Instance: Instance}
		change(&f)
		return f
	}
	const export = "c0ffee00-1111-4222-8333-444455556666"
	add(record.DaemonStarted, "", "The daemon is ready.", ran{"v1.0.0", "whatsapp"})
	add(record.InstanceCreated, "shop", "An instance was added. Its own stream begins with its first transition.", moved{Instance, ""})
	add(record.EndpointCreated, "shop", "An endpoint was added.", ep(func(*record.EndpointFact) {}))
	add(record.EndpointChanged, "shop", "What is set on an endpoint has changed: its address, its filter, its secrets. What it was and is, is not told.", ep(func(*record.EndpointFact) {}))
	add(record.EndpointFailing, "shop", "The breaker of an endpoint has opened: its last tries have failed, and one lane at a time tries on.", ep(func(f *record.EndpointFact) {
		f.Fails, f.Reason = 5, "post to https://erp.example: status 503"
	}))
	add(record.EndpointGaveUp, "shop", "Events became dead letters: those numbered `from` to `to` of the stream `instance`.", ep(func(f *record.EndpointFact) {
		f.From, f.To, f.Reason = 8, 21, "undelivered: post to https://erp.example: status 503"
	}))
	add(record.EndpointRecovered, "shop", "The breaker has closed: something was delivered again.", ep(func(*record.EndpointFact) {}))
	add(record.EndpointDisabled, "shop", "Nothing more is sent to an endpoint, because it answered 410 Gone or an operator has paused it.", ep(func(f *record.EndpointFact) {
		f.Reason = "post to https://erp.example: status 410"
	}))
	add(record.EndpointEnabled, "shop", "A paused or disabled endpoint was resumed.", ep(func(*record.EndpointFact) {}))
	add(record.EndpointDeleted, "shop", "An endpoint was removed, and with it what was pending for it.", ep(func(*record.EndpointFact) {}))
	add(record.InstanceExported, "shop", "An instance was fenced and may be exported: it does not connect here any more.", moved{Instance, export})
	add(record.InstanceUnfenced, "shop", "The fence of an exported instance was lifted by force.", moved{Instance, export})
	add(record.InstanceImported, "shop", "An instance has come from another daemon, or has come back.", moved{Instance, export})
	tenant := func(what, key string) record.TenantFact {
		return record.TenantFact{Tenant: Tenant, Name: "acme", What: what, Key: key}
	}
	add(record.TenantCreated, "acme", "A tenant was added, with its first access key. `tenant` is its id: the stream of its own events.", tenant("", ""))
	add(record.TenantChanged, "acme", "Something of a tenant has changed. `what` is `key_added`, `key_rotated`, `key_changed`, `key_deleted`, `number_added`, `number_removed`, `secret_rotated` or `settings`; `key` is the id of the access key it is about. No secret is told.", tenant("key_rotated", "SHK4T2M7QX9W3F6B8N1C5V"))
	add(record.TenantDeleted, "acme", "A tenant was removed.", tenant("", ""))
	add(record.DaemonStopped, "", "The daemon stops. There is none after a crash.", ran{"v1.0.0", "whatsapp"})
	return all
}

// test is what an operator's test sends. It is in no log.
func test() Sample {
	fact, err := json.Marshal(record.EndpointFact{Endpoint: Endpoint, Name: "erp", Instance: Instance})
	if err != nil {
		panic(err) // it is written above
	}
	return Sample{
		"An operator wants to know whether the endpoint works (`switchhook endpoint test`). It is in no log, has no seq and means nothing: answer 2xx. A format that has no form for it sends it as `standard`.",
		record.Event{Stream: "test/MZXW6YTBOI2DKNRRGIZTINJWG4", Kind: record.EndpointTest, At: start.Add(time.Hour), Data: fact},
	}
}
