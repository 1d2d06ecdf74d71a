package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

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
	to, err := s.targets.get(ep.URL)
	if err != nil {
		return stuck(err)
	}
	if err := CheckHeaders(ep.Headers); err != nil {
		return stuck(err)
	}
	if err := CheckBearer(ep.Bearer); err != nil {
		return stuck(err)
	}
	accepts, _ := enc.(Judge)
	to = withQuery(to, r.made.Query)
	for hops := 0; ; hops++ {
		v, location := s.hop(ctx, r, to, accepts)
		if !ep.FollowRedirects || v.Outcome == outbox.Delivered || v.Status < 300 || v.Status > 399 {
			return v
		}
		if !redirects(v.Status) {
			v.Err = fmt.Errorf("post to %s: status %d, a redirect that may turn a POST into a GET is not followed", origin(to), v.Status)
			return v
		}
		next, err := s.follow(to, location, hops)
		if err != nil {
			v.Err = fmt.Errorf("post to %s: status %d, the redirect is not followed: %w", origin(to), v.Status, err)
			return v
		}
		r.foreign = r.foreign || !sameOrigin(to, next)
		to = next
	}
}

// hop posts to one address. Of a redirect it answers the location as well.
func (s *Sender) hop(ctx context.Context, r *request, to *url.URL, accepts Judge) (v outbox.Verdict, location string) {
	began := time.Now()
	ctx, cancel := context.WithDeadline(ctx, r.deadline)
	defer cancel()
	t := &try{signer: &s.signer, secrets: r.ep.Signing(began), id: r.id, body: r.made.Body}
	req := &retryablehttp.Request{Request: (&http.Request{
		Method: http.MethodPost, URL: to, Host: to.Host, Header: s.header(r),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(t.attach(ctx))}
	if err := errors.Join(req.SetBody(r.made.Body), t.sign(req.Header)); err != nil {
		return stuck(err), ""
	}
	resp, err := s.client.Do(req)
	if err != nil {
		_, forbidden := errors.AsType[*ForbiddenError](err)
		why := reason(err, t.answered.Load(), r.timeout)
		return outbox.Verdict{Slow: forbidden, Err: fmt.Errorf("post to %s: %w", origin(to), why)}, ""
	}
	v = judge(resp, accepts, to, time.Now())
	v.Excerpt = readAnswer(resp, v.Outcome == outbox.Delivered, to, r.secrets, cancel)
	return v, t.location
}

// header makes the headers, but for those that are new in each try.
func (s *Sender) header(r *request) http.Header {
	h := make(http.Header, 10)
	agent := s.userAgent
	if !r.foreign {
		addOwn(h, r.ep)
		if own := h["User-Agent"]; own != nil {
			agent = own[0]
		}
	}
	// One array for all the values.
	values := &[6]string{r.id, r.seq, r.prev, r.made.ContentType, agent, r.count}
	h["Webhook-Id"] = values[0:1:1]
	h["Switchhook-Seq"] = values[1:2:2]
	h["Switchhook-Prev"] = values[2:3:3]
	h["Content-Type"] = values[3:4:4]
	h["User-Agent"] = values[4:5:5]
	if r.count != "" {
		h["Switchhook-Count"] = values[5:6:6]
	}
	return h
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

// try is what one call of hop shares with the hooks of the client, which all
// calls share. It travels in the context.
type try struct {
	signer   *signer
	secrets  []string
	id       string
	body     []byte
	answered atomic.Bool // a byte of an answer has come
	location string      // of a redirect
}

type tryKey struct{}

func (t *try) attach(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, tryKey{}, t)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { t.answered.Store(true) },
	})
}

// sign sets the headers that are new in each try.
func (t *try) sign(h http.Header) error {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	values := &[2]string{at}
	h["Webhook-Timestamp"] = values[0:1:1]
	if len(t.secrets) == 0 {
		return nil
	}
	signature, err := t.signer.sign(t.secrets, t.id, at, t.body)
	if err != nil {
		return err
	}
	values[1] = signature
	h["Webhook-Signature"] = values[1:2:2]
	return nil
}
