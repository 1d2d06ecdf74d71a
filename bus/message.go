package bus

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/record"
)

// The headers of every message: the event's id, and its seq in its stream.
const (
	HeaderID  = "Switchhook-Id"
	HeaderSeq = "Switchhook-Seq"
)

// unpublishable is where the marker of an event goes whose own subject NATS
// would not take.
const unpublishable = record.SubjectPrefix + record.DaemonStream + ".unpublishable"

// headroom is what a message grows by at most when it is sent: the headers of
// the chain, without the id they name, and the reply subject.
const headroom = 256

// omission is the detail of a marker: an event that is published without its
// content, so that it holds up nothing and leaves no gap.
type omission struct {
	Omitted string `json:"omitted"` // why
	Size    int    `json:"size,omitempty"`
	Limit   int    `json:"limit,omitempty"`
}

// encode makes the message of an event, at most limit bytes long (what the
// chain will add is the caller's to subtract). An event that cannot be
// published for its own sake becomes a marker with the same id, and omitted
// says why; otherwise omitted is nil.
func encode(e *record.Event, origin string, limit int) (msg *nats.Msg, omitted *omission, err error) {
	id := e.ID()
	values := &[3]string{id, strconv.FormatUint(e.Seq, 10), messageID(origin, id)} // one array for all
	header := make(nats.Header, 6)
	header[HeaderID], header[HeaderSeq], header[jetstream.MsgIDHeader] = values[0:1:1], values[1:2:2], values[2:3:3]
	msg = &nats.Msg{Subject: e.Subject(), Header: header}
	if !validSubject(msg.Subject) {
		msg.Subject, omitted = unpublishable, &omission{Omitted: "the subject is not valid on NATS"}
	} else if msg.Data, err = e.Standard(); err != nil {
		omitted = &omission{Omitted: "cannot be encoded"}
	} else if msg.Size() > limit {
		omitted = &omission{Omitted: "too large for the broker", Size: len(msg.Data), Limit: limit}
	} else {
		return msg, nil, nil
	}
	detail, err := json.Marshal(omitted)
	if err != nil {
		return nil, nil, err
	}
	marker := record.Event{
		Stream: e.Stream, Epoch: e.Epoch, Seq: e.Seq, Kind: e.Kind, At: e.At,
		Transition: e.Transition, Data: detail,
	}
	msg.Data, err = marker.Standard()
	return msg, omitted, err
}

// messageID is what Nats-Msg-Id says: whose event it is, and which.
func messageID(origin, id string) string { return origin + "/" + id }

// ours returns the event id of a stored message, and false if another log's
// daemon, or somebody else, has published it.
func ours(h nats.Header, origin string) (id string, ok bool) {
	from, id, ok := strings.Cut(h.Get(jetstream.MsgIDHeader), "/")
	return id, ok && from == origin
}

// validSubject reports whether NATS takes a message on s: tokens of printable
// characters without wildcards, none of them empty.
func validSubject(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if token == "" || strings.ContainsAny(token, "*>") {
			return false
		}
		for _, r := range token {
			if r <= ' ' || r == 0x7f {
				return false
			}
		}
	}
	return true
}
