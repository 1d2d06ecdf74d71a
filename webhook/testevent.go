package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// Test sends an endpoint an event of kind [record.EndpointTest] that is in no
// log: its id is test/<random> and its seq 0. It is encoded, signed and judged
// like any other; a format that has no form for it leaves it to [Standard]. It
// asks neither the filter nor whether the endpoint is disabled.
func (s *Sender) Test(ctx context.Context, ep *record.Endpoint) outbox.Verdict {
	fact, err := json.Marshal(record.EndpointFact{
		Endpoint: ep.ID, Name: ep.Name, Instance: ep.Stream, Tenant: ep.Tenant,
	})
	if err != nil {
		return stuck(err)
	}
	ev := &record.Event{Stream: "test/" + rand.Text(), Kind: record.EndpointTest, At: time.Now().UTC(), Data: fact}
	if enc, ok := s.formats[ep.Format]; ok && !enc.Carries(ev.Kind) {
		other := *ep
		other.Format, other.Bulk = Standard, nil
		ep = &other
	}
	return s.Send(ctx, ep, 0, []*record.Event{ev})
}
