// Package notify makes GREEN-API's notifications of events: the body of a request
// to the webhookUrl, and of an answer to receiveNotification. Both are the same
// bytes.
//
// The forms are those of the vendor's public documentation ("Notifications format",
// read in November 2026) and of the types in its published client libraries; a
// comment says so where a field is our own choice instead. An instance's settings,
// as they are at the moment of delivery, say which notifications there are.
//
// One event can be several notifications: a connection that comes up is a new state
// and a new socket, a receipt names several messages. Their places in the list are
// fixed, whatever the settings, because receipt ids are made of them.
package notify

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/record"
)

// Format is the name by which endpoints know these notifications.
const Format = "greenapi"

// Most is how many notifications one event makes at most: package whatsapp cuts
// receipts to 500 messages.
const Most = 512

// Account is who an instance is to GREEN-API, and what its owner has set.
type Account struct {
	ID       int64  // idInstance
	Phone    string // digits of the number that is linked now; empty: none
	Settings record.GreenSettings
}

// Encoder makes the notifications. Its methods may be called from any goroutine.
type Encoder struct {
	// Account answers that of an instance, by the instance's own id; false if there is
	// none.
	Account func(instance string) (Account, bool)
}

// Carries reports whether there are notifications of such events at all.
func (Encoder) Carries(kind record.Kind) bool {
	switch kind {
	case record.ConnectionChanged,
		record.MessageText, record.MessageMedia, record.MessageOther, record.MessageReaction,
		record.MessageEdited, record.MessageRevoked, record.MessageReceipt, record.MessageCall, record.MessageSent:
		return true
	default:
		return false
	}
}

// Wants reports whether the settings of the event's instance want a notification of
// it.
func (e Encoder) Wants(_ *record.Endpoint, ev *record.Event) bool {
	a, ok := e.account(ev)
	if !ok {
		return false
	}
	for _, n := range notifications(a, ev) {
		if n.wanted {
			return true
		}
	}
	return false
}

// Encode makes a request for each notification of one event; none where the
// settings have changed since it was wanted.
func (e Encoder) Encode(_ *record.Endpoint, events []*record.Event) (made record.PostBack, err error) {
	if len(events) != 1 {
		return made, fmt.Errorf("encode %d events for GREEN-API: the format takes one at a time, give the endpoint no bulk", len(events))
	}
	bodies, err := e.Bodies(events[0])
	if err != nil {
		return made, err
	}
	for _, body := range bodies {
		one := record.PostBack{Body: body, ContentType: "application/json"}
		switch {
		case body == nil:
		case made.Body == nil:
			made = one
		default:
			made.More = append(made.More, one)
		}
	}
	return made, nil
}

// Bodies answers the notifications of an event, each in its place; nil where there
// is none, or the settings do not want it.
func (e Encoder) Bodies(ev *record.Event) ([][]byte, error) {
	a, ok := e.account(ev)
	if !ok {
		return nil, nil
	}
	all := notifications(a, ev)
	out := make([][]byte, len(all))
	for i, n := range all {
		if !n.wanted {
			continue
		}
		body, err := reply.Encode(n.form)
		if err != nil {
			return nil, fmt.Errorf("encode event %s for GREEN-API: %w", ev.ID(), err)
		}
		out[i] = body
	}
	return out, nil
}

// Accepts is the format's rule of success: 200 and nothing else ("Receive webhooks
// via Webhook Endpoint").
func (Encoder) Accepts(status int) bool { return status == 200 }

// Policy is the format's schedule: every minute, for 24 h (the same page).
func (Encoder) Policy() record.Policy {
	return record.Policy{Schedule: []time.Duration{time.Minute}, Horizon: 24 * time.Hour, Jitter: new(0)}
}

// account answers that of an event's instance; false if nothing is to be said.
func (e Encoder) account(ev *record.Event) (Account, bool) {
	if !e.Carries(ev.Kind) {
		return Account{}, false
	}
	return e.Account(ev.Stream)
}

// notification is one of an event, and whether the settings want it.
type notification struct {
	wanted bool
	form   any
}

// notifications answers those of an event, each in its place.
func notifications(a Account, ev *record.Event) []notification {
	switch {
	case ev.Kind == record.ConnectionChanged:
		return connection(a, ev)
	case ev.Message == nil:
		return nil
	case ev.Kind == record.MessageReceipt:
		return statuses(a, ev.Message)
	case ev.Kind == record.MessageCall:
		return []notification{called(a, ev.Message)}
	default:
		return written(a, ev)
	}
}
