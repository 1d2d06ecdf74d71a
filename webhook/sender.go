package webhook

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// Config is what [New] needs. Every zero value is the default given beside it.
type Config struct {
	Formats map[string]Encoder // beside [Standard] and [CloudEvents], by the name endpoints know them by
	Timeout time.Duration      // one try from dialling to the answer's headers, its quick retry and redirects included; 15 s

	Allow         []netip.Prefix // special networks that may be connected to nonetheless; none
	AllowLoopback bool           // 127.0.0.0/8 and ::1 among them
	Deny          []netip.Prefix // networks that may not, whatever allows them; none

	// Proxy is the URL, a secret, of a proxy that all connections go through:
	// http, https or socks5. Empty: none; the environment's is never used.
	Proxy string

	CAFile   string // certificate authorities (PEM) beside the system's; none
	CertFile string // our certificate (PEM) for receivers that ask for one; none
	KeyFile  string // and its key

	PerOrigin int            // connections kept open to one scheme, host and port; 128
	UserAgent string         // "switchhook"
	RootCAs   *x509.CertPool // the system's; not beside CAFile
	Resolver  *net.Resolver  // looks names up; the system's

	// DialContext replaces the dialler, and the check of addresses that is part
	// of it. It is for tests that have no network.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// The bounds of an endpoint's own timeout.
const (
	MinTimeout = 500 * time.Millisecond
	MaxTimeout = 2 * time.Minute
)

// maxBody bounds a request of several events. A batch that is longer goes in
// several.
const maxBody = 4 << 20

// Sender makes PostBacks. Make it with [New]; any goroutine may use it.
type Sender struct {
	formats   map[string]Encoder
	timeout   time.Duration
	userAgent string
	egress    egress
	signer    signer
	targets   targets
	wire      *wire
	files     *http.Client // of Fetch
}

// New makes a sender. An error means that cfg contradicts itself, or that a file
// it names cannot be used.
func New(cfg Config) (*Sender, error) {
	s, err := newSender(cfg)
	if err != nil {
		return nil, fmt.Errorf("make webhook sender: %w", err)
	}
	return s, nil
}

func newSender(cfg Config) (*Sender, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.PerOrigin <= 0 {
		cfg.PerOrigin = 128
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "switchhook"
	}
	var err error
	if cfg.CAFile != "" {
		if cfg.RootCAs, err = roots(cfg.CAFile); err != nil {
			return nil, err
		}
	}
	s := &Sender{
		formats:   map[string]Encoder{Standard: standard{}, CloudEvents: cloudEvents{}},
		timeout:   cfg.Timeout,
		userAgent: cfg.UserAgent,
	}
	for name, enc := range cfg.Formats {
		if enc == nil || s.formats[name] != nil {
			return nil, fmt.Errorf("format %q has no encoder or two", name)
		}
	}
	maps.Copy(s.formats, cfg.Formats)
	if s.egress, err = newEgress(cfg); err != nil {
		return nil, err
	}
	if s.wire, err = newWire(cfg, s.egress); err != nil {
		return nil, err
	}
	s.files = s.newFiles(s.wire.dial)
	return s, nil
}

// Close ends idle connections.
func (s *Sender) Close() { s.wire.close() }

// Carries reports whether an event is meant for an endpoint: its format has a
// form for it and wants it ([Chooser]), its filter lets it through, and it is not about the endpoint
// itself. An unknown format carries everything: its tries fail where an operator
// sees it, and nothing is passed over in silence.
func (s *Sender) Carries(ep *record.Endpoint, ev *record.Event) bool {
	enc, ok := s.formats[ep.Format]
	return (!ok || enc.Carries(ev.Kind)) && ep.Filter.Lets(ev) && chosen(enc, ep, ev) && !isAbout(ev, ep.ID)
}

// isAbout reports whether an event tells of an endpoint.
func isAbout(ev *record.Event, endpoint string) bool {
	if !strings.HasPrefix(string(ev.Kind), "endpoint.") {
		return false
	}
	var fact record.EndpointFact
	return json.Unmarshal(ev.Data, &fact) == nil && fact.Endpoint == endpoint
}

// Send makes one try. It takes at most the endpoint's timeout, its format's or the
// configured one, and a second, and returns soon after ctx ends.
//
// A batch whose body would be longer than 4 MB goes in several requests, one
// after the other, each with an id and numbers of its own. They are cut alike in
// every try; the answer to the first that fails counts for all.
func (s *Sender) Send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event) outbox.Verdict {
	began := time.Now()
	v := s.send(ctx, ep, prev, events, began.Add(s.timeoutOf(ep)))
	v.Duration = time.Since(began)
	return v
}

func (s *Sender) timeoutOf(ep *record.Endpoint) time.Duration {
	timeout := s.Policy(ep).Timeout
	if timeout <= 0 {
		return s.timeout
	}
	return min(max(timeout, MinTimeout), max(MaxTimeout, s.timeout))
}

func (s *Sender) send(ctx context.Context, ep *record.Endpoint, prev uint64, events []*record.Event, deadline time.Time) outbox.Verdict {
	enc, ok := s.formats[ep.Format]
	if !ok {
		return stuck(fmt.Errorf("format %q is unknown", ep.Format))
	}
	made, err := enc.Encode(ep, events)
	if err != nil {
		return stuck(fmt.Errorf("encode as %s: %w", ep.Format, err))
	}
	if half := len(events) / 2; half > 0 && len(made.Body) > maxBody {
		v := s.send(ctx, ep, prev, events[:half], deadline)
		if v.Outcome != outbox.Delivered {
			return v
		}
		return s.send(ctx, ep, events[half-1].Seq, events[half:], deadline)
	}
	r := newRequest(ep, prev, events, made)
	r.timeout, r.deadline = s.timeoutOf(ep), deadline
	return s.postAll(ctx, ep, r, enc)
}

// stuck is the verdict of what no repetition mends: an operator has to.
func stuck(err error) outbox.Verdict { return outbox.Verdict{Slow: true, Err: err} }
