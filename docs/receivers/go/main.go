// Command go is a receiver of PostBacks with nothing but the standard library.
//
//	SWITCHHOOK_SECRETS="whsec_…" go run ./docs/receivers/go
//
// It takes every format, single or in bulk, and prints the id and the type of each
// event once. Replace [receiver.handle].
package main

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody   = 8 << 20  // bytes of a request; Switchhook sends 4 MB at most
	maxPlain  = 64 << 20 // bytes of a BULKGZ after unpacking
	tolerance = 5 * time.Minute
	remember  = 100_000 // ids
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run() error {
	keys, err := parseSecrets(os.Getenv("SWITCHHOOK_SECRETS"))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:9000")) //nolint:noctx // for as long as the program runs
	if err != nil {
		return err
	}
	say("listening on", l.Addr())
	srv := &http.Server{
		Handler:           &receiver{keys: keys, young: map[string]bool{}, last: map[string]uint64{}},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	return srv.Serve(l)
}

// parseSecrets decodes secrets separated by spaces: whsec_ and base64 each. While
// one is rotated there are two.
func parseSecrets(list string) (keys [][]byte, err error) {
	for secret := range strings.FieldsSeq(list) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, errors.New("a secret is not whsec_ and base64")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("SWITCHHOOK_SECRETS is not set")
	}
	return keys, nil
}

type receiver struct {
	keys [][]byte

	mu         sync.Mutex
	young, old map[string]bool   // ids that were handled
	last       map[string]uint64 // the highest seq of each stream and epoch
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	// The signature is over the bytes as they came: read first, parse later.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "too large, or cut off", http.StatusRequestEntityTooLarge)
		return
	}
	if err := verify(rc.keys, r.Header, body, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	events, err := unpack(body)
	if err != nil {
		http.Error(w, "not a PostBack", http.StatusBadRequest)
		return
	}
	if err := rc.take(r.Header, events); err != nil {
		http.Error(w, "try again", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// verify checks a Standard Webhooks signature: one of those in the header must be
// made with one of the keys, and not long ago.
func verify(keys [][]byte, h http.Header, body []byte, now time.Time) error {
	id, at := h.Get("webhook-id"), h.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if id == "" || err != nil {
		return errors.New("not signed")
	}
	if off := now.Unix() - seconds; off > int64(tolerance/time.Second) || off < -int64(tolerance/time.Second) {
		return errors.New("signed too long ago, or in the future")
	}
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		want := mac.Sum(nil)
		for signature := range strings.FieldsSeq(h.Get("webhook-signature")) {
			encoded, ok := strings.CutPrefix(signature, "v1,")
			got, err := base64.StdEncoding.DecodeString(encoded)
			if ok && err == nil && hmac.Equal(got, want) { // in constant time
				return nil
			}
		}
	}
	return errors.New("the signature is wrong")
}

// unpack answers the events of a body: one, or all of a bulk.
func unpack(body []byte) (events []json.RawMessage, err error) {
	packed, zipped := bytes.CutPrefix(body, []byte("BULKGZ,"))
	if zipped {
		if packed, err = inflate(packed); err != nil {
			return nil, err
		}
	}
	plain, bulk := bytes.CutPrefix(body, []byte("BULK,"))
	switch {
	case zipped || bulk:
		if bulk {
			packed = plain
		}
		var list [][]byte // encoding/json takes a []byte for base64
		if err := json.Unmarshal(packed, &list); err != nil {
			return nil, err
		}
		for _, b := range list {
			events = append(events, b)
		}
		return events, nil
	case bytes.HasPrefix(body, []byte("[")):
		err := json.Unmarshal(body, &events)
		return events, err
	}
	return []json.RawMessage{body}, nil
}

// inflate undoes base64 and zlib, and stops where a small body becomes a huge one.
func inflate(packed []byte) ([]byte, error) {
	z, err := zlib.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(packed)))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxPlain+1))
	if err == nil && len(plain) > maxPlain {
		err = errors.New("too large")
	}
	return plain, err
}

// take handles what was not handled before. The lock keeps two requests with the
// same event apart.
func (rc *receiver) take(h http.Header, events []json.RawMessage) error {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.watch(h)
	for _, raw := range events {
		var ev struct {
			ID    string `json:"id"`
			Type  string `json:"type"`
			Event string `json:"event"` // what WITI calls the type
		}
		if err := json.Unmarshal(raw, &ev); err != nil || ev.ID == "" {
			return errors.New("an event without an id")
		}
		if rc.young[ev.ID] || rc.old[ev.ID] {
			continue
		}
		if err := rc.handle(ev.ID, cmp.Or(ev.Type, ev.Event), raw); err != nil {
			return err // not remembered: it comes again
		}
		if rc.young[ev.ID] = true; len(rc.young) >= remember {
			rc.young, rc.old = map[string]bool{}, rc.young
		}
	}
	return nil
}

// watch notices that something is missing: the event before this one, of those
// meant for us, has not been seen. Repeats and replays have a seq that has.
func (rc *receiver) watch(h http.Header) {
	id := h.Get("webhook-id")
	stream := id[:max(0, strings.LastIndex(id, "/"))] // and epoch: numbers may begin anew in the next
	seq, err := strconv.ParseUint(h.Get("switchhook-seq"), 10, 64)
	prev, err2 := strconv.ParseUint(h.Get("switchhook-prev"), 10, 64)
	last, known := rc.last[stream]
	if err != nil || err2 != nil || seq <= last {
		return
	}
	if known && prev > last {
		say("missing", stream, "after", last, "to", prev)
	}
	rc.last[stream] = seq
}

// handle does the work, quickly: Switchhook waits for the answer. Put the event
// where it is safe, best in one transaction with its id, and work on it later.
func (rc *receiver) handle(id, kind string, _ json.RawMessage) error {
	say("event", id, kind)
	return nil
}

func say(words ...any) { _, _ = fmt.Fprintln(os.Stdout, words...) }
