package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// receiver is somebody's system with a webhook. It verifies each PostBack on
// its own terms: nothing here is shared with the sender.
type receiver struct {
	ledger *ledger
	secret atomic.Pointer[[]byte]
	srv    *http.Server
	l      net.Listener
}

func newReceiver(ctx context.Context, l *ledger) (*receiver, error) {
	var lc net.ListenConfig
	lis, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{ledger: l, l: lis}
	r.srv = &http.Server{Handler: r, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	return r, nil
}

func (r *receiver) url() string { return "http://" + r.l.Addr().String() + "/hook" }

// Run serves until ctx ends.
func (r *receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.srv.Close() })
	defer stop()
	if err := r.srv.Serve(r.l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// trust tells the receiver the instance's secret, as an integrator would
// configure it.
func (r *receiver) trust(secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	r.secret.Store(&key)
	return nil
}

// ServeHTTP takes one PostBack.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if !json.Valid(body) {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	seq, _ := strconv.ParseUint(req.Header.Get("switchhook-seq"), 10, 64)
	prev, _ := strconv.ParseUint(req.Header.Get("switchhook-prev"), 10, 64)
	r.ledger.note(postBack, arrival{seq: seq, prev: prev, signed: r.verify(req.Header, body), at: time.Now()}, nil)
	w.WriteHeader(http.StatusNoContent)
}

// verify checks a Standard Webhooks signature: base64 of the HMAC-SHA256 of
// id.timestamp.body, and a timestamp of these five minutes.
func (r *receiver) verify(h http.Header, body []byte) bool {
	key := r.secret.Load()
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if key == nil || err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, *key)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "."))
	mac.Write(body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for got := range strings.FieldsSeq(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), want) {
			return true
		}
	}
	return false
}
