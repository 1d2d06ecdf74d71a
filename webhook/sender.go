package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// Config is what [New] needs. Every zero value is the default given beside it.
type Config struct {
	Formats map[string]Encoder // beside [Standard], by the name endpoints know them by
	Timeout time.Duration      // one try from dialling to the answer's headers, its quick retry included; 15 s

	Allow         []netip.Prefix // special networks that may be connected to nonetheless; none
	AllowLoopback bool           // 127.0.0.0/8 and ::1 among them

	IdlePerHost int            // connections kept open to one host; 64
	UserAgent   string         // "switchhook"
	RootCAs     *x509.CertPool // the system's

	// DialContext replaces the dialler, and the check of addresses that is part
	// of it. It is for tests that have no network.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Sender makes PostBacks. Make it with [New]; any goroutine may use it.
type Sender struct {
	formats   map[string]Encoder
	timeout   time.Duration
	userAgent []string
	egress    egress
	signer    signer
	transport *http.Transport
	client    *retryablehttp.Client
}

// New makes a sender. An error means that cfg contradicts itself.
func New(cfg Config) (*Sender, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.IdlePerHost <= 0 {
		cfg.IdlePerHost = 64
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "switchhook"
	}
	allow, err := newEgress(cfg.Allow, cfg.AllowLoopback)
	if err != nil {
		return nil, fmt.Errorf("make webhook sender: %w", err)
	}
	s := &Sender{
		formats:   map[string]Encoder{Standard: standard{}},
		timeout:   cfg.Timeout,
		userAgent: []string{cfg.UserAgent},
		egress:    allow,
	}
	for name, enc := range cfg.Formats {
		if enc == nil || s.formats[name] != nil {
			return nil, fmt.Errorf("make webhook sender: format %q has no encoder or two", name)
		}
	}
	maps.Copy(s.formats, cfg.Formats)
	s.transport = newTransport(cfg, s.egress)
	s.client = newClient(s.transport)
	return s, nil
}

// Close ends idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Carries reports whether an event is meant for an endpoint: its format has a
// form for it and its filter lets it through. An unknown format carries
// everything: its tries fail where an operator sees it, and nothing is passed
// over in silence.
func (s *Sender) Carries(ep *record.Endpoint, ev *record.Event) bool {
	enc, ok := s.formats[ep.Format]
	return (!ok || enc.Carries(ev.Kind)) && ep.Filter.Lets(ev)
}

// Send makes one try. It takes at most the configured timeout and a second,
// and returns soon after ctx ends.
func (s *Sender) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) outbox.Verdict {
	began := time.Now()
	v := s.send(ctx, ep, prev, events)
	v.Duration = time.Since(began)
	return v
}

func (s *Sender) send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) outbox.Verdict {
	ev := events[len(events)-1]
	enc, ok := s.formats[ep.Format]
	if !ok {
		return outbox.Verdict{Err: fmt.Errorf("format %q is unknown", ep.Format)}
	}
	made, err := enc.Encode(ep, events)
	if err != nil {
		return outbox.Verdict{Err: fmt.Errorf("encode as %s: %w", ep.Format, err)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t := &try{signer: &s.signer, secrets: ep.Signing(time.Now()), id: ev.ID(), body: made.Body}
	req, err := retryablehttp.NewRequestWithContext(t.attach(ctx), http.MethodPost, ep.URL, made.Body)
	if err != nil || usable(req.URL) != nil {
		return outbox.Verdict{Err: errors.New("the endpoint's address is no usable URL")} // err quotes it
	}
	h := req.Header
	h["Webhook-Id"] = []string{t.id}
	h["Switchhook-Seq"] = []string{strconv.FormatUint(ev.Seq, 10)}
	h["Switchhook-Prev"] = []string{strconv.FormatUint(prev, 10)}
	h["Content-Type"] = []string{made.ContentType}
	h["User-Agent"] = s.userAgent
	if err := t.sign(h); err != nil {
		return outbox.Verdict{Err: err}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return outbox.Verdict{Err: fmt.Errorf("post to %s: %w", origin(req.URL), reason(err, t.answered.Load(), s.timeout))}
	}
	v := judge(resp, req.URL, time.Now())
	v.Excerpt = readAnswer(resp, v.Outcome == outbox.Delivered, req.URL, cancel)
	return v
}

// try is what one call of Send shares with the hooks of the client, which all
// calls share. It travels in the context.
type try struct {
	signer   *signer
	secrets  []string
	id       string
	body     []byte
	answered atomic.Bool // a byte of an answer has come
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
	h["Webhook-Timestamp"] = []string{at}
	if len(t.secrets) == 0 {
		return nil
	}
	signature, err := t.signer.sign(t.secrets, t.id, at, t.body)
	if err != nil {
		return err
	}
	h["Webhook-Signature"] = []string{signature}
	return nil
}

// usable says what keeps an address from being posted to.
func usable(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the scheme must be http or https")
	case u.Hostname() == "":
		return errors.New("there is no host")
	}
	return nil
}
