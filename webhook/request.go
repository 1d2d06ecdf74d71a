package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// request is what is sent, wherever redirects lead it.
type request struct {
	ep       *record.Endpoint
	made     record.PostBack
	timeout  time.Duration // of the whole
	deadline time.Time     // when it is over

	id        string
	seq, prev string
	count     string // empty without a Bulk

	// foreign is set once a redirect has led to another origin: from there on
	// nothing goes along that the endpoint's receiver alone may see.
	foreign bool
}

func newRequest(ep *record.Endpoint, prev uint64, events []*record.Event, made record.PostBack) *request {
	first, last := events[0], events[len(events)-1]
	r := &request{
		ep: ep, made: made,
		id: last.ID(), seq: strconv.FormatUint(last.Seq, 10), prev: strconv.FormatUint(prev, 10),
	}
	if ep.Bulk != nil {
		r.count = strconv.Itoa(len(events))
	}
	if len(events) > 1 { // <stream>/<epoch>/<first>-<last>
		r.id = first.ID() + "-" + r.seq
	}
	return r
}

// post makes the try: a request, and those that redirects lead to.
func (s *Sender) post(ctx context.Context, ep *record.Endpoint, r *request, enc Encoder) outbox.Verdict {
	if err := CheckHeaders(ep.Headers); err != nil {
		return stuck(err)
	}
	if err := CheckBearer(ep.Bearer); err != nil {
		return stuck(err)
	}
	to, err := s.targets.get(ep.URL)
	if err == nil {
		to, err = to.with(r.made.Query)
	}
	if err != nil {
		return stuck(err)
	}
	accepts, _ := enc.(Judge)
	for hops := 0; ; hops++ {
		v, location := s.hop(ctx, r, to, accepts)
		if !ep.FollowRedirects || v.Outcome == outbox.Delivered || v.Status < 300 || v.Status > 399 {
			return v
		}
		if !redirects(v.Status) {
			v.Err = fmt.Errorf("post to %s: status %d, a redirect that may turn a POST into a GET is not followed", origin(to.url), v.Status)
			return v
		}
		next, err := s.follow(to.url, location, hops)
		if err != nil {
			v.Err = fmt.Errorf("post to %s: status %d, the redirect is not followed: %w", origin(to.url), v.Status, err)
			return v
		}
		r.foreign = r.foreign || !sameOrigin(to.url, next.url)
		to = next
	}
}

// hop posts to one address. Of a redirect it answers the location as well.
func (s *Sender) hop(ctx context.Context, r *request, to *target, accepts Judge) (v outbox.Verdict, location string) {
	t := &try{
		to: to, signer: &s.signer, secrets: r.ep.Signing(time.Now()), id: r.id,
		body: r.made.Body, deadline: r.deadline,
	}
	t.fields = s.fields(t.room[:0], r, to)
	if err := t.sign(); err != nil {
		return stuck(err), ""
	}
	a, err := s.wire.post(ctx, t)
	if err != nil {
		_, forbidden := errors.AsType[*ForbiddenError](err)
		why := reason(err, t.answered.Load(), r.timeout)
		return outbox.Verdict{Slow: forbidden, Err: fmt.Errorf("post to %s: %w", origin(to.url), why)}, ""
	}
	v = judge(a.Response, accepts, to.url, time.Now())
	v.Excerpt = readAnswer(a, v.Outcome == outbox.Delivered, t, r.secrets)
	return v, a.Header.Get("Location")
}

// secrets are what a receiver that echoes the request would give away, beside
// the parts of the address it was sent to.
func (r *request) secrets() []string {
	_, token, _ := strings.Cut(r.ep.Bearer, " ")
	out := []string{r.ep.Bearer, token}
	if u, err := url.Parse(r.ep.URL); err == nil {
		out = append(out, secretsOf(u)...)
	}
	for _, value := range r.ep.Headers {
		out = append(out, value)
	}
	return out
}
