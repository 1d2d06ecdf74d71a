package daemon_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook/record"
)

// delivery is one request as it arrived at a sink.
type delivery struct {
	id     string // webhook-id
	stream string
	seqs   []uint64 // of the events in it
	kinds  []record.Kind
	seq    uint64 // switchhook-seq
	prev   uint64 // switchhook-prev
	header http.Header
	body   []byte
	life   int // of the daemon that sent it, see sink.life
}

// sink receives in every format, single or bulk, for many endpoints: each has a
// path of its own.
type sink struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	got     map[string][]delivery         // guarded by mu; by path
	answer  map[string]func(delivery) int // guarded by mu; a status, 0 for success
	life    int                           // guarded by mu; how often the daemon was killed
	changed chan struct{}                 // guarded by mu; closed at each arrival
}

func newSink(t *testing.T) *sink {
	s := &sink{t: t, got: make(map[string][]delivery), answer: make(map[string]func(delivery) int), changed: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) url(name string) string { return s.URL + "/" + name }

// answering lets a path answer with a status, 0 for success.
func (s *sink) answering(name string, status int) {
	s.deciding(name, func(delivery) int { return status })
}

func (s *sink) deciding(name string, answer func(delivery) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer[name] = answer
}

func (s *sink) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed half way
	}
	name := req.URL.Path[1:]
	d, err := read(req.Header, body)
	if err != nil {
		s.t.Errorf("a request to %s: %v\n%.300s", name, err, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := 0
	if decide := s.answer[name]; decide != nil {
		status = decide(d)
	}
	if status != 0 {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "not now")
	} else {
		d.life = s.life
		s.got[name] = append(s.got[name], d)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// read reads a request of any format.
func read(header http.Header, body []byte) (d delivery, err error) {
	d = delivery{id: header.Get("webhook-id"), header: header, body: body}
	if d.seq, err = strconv.ParseUint(header.Get("switchhook-seq"), 10, 64); err != nil {
		return d, err
	}
	if d.prev, err = strconv.ParseUint(header.Get("switchhook-prev"), 10, 64); err != nil {
		return d, err
	}
	events, err := unpackBody(body)
	if err != nil {
		return d, err
	}
	for _, text := range events {
		var e struct {
			ID, Type, Event, Source string
			Seq                     uint64
			Sequence                string
		}
		if err := json.Unmarshal(text, &e); err != nil {
			return d, err
		}
		if e.Sequence != "" {
			if e.Seq, err = strconv.ParseUint(e.Sequence, 10, 64); err != nil {
				return d, err
			}
		}
		d.stream, _, _ = strings.Cut(e.ID, "/")
		d.seqs = append(d.seqs, e.Seq)
		d.kinds = append(d.kinds, record.Kind(strings.TrimPrefix(e.Type, "io.github.switchhook.")+e.Event))
	}
	if last := d.seqs[len(d.seqs)-1]; last != d.seq {
		return d, fmt.Errorf("switchhook-seq is %d, the last event %d", d.seq, last)
	}
	return d, nil
}

// unpackBody answers the events of a request.
func unpackBody(body []byte) (events []json.RawMessage, err error) {
	text, isBulk := bytes.CutPrefix(body, []byte("BULK,"))
	if packed, ok := bytes.CutPrefix(body, []byte("BULKGZ,")); ok {
		isBulk = true
		in, err := zlib.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(packed)))
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(in); err != nil {
			return nil, err
		}
	}
	switch {
	case isBulk:
		var all [][]byte // base64 in JSON
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, err
		}
		for _, one := range all {
			events = append(events, one)
		}
	case bytes.HasPrefix(body, []byte("[")):
		err = json.Unmarshal(body, &events)
	default:
		events = []json.RawMessage{body}
	}
	return events, err
}

// await waits until done, called with the lock held, is content.
func (s *sink) await(what string, done func() bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok, changed := done(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("the sink still waits for %s", what)
		}
	}
}

// awaitSeq waits until an event of a stream, or one behind it, has arrived.
func (s *sink) awaitSeq(name, stream string, seq uint64) {
	s.t.Helper()
	s.await(fmt.Sprintf("event %d of %s at %s", seq, stream, name), func() bool {
		for _, d := range s.got[name] {
			if d.stream == stream && d.seq >= seq {
				return true
			}
		}
		return false
	})
}

// of answers what a path got of a stream.
func (s *sink) of(name, stream string) (out []delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.got[name] {
		if d.stream == stream {
			out = append(out, d)
		}
	}
	return out
}

// killed says that what arrives from now on is from another daemon.
func (s *sink) killed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life++
}

// checkChain proves that what a path got of a stream, repeats aside, is in order,
// begins behind seq after and names its predecessor each time. It answers the
// seqs and how many requests were repeated, of which a kill may cause two.
func (s *sink) checkChain(name, stream string, after uint64) (seqs []uint64, repeated int) {
	s.t.Helper()
	inLife := make(map[int]int)
	last := after
	var before uint64 // the last that was meant for this endpoint
	for n, d := range s.of(name, stream) {
		if d.seqs[0] <= last && n > 0 {
			repeated++
			if inLife[d.life]++; inLife[d.life] == 3 {
				s.t.Errorf("%s: more than two requests of %s were repeated after kill %d", name, stream, d.life)
			}
		}
		if d.prev > before && n > 0 {
			s.t.Errorf("%s: event %d came after event %d, and names %d as the one before", name, d.seq, before, d.prev)
		}
		for _, seq := range d.seqs {
			if seq > last {
				seqs = append(seqs, seq)
				last, before = seq, seq
			}
		}
	}
	return seqs, repeated
}

// verifies reports whether a request is signed with a secret, as the published
// library sees it.
func (d delivery) verifies(t *testing.T, secret string) bool {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return wh.Verify(d.body, d.header) == nil
}
