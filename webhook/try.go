package webhook

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// try is one request and, should its connection fail, its repetition.
type try struct {
	to       *target
	fields   []field
	body     []byte
	deadline time.Time // of both

	signer  *signer
	secrets []string
	room    [8]field // for fields, where no others were configured
	id      string

	at, signature string      // of the last signing; no signature without secrets
	answered      atomic.Bool // a byte of an answer has come
}

// field is a header with its name as it is sent.
type field struct{ name, value string }

// fields appends the headers of a request but for those that are new in each try.
func (s *Sender) fields(out []field, r *request, to *target) []field {
	agent, authorized := s.userAgent, to.basic
	if !r.foreign && len(r.ep.Headers) > 0 {
		for _, name := range slices.Sorted(maps.Keys(r.ep.Headers)) {
			switch value := r.ep.Headers[name]; http.CanonicalHeaderKey(name) {
			case "User-Agent":
				agent = value
			case "Authorization":
				authorized = value
			default:
				out = append(out, field{http.CanonicalHeaderKey(name), value})
			}
		}
	}
	if !r.foreign && r.ep.Bearer != "" {
		authorized = authorization(r.ep.Bearer)
	}
	out = append(out,
		field{"User-Agent", agent},
		field{"Content-Type", r.made.ContentType},
		field{"Webhook-Id", r.id},
		field{"Switchhook-Seq", r.seq},
		field{"Switchhook-Prev", r.prev},
	)
	if r.count != "" {
		out = append(out, field{"Switchhook-Count", r.count})
	}
	if authorized != "" {
		out = append(out, field{"Authorization", authorized})
	}
	return out
}

// sign makes the headers that are new in each try.
func (t *try) sign() (err error) {
	t.at, t.signature = strconv.FormatInt(time.Now().Unix(), 10), ""
	if len(t.secrets) > 0 {
		t.signature, err = t.signer.sign(t.secrets, t.id, t.at, t.body)
	}
	return err
}

// appendHead writes the head of the request as HTTP/1.1 has it. Nothing in it can
// hold the end of a line: addresses, headers and tokens were checked, the rest is
// ours.
func (t *try) appendHead(b []byte) []byte {
	b = append(append(append(b, "POST "...), t.to.uri...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, t.to.host...), "\r\n"...)
	for _, f := range t.fields {
		b = appendField(b, f.name, f.value)
	}
	b = appendField(b, "Webhook-Timestamp", t.at)
	if t.signature != "" {
		b = appendField(b, "Webhook-Signature", t.signature)
	}
	b = strconv.AppendInt(append(b, "Content-Length: "...), int64(len(t.body)), 10)
	return append(b, "\r\n\r\n"...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// header is the same for net/http.
func (t *try) header() http.Header {
	h := make(http.Header, len(t.fields)+2)
	for _, f := range t.fields {
		h[f.name] = []string{f.value}
	}
	h["Webhook-Timestamp"] = []string{t.at}
	if t.signature != "" {
		h["Webhook-Signature"] = []string{t.signature}
	}
	return h
}
