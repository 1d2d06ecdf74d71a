package webhook

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/record"
)

// CloudEvents is the name of the format of that name: version 1.0 of the
// specification in the structured JSON form, and its JSON batch form for an
// endpoint with a Bulk. The structured form, because a body that says all can be
// stored and signed as it is; the binary one would put half of it into headers
// that no signature covers.
const CloudEvents = "cloudevents"

// cloudEvent is the envelope. Its attributes, in the order they are written:
//
//   - id is the event's, the same as webhook-id: receivers tell repetitions by it.
//   - source is where it happened, a relative reference that holds the stream's
//     id and not the daemon's address: source and id together have to be the same
//     in a replay, after a restore, and when the daemon has moved.
//   - type is the kind below a reversed name that nobody else uses, as the
//     specification asks.
//   - subject is the name that the instance, tenant or account bore then, so that a
//     subscription can filter by what people call it; left out where there is none.
//   - time is when it happened, not when it was sent.
//   - sequence is that of the specification's extension of this name: the seq
//     with leading zeros, since it is compared as text. The header switchhook-prev
//     tells gaps, this tells order.
//   - data is that of the standard format, so that both need one parser.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject,omitempty"`
	Time        time.Time       `json:"time"`
	Sequence    string          `json:"sequence"`
	ContentType string          `json:"datacontenttype"`
	Data        json.RawMessage `json:"data"`
}

const cloudTypePrefix = "io.github.switchhook."

type cloudEvents struct{}

func (cloudEvents) Encode(ep *record.Endpoint, events []*record.Event) (record.PostBack, error) {
	body, err := array(ep, events, encodeCloudEvent)
	kind := "application/cloudevents+json; charset=utf-8"
	if ep.Bulk != nil {
		kind = "application/cloudevents-batch+json; charset=utf-8"
	}
	return record.PostBack{Body: body, ContentType: kind}, err
}

func (cloudEvents) Carries(record.Kind) bool { return true }

func encodeCloudEvent(ev *record.Event) ([]byte, error) {
	data, err := ev.StandardData()
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(cloudEvent{
		SpecVersion: "1.0",
		ID:          ev.ID(),
		Source:      cloudSource(ev),
		Type:        cloudTypePrefix + string(ev.Kind),
		Subject:     ev.Name,
		Time:        ev.At,
		Sequence:    fmt.Sprintf("%020d", ev.Seq),
		ContentType: "application/json",
		Data:        data,
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", ev.ID(), err)
	}
	return out, nil
}

// cloudSource is /switchhook/instances/<id>, /switchhook/tenants/<id>,
// /switchhook/accounts/<id>, /switchhook/daemon or /switchhook/test.
func cloudSource(ev *record.Event) string {
	switch {
	case ev.Kind == record.EndpointTest:
		return "/switchhook/test"
	case ev.Stream == record.DaemonStream:
		return "/switchhook/daemon"
	case ev.Kind.OfTenant():
		return "/switchhook/tenants/" + url.PathEscape(ev.Stream)
	case ev.Kind.OfAccount():
		return "/switchhook/accounts/" + url.PathEscape(ev.Stream)
	default:
		return "/switchhook/instances/" + url.PathEscape(ev.Stream)
	}
}
