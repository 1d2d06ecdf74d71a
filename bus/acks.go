package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// acks are the acknowledgements of one session. JetStream answers on the subject that
// a message names; the library's own futures, two channels and a JSON decoder for each,
// cost as much as the publishing itself.
type acks struct {
	inbox string
	heard chan *nats.Msg // has room for all that can be in flight
}

// listenForAcks begins to hear acknowledgements. They end with the connection.
func listenForAcks(nc *nats.Conn) (*acks, error) {
	a := &acks{inbox: nc.NewInbox() + ".", heard: make(chan *nats.Msg, maxInFlight+1)}
	if _, err := nc.ChanSubscribe(a.inbox+"*", a.heard); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return a, nil
}

// subject is where the message that is to get a stream sequence is acknowledged.
func (a *acks) subject(seq uint64) string { return a.inbox + strconv.FormatUint(seq, 10) }

// asked is the sequence that was to be acknowledged there.
func (a *acks) asked(m *nats.Msg) (seq uint64, ok bool) {
	text, ours := strings.CutPrefix(m.Subject, a.inbox)
	seq, err := strconv.ParseUint(text, 10, 64)
	return seq, ours && err == nil
}

// ack is what JetStream says of a message: that it is stored, or why not.
type ack struct {
	stream    string
	seq       uint64
	duplicate bool
	err       error
}

// ackPrefix begins the usual acknowledgement, which is read without a decoder.
var ackPrefix = []byte(`{"stream":"` + StreamName + `","seq":`)

var errNoAck = errors.New("the broker's answer is no acknowledgement")

// parseAck reads an acknowledgement. Its error is one of [nats.ErrNoResponders], a
// [*jetstream.APIError], or says that it is none.
func parseAck(m *nats.Msg) ack {
	if rest, ok := bytes.CutPrefix(m.Data, ackPrefix); ok {
		digits, ok := bytes.CutSuffix(rest, []byte{'}'})
		if seq, err := strconv.ParseUint(string(digits), 10, 64); ok && err == nil && digits[0] != '0' {
			return ack{stream: StreamName, seq: seq}
		}
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return ack{err: nats.ErrNoResponders}
	}
	var got struct {
		Stream    string              `json:"stream"`
		Seq       uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &got); {
	case err != nil:
		return ack{err: errNoAck}
	case got.Error != nil:
		return ack{err: got.Error}
	case got.Stream == "" || got.Seq == 0:
		return ack{err: errNoAck}
	}
	return ack{stream: got.Stream, seq: got.Seq, duplicate: got.Duplicate}
}
