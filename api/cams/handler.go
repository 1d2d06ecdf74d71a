package cams

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/api/internal/rates"
	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Config is what a [Handler] is made from.
type Config struct {
	Port Port

	// LinkURL is the link of a message QR code with a token, and ImageURL the address of
	// the link's picture, "PNG" or "SVG".
	LinkURL  func(r *http.Request, token string) string
	ImageURL func(r *http.Request, token, image string) string

	Log *slog.Logger
	Now func() time.Time
}

// Handler answers the operations, at whatever path it is asked. It expects bodies to be
// bounded by http.MaxBytesReader.
type Handler struct {
	cfg   Config
	rates rates.Buckets[rateKey]
}

// rateKey is what has a rate of its own: an operation of an access key.
type rateKey struct{ key, action string }

// New makes a handler.
func New(cfg Config) *Handler { return &Handler{cfg: cfg} }

// answer is the form of every success.
type answer struct {
	RequestID string `json:"RequestId"`
	Code      string `json:"Code"`
	Message   string `json:"Message"`
	Data      any    `json:"Data,omitempty"`
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.ToUpper(uuid.NewString())
	data, err := h.answer(r)
	if err == nil {
		reply.JSON(w, http.StatusOK, answer{RequestID: id, Code: "OK", Message: "None", Data: data})
		return
	}
	f, known := explain(err)
	if known {
		h.cfg.Log.Debug("call refused", "request_id", id, "code", f.code, "reason", f.why)
	} else {
		h.cfg.Log.Error("call failed", "request_id", id, "err", err)
	}
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	if f.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, POST")
	}
	reply.JSON(w, f.status, envelope{
		RequestID: id, HostID: r.Host, Code: f.code, Message: f.message, Recommend: recommend, Denied: f.denied,
	})
}

// answer checks a call, in the order that the package comment gives, and runs it.
func (h *Handler) answer(r *http.Request) (any, error) {
	c, err := read(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	p, err := verify(c, h.cfg.Now(), func(id string) (record.Tenant, record.AccessKey, error) {
		return h.cfg.Port.AccessKey(ctx, id)
	})
	if err != nil {
		return nil, err
	}
	err = h.cfg.Port.UseNonce(ctx, p.key.ID, p.nonce, p.at.Add(window+margin))
	switch {
	case errors.Is(err, instance.ErrBusy):
		return nil, throttled(time.Second)
	case err != nil:
		return nil, err
	}
	op, err := h.permit(p)
	if err != nil {
		return nil, err
	}
	if space := p.params["CustSpaceId"]; space != "" && space != p.tenant.SpaceID {
		return nil, errNotOwned
	}
	return op.run(&request{Config: h.cfg, ctx: ctx, http: r, tenant: p.tenant.ID, params: p.params})
}

// margin is how much longer than its time stamp is accepted a nonce is remembered: a call
// that is slow between the two finds it all the same.
const margin = time.Minute

// read takes a request apart.
func read(r *http.Request) (*call, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, errVerb
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f := invalid("Body")
		f.why = "the body is too large, or broke off"
		return nil, f
	}
	return &call{method: r.Method, host: r.Host, query: r.URL.RawQuery, header: r.Header, body: body}, nil
}

// permit answers the operation that a call asks for, once the key may do it, its rate
// allows it and its parameters are right.
func (h *Handler) permit(p *proof) (*operation, error) {
	op, ok := operations[p.action]
	permission := "cams:" + p.action
	switch {
	case p.action == "":
		return nil, missing("Action")
	case p.version == "":
		return nil, missing("Version")
	case !ok:
		return nil, errUnknownAction
	case p.version != version:
		return nil, invalid("Version")
	case p.key.Denied(permission):
		return nil, permissionDenied(permission, p.key.ID)
	case p.tenant.Unsubscribed:
		return nil, errUnsubscribed
	}
	if wait := h.rates.Take(rateKey{p.key.ID, p.action}, ratePerSecond, h.cfg.Now()); wait > 0 {
		return nil, throttled(wait)
	}
	return &op, op.check(p.params)
}
