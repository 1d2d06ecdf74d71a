package witi

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/record"
)

// Encoder makes the body of a PostBack (WIRE.md §1.4): one event, or for an
// endpoint that takes bulk any number of one instance's. The same events always
// make the same bytes.
type Encoder struct {
	// WID answers the key of an instance, as it was issued; false if there is
	// no such instance any more.
	WID func(instanceID string) (string, bool)
}

// Carries reports whether the format has a form for such events.
func (Encoder) Carries(kind record.Kind) bool {
	return kind == record.ConnectionChanged || kind == record.QRIssued
}

// changed is the event of a change of status.
type changed struct {
	Event     string `json:"event"`
	WID       string `json:"wid"`
	Timestamp int64  `json:"timestamp"` // unix seconds
	information
	ID  string `json:"id"`
	Seq uint64 `json:"seq"`
}

// issued is the event of a new code on show.
type issued struct {
	Event     string `json:"event"`
	WID       string `json:"wid"`
	Timestamp int64  `json:"timestamp"`
	QR        string `json:"qr"`
	TTL       int    `json:"ttl"` // seconds, from the timestamp on
	ID        string `json:"id"`
	Seq       uint64 `json:"seq"`
}

// Encode makes the body, of one event if the endpoint takes no bulk. An event that
// the format does not carry, one of an instance that is gone, and a version of
// bulk that there is not are errors that trying again does not mend.
func (e Encoder) Encode(ep *record.Endpoint, events []*record.Event) (record.PostBack, error) {
	if len(events) == 0 || ep.Bulk == nil && len(events) > 1 {
		return record.PostBack{}, fmt.Errorf("encode %d events for WITI: the endpoint takes one", len(events))
	}
	bodies := make([][]byte, len(events))
	for i, ev := range events {
		body, err := e.encode(ev)
		if err != nil {
			return record.PostBack{}, err
		}
		bodies[i] = body
	}
	if ep.Bulk == nil {
		return record.PostBack{Body: bodies[0], ContentType: "application/json"}, nil
	}
	body, err := bulk(ep.Version, bodies)
	if err != nil {
		return record.PostBack{}, fmt.Errorf("encode %d events for WITI: %w", len(events), err)
	}
	return record.PostBack{Body: body, ContentType: "text/plain; charset=utf-8"}, nil
}

func (e Encoder) encode(ev *record.Event) (body []byte, err error) {
	wid, ok := e.WID(ev.Stream)
	if !ok {
		return nil, fmt.Errorf("encode event %s for WITI: its instance is gone", ev.ID())
	}
	var form any
	switch {
	case ev.Kind == record.ConnectionChanged && ev.Info != nil:
		form = changed{
			Event: "status", WID: wid, Timestamp: ev.At.Unix(),
			information: inform(wid, *ev.Info),
			ID:          ev.ID(), Seq: ev.Seq,
		}
	case ev.Kind == record.QRIssued && ev.Code != nil:
		sym, err := qrcode.New(ev.Code.Text)
		if err != nil {
			return nil, fmt.Errorf("encode event %s for WITI: %w", ev.ID(), err)
		}
		form = issued{
			Event: "qrcode", WID: wid, Timestamp: ev.At.Unix(),
			QR: sym.DataURL(), TTL: int(ev.Code.TTL / time.Second),
			ID: ev.ID(), Seq: ev.Seq,
		}
	default:
		return nil, fmt.Errorf("encode event %s for WITI: the format has no form for a %s", ev.ID(), ev.Kind)
	}
	body, err = reply.Encode(form)
	if err != nil {
		return nil, fmt.Errorf("encode event %s for WITI: %w", ev.ID(), err)
	}
	return body, nil
}
