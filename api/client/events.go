package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// Event is one event in the standard format.
type Event struct {
	ID     string      `json:"id"`
	Type   record.Kind `json:"type"`
	Stream string      `json:"stream"`
	Name   string      `json:"name"`
	Seq    uint64      `json:"seq"`
	Time   time.Time   `json:"time"`
	Data   struct {
		Transition *fsm.Transition `json:"transition"`
		Connection *record.Info    `json:"connection"`
		TTL        int             `json:"ttl"`
		Message    *record.Message `json:"message"`
		Detail     json.RawMessage `json:"detail"` // of the other kinds, such as a record.EndpointFact
	} `json:"data"`

	Raw json.RawMessage `json:"-"` // all of it, as the daemon wrote it
}

// Look says which events are wanted; the zero value is the oldest hundred.
type Look struct {
	After uint64        // only events behind this seq
	Limit int           // at most so many, up to api.MaxEvents; 0 for the daemon's default
	Wait  time.Duration // how long to wait for the first; the daemon may cut it short
}

// Events answers events of an instance, oldest first; none if there were none
// in time.
func (c *Client) Events(ctx context.Context, instance string, l Look) ([]Event, error) {
	q := url.Values{"after": {strconv.FormatUint(l.After, 10)}}
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Wait > 0 {
		q.Set("wait", strconv.Itoa(int((l.Wait+time.Second-1)/time.Second)))
	}
	var raw []json.RawMessage
	if err := c.do(ctx, http.MethodGet, one(instance, "events")+"?"+q.Encode(), nil, &raw); err != nil {
		return nil, err
	}
	out := make([]Event, len(raw))
	for i, text := range raw {
		if err := json.Unmarshal(text, &out[i]); err != nil {
			return nil, fmt.Errorf("read event: %w", err)
		}
		out[i].Raw = text
	}
	return out, nil
}
