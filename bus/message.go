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

// headroom is what a message grows by at most when it is sent: the reply subject.
const headroom = 128

// omission is the detail of a marker: an event that is published without its
// content, so that it holds up nothing and leaves no gap.
type omission struct {
	Omitted string `json:"omitted"` // why
	Size    int    `json:"size,omitempty"`
	Limit   int    `json:"limit,omitempty"`
}

// draft is the message that is made next. All of a session are made in the same memory:
// the connection has copied one when it was published.
type draft struct {
	nats.Msg

	origin string // of the events
	text   []byte

	id, seq, name [1]string // of the event, and what Nats-Msg-Id says: whose it is, and which
	behind, prev  [1]string // what must be the stream's last sequence, and its message's name
}

func newDraft(origin string) *draft {
	d := &draft{origin: origin}
	d.Header = nats.Header{
		HeaderID: d.id[:], HeaderSeq: d.seq[:], jetstream.MsgIDHeader: d.name[:],
		jetstream.ExpectedLastSeqHeader: d.behind[:],
	}
	return d
}

// link names what the message must follow: the sequence and, unless it is empty, the name.
func (d *draft) link(seq uint64, name string) {
	d.behind[0], d.prev[0] = strconv.FormatUint(seq, 10), name
	if name == "" {
		delete(d.Header, jetstream.ExpectedLastMsgIDHeader)
		return
	}
	d.Header[jetstream.ExpectedLastMsgIDHeader] = d.prev[:]
}

// fill makes the message of an event, at most limit bytes long with its link. An event
// that cannot be published for its own sake becomes a marker with the same id, and omitted
// says why; otherwise omitted is nil.
func (d *draft) fill(e *record.Event, limit int) (omitted *omission, err error) {
	d.text = append(append(d.text[:0], d.origin...), '/')
	own := len(d.text)
	d.text = e.AppendID(d.text)
	d.name[0] = string(d.text)
	d.id[0] = d.name[0][own:]
	d.seq[0] = strconv.FormatUint(e.Seq, 10)
	d.Subject, d.Reply = e.Subject(), ""
	if !validSubject(d.Subject) {
		d.Subject, omitted = unpublishable, &omission{Omitted: "the subject is not valid on NATS"}
	} else if d.Data, err = e.Standard(); err != nil {
		omitted = &omission{Omitted: "cannot be encoded"}
	} else if d.Size() > limit {
		omitted = &omission{Omitted: "too large for the broker", Size: len(d.Data), Limit: limit}
	} else {
		return nil, nil
	}
	detail, err := json.Marshal(omitted)
	if err != nil {
		return nil, err
	}
	marker := record.Event{
		Stream: e.Stream, Epoch: e.Epoch, Seq: e.Seq, Kind: e.Kind, At: e.At,
		Transition: e.Transition, Data: detail,
	}
	d.Data, err = marker.Standard()
	return omitted, err
}

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
