package greenapi

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/api/internal/rates"
	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/record"
)

// Config is what a [Handler] is made from.
type Config struct {
	Instances Instances

	// MediaURL is the address that serves the picture with a token.
	MediaURL func(r *http.Request, token string) string

	Stop context.Context // ends long polls and sockets when it ends; nil: never
	Log  *slog.Logger
	Now  func() time.Time
}

// Handler answers the methods. It expects a clean path, and bodies that are bounded to
// [MaxBody] by http.MaxBytesReader.
type Handler struct {
	cfg      Config
	gate     gate
	rates    rates.Buckets[rateKey]
	pictures pace  // of setProfilePicture
	polls    slots // of receiveNotification
	uploads  slots // of sendFileByUpload
	scans    scans
}

// rateKey is what has a rate of its own: a method of an instance.
type rateKey struct {
	instance int64
	method   string
}

// New makes a handler.
func New(cfg Config) *Handler {
	if cfg.Stop == nil {
		cfg.Stop = context.Background()
	}
	return &Handler{
		cfg:      cfg,
		gate:     newGate(cfg.Instances),
		pictures: pace{every: picturePace},
		polls:    slots{most: maxPolls, each: maxPollsEach},
		uploads:  slots{most: maxUploads, each: maxUploadsEach},
	}
}

// request is one request under way, of an instance that exists.
type request struct {
	*Handler
	w     http.ResponseWriter
	http  *http.Request
	ctx   context.Context
	green record.GreenAPI
	id    string   // the instance's own
	rest  []string // of the path
	limit int64    // the most bytes of the body
	turn  *turn    // nil but for setProfilePicture
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	to := parsePath(path)
	name := "unknown" // what the path says is not logged
	answer, err := func() (any, error) {
		green, err := h.gate.admit(r.Context(), to)
		if err != nil {
			return nil, err
		}
		m := to.asks()
		if m == nil || m.verb != r.Method {
			return nil, &failure{status: http.StatusNotFound, message: "Cannot " + r.Method + " " + path}
		}
		name = m.name
		return h.run(&request{Handler: h, w: w, http: r, ctx: r.Context(), green: green, id: green.Instance, rest: to.rest, limit: m.limit()}, m)
	}()
	if _, done := answer.(answered); done {
		return
	}
	if err == nil {
		reply.JSON(w, http.StatusOK, answer)
		return
	}
	f, known := explain(err)
	if !known {
		h.cfg.Log.Error("method failed", "method", name, "id_instance", to.id, "err", err)
	}
	h.refuse(w, path, f)
}

// run keeps the rate of a method and runs it.
func (h *Handler) run(r *request, m *method) (any, error) {
	now := h.cfg.Now()
	if m.paced {
		turn, wait := h.pictures.enter(r.green.ID, now)
		if turn == nil {
			return nil, tooMany(wait)
		}
		r.turn = turn
		defer func() { h.pictures.leave(r.green.ID, turn, h.cfg.Now()) }()
	} else if wait := h.rates.Take(rateKey{r.green.ID, m.name}, m.rate, now); wait > 0 {
		return nil, tooMany(wait)
	}
	return m.run(r)
}

// asks answers what a path asks for, nil where there is no such method.
func (to target) asks() *method {
	m := methods[to.method]
	if m == nil || len(to.rest) > m.rest {
		return nil
	}
	return m
}

// tooLarge refuses a body that says itself that it is too large, before any of it is
// read.
func (r *request) tooLarge() error {
	if r.http.ContentLength > r.limit {
		return &http.MaxBytesError{Limit: r.limit}
	}
	return nil
}

// answered is an answer that its method has written itself.
type answered struct{}

// within lets a request be answered for longer than the server allows others.
func (r *request) within(d time.Duration) {
	_ = http.NewResponseController(r.w).SetWriteDeadline(time.Now().Add(d)) // a writer that knows none is a test's
}

// refuse writes an error.
func (h *Handler) refuse(w http.ResponseWriter, path string, f *failure) {
	if f.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
	}
	reply.JSON(w, f.status, envelope{
		Status: f.status, At: h.cfg.Now().UTC().Format(timestamp), Path: path, Message: f.message,
	})
}
