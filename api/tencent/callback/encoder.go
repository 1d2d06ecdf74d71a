// Package callback makes the callback of Tencent Cloud Chat that tells of a changed
// profile, Profile.CallbackPortraitSet, as a format of PostBacks. The form is that of
// the vendor's public documentation ("After Updating Profile", read in November 2026); a
// comment says so where something is our own choice.
//
// The vendor sends it once and does not look at the answer. Here it is repeated like
// every PostBack until a receiver has answered with any 2xx; what the answer says is not
// acted upon here either.
package callback

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/record"
)

// Format is the name by which endpoints know these callbacks.
const Format = "tencent"

// Command is the CallbackCommand.
const Command = "Profile.CallbackPortraitSet"

// timeout is how long the vendor waits for an answer.
const timeout = 2 * time.Second

// clientIP stands for the address that a change came from: it is not kept, because
// nothing here needs it (our choice).
const clientIP = "0.0.0.0"

// Encoder makes the callbacks. Its methods may be called from any goroutine.
type Encoder struct{}

// Carries reports whether there is a callback of such events.
func (Encoder) Carries(kind record.Kind) bool { return kind == record.ProfileUpdated }

// changed is the form of a callback.
type changed struct {
	Command  string `json:"CallbackCommand"`
	Operator string `json:"Operator_Account"`
	Account  string `json:"From_Account"`
	At       int64  `json:"EventTime"` // Unix milliseconds
	Items    []item `json:"ProfileItem"`
}

// item is a field that was set. Its value is a text or a number.
type item struct {
	Tag   string `json:"Tag"`
	Value any    `json:"Value"`
}

// Encode makes the request of one event: its body, and the query that the vendor adds
// to the address.
func (Encoder) Encode(_ *record.Endpoint, events []*record.Event) (made record.PostBack, err error) {
	if len(events) != 1 {
		return made, fmt.Errorf("encode %d events for Tencent Chat: the format takes one at a time, give the endpoint no bulk", len(events))
	}
	ev := events[0]
	if ev.Kind != record.ProfileUpdated {
		return made, fmt.Errorf("encode event %s for Tencent Chat: there is no callback of %s", ev.ID(), ev.Kind)
	}
	var fact record.ProfileFact
	if err := json.Unmarshal(ev.Data, &fact); err != nil {
		return made, fmt.Errorf("encode event %s for Tencent Chat: it tells of no profile: %w", ev.ID(), err)
	}
	form := changed{
		Command: Command, Operator: fact.Operator, Account: fact.Account, At: ev.At.UnixMilli(),
		Items: make([]item, 0, len(fact.Fields)),
	}
	for _, f := range fact.Fields {
		one := item{f.Tag, f.Text}
		if f.Numeric {
			one.Value = f.Number
		}
		form.Items = append(form.Items, one)
	}
	body, err := reply.Encode(form)
	if err != nil {
		return made, fmt.Errorf("encode event %s for Tencent Chat: %w", ev.ID(), err)
	}
	return record.PostBack{Body: body, ContentType: "application/json", Query: query(fact.App)}, nil
}

// query is what the vendor adds to the address, in its order.
func query(app int64) string {
	return "SdkAppid=" + strconv.FormatInt(app, 10) + "&CallbackCommand=" + Command +
		"&contenttype=json&ClientIP=" + clientIP + "&OptPlatform=RESTAPI"
}

// Policy is the format's timeout. How callbacks are repeated is left to the
// configuration, as the vendor has nothing to say about it.
func (Encoder) Policy() record.Policy { return record.Policy{Timeout: timeout} }
