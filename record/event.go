package record

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Kind names what an event tells.
type Kind string

// The kinds of event.
const (
	ConnectionChanged Kind = "connection.changed"  // a transition; Transition and Info are set
	QRIssued          Kind = "qr.issued"           // a new QR code is on show; Code is set
	PairingCodeIssued Kind = "pairing_code.issued" // a code to type on the phone is on show; Code is set
	InstanceCreated   Kind = "instance.created"    // on the daemon's stream
	InstanceDeleted   Kind = "instance.deleted"    // the last event of an instance's stream
	InstanceExported  Kind = "instance.exported"   // on the daemon's stream
	InstanceImported  Kind = "instance.imported"   // on the daemon's stream
	InstanceUnfenced  Kind = "instance.unfenced"   // on the daemon's stream
	DaemonStarted     Kind = "daemon.started"
	DaemonStopped     Kind = "daemon.stopped"

	// EndpointCreated and those below are about an endpoint, on the daemon's
	// stream; Data is an EndpointFact. They are never sent to the endpoint they
	// are about.
	EndpointCreated   Kind = "endpoint.created"
	EndpointChanged   Kind = "endpoint.changed"
	EndpointDeleted   Kind = "endpoint.deleted"
	EndpointDisabled  Kind = "endpoint.disabled" // by its receiver (410 Gone), or paused by an operator
	EndpointEnabled   Kind = "endpoint.enabled"
	EndpointFailing   Kind = "endpoint.failing"   // its breaker has opened
	EndpointRecovered Kind = "endpoint.recovered" // its breaker has closed
	EndpointGaveUp    Kind = "endpoint.gave_up"   // events became dead letters
	// EndpointTest is sent by an operator's wish only. It is in no log and has no
	// seq.
	EndpointTest Kind = "endpoint.test"
)

// EndpointFact is what the events about an endpoint tell.
type EndpointFact struct {
	Endpoint string `json:"endpoint"`
	Name     string `json:"name"`
	Instance string `json:"instance,omitempty"` // the owner's id, or the stream that lost something
	Tenant   string `json:"tenant,omitempty"`
	Reason   string `json:"reason,omitempty"` // holds no secret
	Fails    int    `json:"fails,omitempty"`  // failed tries in a row
	From     uint64 `json:"from,omitempty"`   // what was given up
	To       uint64 `json:"to,omitempty"`
}

// DaemonStream is the stream of events that belong to no instance.
const DaemonStream = "daemon"

// Event is one entry of the log: a fact, frozen when it was committed, without
// credentials. Encoders make each format's bytes of it.
//
// The store fills Epoch and Seq when it commits the event. Seq counts all
// events of the stream without a gap and survives everything but the
// instance's deletion.
type Event struct {
	Stream string    `json:"stream"`
	Epoch  uint32    `json:"epoch"`
	Seq    uint64    `json:"seq"`
	Kind   Kind      `json:"kind"`
	At     time.Time `json:"at"`

	Name       string          `json:"name,omitempty"` // the instance's, tenant's or account's name at that moment
	Transition *fsm.Transition `json:"transition,omitempty"`
	Before     *Before         `json:"before,omitempty"` // with Transition; nil in events from before it was kept
	Info       *Info           `json:"info,omitempty"`
	Code       *Code           `json:"code,omitempty"`
	Message    *Message        `json:"message,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"` // further facts, by kind

	shared *shared // nil unless Share was called
}

// Before is what a connection was before a transition, besides its code: for
// formats with states of their own, which have to know whether theirs has changed.
type Before struct {
	Cause      fsm.Cause `json:"cause"`
	CanRestore bool      `json:"can_restore"` // see [Info]
}

// ID identifies the event for ever: <stream>/<epoch>/<seq>. Retries, replays
// and every sink carry the same one. A test is in no log: its id is its stream,
// test/<random>, so that it stands in no receiver's count of another stream.
func (e *Event) ID() string {
	var room [128]byte
	return string(e.AppendID(room[:0]))
}

// AppendID appends the [Event.ID].
func (e *Event) AppendID(b []byte) []byte {
	b = append(b, e.Stream...)
	if e.Kind == EndpointTest {
		return b
	}
	b = strconv.AppendUint(append(b, '/'), uint64(e.Epoch), 10)
	return strconv.AppendUint(append(b, '/'), e.Seq, 10)
}

// ParseID is the inverse of [Event.ID]. It takes no other spelling: two ids that
// differ never name the same event.
func ParseID(id string) (stream string, epoch uint32, seq uint64, err error) {
	parts := strings.Split(id, "/")
	if len(parts) == 3 && parts[0] != "" {
		ep, err1 := strconv.ParseUint(parts[1], 10, 32)
		seq, err2 := strconv.ParseUint(parts[2], 10, 64)
		e := Event{Stream: parts[0], Epoch: uint32(ep), Seq: seq}
		if err1 == nil && err2 == nil && e.ID() == id {
			return e.Stream, e.Epoch, e.Seq, nil
		}
	}
	return "", 0, 0, fmt.Errorf("event id %q is not <stream>/<epoch>/<seq>", id)
}

// Subject is where the event is published on NATS, below [SubjectPrefix]:
// connection.<code> for a transition, <kind> for the rest.
func (e *Event) Subject() string {
	if e.Kind == ConnectionChanged && e.Transition != nil {
		return SubjectPrefix + e.Stream + ".connection." + strconv.Itoa(int(e.Transition.To))
	}
	return SubjectPrefix + e.Stream + "." + string(e.Kind)
}

// SubjectPrefix begins every subject an event is published on.
const SubjectPrefix = "switchhook.ev."

// Standard is the event in our own JSON format: the payload on NATS, of
// PostBacks in the standard format, and of the events command. It holds no
// credential: no pairing code, no webhook address, no key of a media file. What
// was written is in it; see [Event.WithoutTexts]. Others may hold the same bytes:
// nobody changes them.
func (e *Event) Standard() ([]byte, error) {
	if out := e.kept(); out != nil {
		return out, nil
	}
	encode := e.marshalStandard
	if e.plain() {
		encode = e.appendStandard
	}
	out, err := encode()
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID(), err)
	}
	e.keep(out)
	return out, nil
}

func (e *Event) marshalStandard() ([]byte, error) {
	return json.Marshal(struct {
		ID     string       `json:"id"`
		Type   Kind         `json:"type"`
		Stream string       `json:"stream"`
		Name   string       `json:"name,omitempty"`
		Seq    uint64       `json:"seq"`
		Time   time.Time    `json:"time"`
		Data   standardData `json:"data"`
	}{e.ID(), e.Kind, e.Stream, e.Name, e.Seq, e.At, e.standardData()})
}

// StandardData is the data of [Event.Standard] alone, for formats that have an
// envelope of their own.
func (e *Event) StandardData() ([]byte, error) {
	encode := func() ([]byte, error) { return json.Marshal(e.standardData()) }
	if e.plain() {
		encode = e.appendStandardData
	}
	out, err := encode()
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID(), err)
	}
	return out, nil
}

type standardData struct {
	Transition *fsm.Transition     `json:"transition,omitempty"`
	Connection *standardConnection `json:"connection,omitempty"`
	TTL        int                 `json:"ttl,omitempty"` // seconds a pairing code is shown
	Message    *Message            `json:"message,omitempty"`
	Detail     json.RawMessage     `json:"detail,omitempty"`
}

type standardConnection struct {
	Info
	Webhook string `json:"webhook,omitempty"` // shadows Info's, always empty
}

func (e *Event) standardData() standardData {
	d := standardData{Transition: e.Transition, Message: e.Message.shown(), Detail: e.Data}
	if e.Info != nil {
		d.Connection = &standardConnection{Info: *e.Info}
	}
	if e.Code != nil {
		d.TTL = int(e.Code.TTL / time.Second)
	}
	return d
}
