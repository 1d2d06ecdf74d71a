package webhook

import (
	"context"
	"strconv"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// postAll posts what a format made of an event: nothing, one request, or several,
// each after the one before was accepted. The answer to the first that was not
// counts for all. They share the time of one try.
//
// Each has an id of its own, because receivers pass over an id that they know: the
// second is <stream>/<epoch>/<seq>.2.
func (s *Sender) postAll(ctx context.Context, ep *record.Endpoint, r *request, enc Encoder) outbox.Verdict {
	more, id := r.made.More, r.id
	v := outbox.Verdict{Outcome: outbox.Delivered}
	if r.made.Body != nil {
		v = s.post(ctx, ep, r, enc)
	}
	for i := 0; i < len(more) && v.Outcome == outbox.Delivered; i++ {
		r.made, r.foreign, r.id = more[i], false, id+"."+strconv.Itoa(i+2)
		v = s.post(ctx, ep, r, enc)
	}
	return v
}
