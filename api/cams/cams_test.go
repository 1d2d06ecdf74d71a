package cams_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the world's tenant has.
const (
	keyID   = "LTAI5tWorldKey000001"
	secret  = "s3cretOfTheWorldsFirstKey00001"
	number  = "8615800000000"
	spaceID = "cams-world1"
	oldCode = "D9II3000000001" // of number
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a daemon with one tenant, in memory. It remembers what it was asked.
type world struct {
	mu       sync.Mutex
	tenant   record.Tenant
	codes    []record.QRDL
	nonces   map[string]time.Time // until when
	amnesia  bool                 // nonces are not remembered
	nonceErr error
	err      error // of the operations
	keyErr   error
	now      time.Time
	log      *slog.Logger
}

func newWorld() *world {
	return &world{
		tenant: record.Tenant{
			ID: "t1", Name: "default", SpaceID: spaceID, Numbers: []string{number},
			Keys: []record.AccessKey{{ID: keyID, Secret: secret}},
		},
		codes: []record.QRDL{{
			Tenant: "t1", Code: oldCode, Number: number, Message: "Hello", Image: "PNG", Revision: 1, Token: "token1",
		}},
		nonces: make(map[string]time.Time), now: noon, log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) handler() http.Handler {
	return cams.New(cams.Config{
		Port:    w,
		LinkURL: func(r *http.Request, token string) string { return "http://" + r.Host + "/m/" + token },
		ImageURL: func(r *http.Request, token, image string) string {
			return "http://" + r.Host + "/m/" + token + "." + image
		},
		Log: w.log,
		Now: func() time.Time { return w.now },
	})
}

func (w *world) AccessKey(_ context.Context, id string) (record.Tenant, record.AccessKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := w.tenant.Key(id)
	switch {
	case w.keyErr != nil:
		return record.Tenant{}, record.AccessKey{}, w.keyErr
	case key == nil:
		return record.Tenant{}, record.AccessKey{}, cams.ErrNoKey
	}
	return w.tenant.Clone(), *key, nil
}

func (w *world) UseNonce(_ context.Context, key, nonce string, until time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nonceErr != nil || w.amnesia {
		return w.nonceErr
	}
	if _, used := w.nonces[key+"/"+nonce]; used {
		return fmt.Errorf("use nonce: %w", cams.ErrNonceUsed)
	}
	w.nonces[key+"/"+nonce] = until
	return nil
}

// owned finds a code of a number. w.mu is held.
func (w *world) owned(tenant, number, code string) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case tenant != w.tenant.ID || !slices.Contains(w.tenant.Numbers, number):
		return 0, fmt.Errorf("tenant %s: %w", tenant, cams.ErrNotOwned)
	}
	i := slices.IndexFunc(w.codes, func(q record.QRDL) bool { return q.Number == number && q.Code == code })
	if i < 0 {
		return 0, fmt.Errorf("tenant %s: %w", tenant, cams.ErrNoQRDL)
	}
	return i, nil
}

func (w *world) CreateQRDL(_ context.Context, tenant, number string, c cams.Content) (record.QRDL, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.owned(tenant, number, oldCode); err != nil {
		return record.QRDL{}, err
	}
	n := len(w.codes) + 1
	q := record.QRDL{
		Tenant: tenant, Code: fmt.Sprintf("D9II3%09d", n), Number: number, Message: c.Message, Image: c.Image,
		Revision: 1, Token: fmt.Sprintf("token%d", n), CreatedAt: w.now, UpdatedAt: w.now,
	}
	w.codes = append([]record.QRDL{q}, w.codes...)
	return q, nil
}

func (w *world) UpdateQRDL(_ context.Context, tenant, number, code string, c cams.Content) (record.QRDL, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.owned(tenant, number, code)
	if err != nil {
		return record.QRDL{}, err
	}
	w.codes[i] = w.codes[i].Next(c.Message, c.Image, w.codes[i].Token+"b", w.now)
	return w.codes[i], nil
}

func (w *world) ListQRDL(_ context.Context, tenant, number string) ([]record.QRDL, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.owned(tenant, number, oldCode); err != nil && len(w.codes) > 0 {
		return nil, err
	}
	return slices.Clone(w.codes), nil
}

func (w *world) DeleteQRDL(_ context.Context, tenant, number, code string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, err := w.owned(tenant, number, code)
	if err == nil {
		w.codes = slices.Delete(w.codes, i, i+1)
	}
	return err
}

// got is an answer, taken apart.
type got struct {
	status    int
	head      http.Header
	RequestID string `json:"RequestId"`
	HostID    string `json:"HostId"`
	Code      string
	Message   string
	Recommend string
	Data      json.RawMessage
}

// code is a message QR code as it is answered.
type code struct {
	PhoneNumber, QrdlCode, GenerateQrImage, PrefilledMessage string

	DeepLinkURL string `json:"DeepLinkUrl"`
	QrImageURL  string `json:"QrImageUrl"`
}

// play plays a request. The answer is JSON whatever it is.
func play(t testing.TB, h http.Handler, r *http.Request) got {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := got{status: w.Code, head: w.Header()}
	dec := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	if err := dec.Decode(&out); err != nil || dec.More() {
		t.Errorf("%v: %s", err, w.Body)
	}
	if (out.Code == "OK") != (w.Code == http.StatusOK) || out.RequestID == "" || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %s: %s", w.Code, w.Header(), w.Body)
	}
	return out
}

// masked writes zeros for the RequestId of each answer, once it has the form of one.
type masked struct{ http.Handler }

func (m masked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	m.Handler.ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	if found := requestID.FindSubmatchIndex(body); found != nil {
		body = slices.Concat(body[:found[2]], []byte("00000000-0000-0000-0000-000000000000"), body[found[3]:])
	}
	for name, values := range rec.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(body)
}

// again plays a request five times before.
type again struct{ http.Handler }

func (a again) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	for range 5 {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		a.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	a.Handler.ServeHTTP(w, r)
}
