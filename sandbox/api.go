package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// apiPath is where the control API is.
const apiPath = "/sandbox/v1/"

const (
	maxRequest = 16 << 10
	// maxEnrolRequest holds maxEnrolments, of about 600 bytes each.
	maxEnrolRequest = 1 << 20
	// apiLimit is longer than a pairing takes in the worst case.
	apiLimit = time.Minute
)

type (
	scanRequest struct {
		Code  string `json:"code"`
		Phone string `json:"phone,omitempty"`
	}
	typeRequest struct {
		Code  string `json:"code"`
		Phone string `json:"phone"`
	}
	faultRequest struct {
		Phone string    `json:"phone,omitempty"`
		Code  string    `json:"code,omitempty"`
		Kind  FaultKind `json:"kind"`

		NoGap     bool    `json:"no_gap,omitempty"`
		Times     int     `json:"times,omitempty"`
		Later     bool    `json:"later,omitempty"`
		Expire    float64 `json:"expire,omitempty"` // seconds
		BanReason int     `json:"ban_reason,omitempty"`
	}
	enrolRequest struct {
		Companions []Enrolment `json:"companions"`
	}
	versionRequest struct {
		Version string `json:"version"`
	}
	devicesAnswer struct {
		Devices []Device `json:"devices"`
	}
	errorAnswer struct {
		Error string `json:"error"`          // for people
		Code  string `json:"code,omitempty"` // for Client, see errorCodes
	}
)

// options are the options of a fault as they came, with bounds to what makes no
// sense beyond them.
func (r faultRequest) options() FaultOptions {
	const longest = 100 * 365 * 24 * 3600 // seconds
	return FaultOptions{
		NoGap: r.NoGap, Times: r.Times, Later: r.Later, Code: r.BanReason,
		Expire: time.Duration(max(-1, min(r.Expire, longest)) * float64(time.Second)),
	}
}

func faultRequestOf(target Target, kind FaultKind, opts FaultOptions) faultRequest {
	return faultRequest{
		Phone: target.Phone, Code: target.Code, Kind: kind, NoGap: opts.NoGap, Times: opts.Times, Later: opts.Later,
		Expire: opts.Expire.Seconds(), BanReason: opts.Code,
	}
}

// api is [Control] over HTTP, in JSON. Only local programs may use it.
func (n *Network) api() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(apiPath+"info", method(http.MethodGet, func(ctx context.Context, _ *json.Decoder) (any, error) {
		return n.Info(ctx)
	}))
	mux.Handle(apiPath+"devices", method(http.MethodGet, func(ctx context.Context, _ *json.Decoder) (any, error) {
		devices, err := n.Devices(ctx)
		return devicesAnswer{devices}, err
	}))
	mux.Handle(apiPath+"scan", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r scanRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return n.Scan(ctx, r.Phone, r.Code)
	}))
	mux.Handle(apiPath+"fault", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r faultRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return struct{}{}, n.Fault(ctx, Target{Phone: r.Phone, Code: r.Code}, r.Kind, r.options())
	}))
	mux.Handle(apiPath+"type", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r typeRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return n.TypeCode(ctx, r.Phone, r.Code)
	}))
	mux.Handle(apiPath+"enrol", methodUpTo(maxEnrolRequest, http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r enrolRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		if len(r.Companions) > maxEnrolments {
			return nil, fmt.Errorf("%w: more than %d at once", ErrBadEnrolment, maxEnrolments)
		}
		return struct{}{}, n.Enrol(ctx, r.Companions)
	}))
	mux.Handle(apiPath+"minimum-version", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r versionRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return struct{}{}, n.SetMinimumVersion(ctx, r.Version)
	}))
	n.messageAPI(mux)
	n.pictureAPI(mux)
	n.profileAPI(mux)
	mux.HandleFunc(apiPath, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusNotFound, errorAnswer{Error: "no such call"})
	})
	return n.locally(mux)
}

// locally refuses what comes from web pages: they give their origin, and if they
// have had their own name resolved to this machine, that name as the host.
func (n *Network) locally(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || !loopbackHost(r.Host) {
			n.log.Warn("control call refused", "path", r.URL.Path)
			answerJSON(w, http.StatusForbidden, errorAnswer{Error: "only local programs may call, by a loopback address and without an Origin"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost says whether a Host header names this machine and nothing else.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(trimBrackets(host))
	return err == nil && addr.Unmap().IsLoopback()
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}

// method makes a handler out of a call: one verb, a bounded body, a bounded time,
// a JSON answer.
func method(verb string, call func(context.Context, *json.Decoder) (any, error)) http.Handler {
	return methodUpTo(maxRequest, verb, call)
}

// methodUpTo is method for bodies of up to so many bytes.
func methodUpTo(limit int64, verb string, call func(context.Context, *json.Decoder) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != verb {
			w.Header().Set("Allow", verb)
			answerJSON(w, http.StatusMethodNotAllowed, errorAnswer{Error: "use " + verb})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), apiLimit)
		defer cancel()
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
		body.DisallowUnknownFields()
		answer, err := call(ctx, body)
		if err != nil {
			status, refusal := describe(err)
			answerJSON(w, status, refusal)
			return
		}
		answerJSON(w, http.StatusOK, answer)
	})
}

// bodyError is a request's body that cannot be read.
type bodyError struct{ error }

func (e bodyError) Unwrap() error { return e.error }

func readBody(body *json.Decoder, into any) error {
	if err := body.Decode(into); err != nil {
		return bodyError{err}
	}
	if body.More() {
		return bodyError{errors.New("more than one value")}
	}
	return nil
}

// describe is an error as a caller gets it.
func describe(err error) (int, errorAnswer) {
	var bad bodyError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, errorAnswer{Error: "body is too large"}
	case errors.As(err, &bad):
		return http.StatusBadRequest, errorAnswer{Error: "read body: " + bad.Error()}
	}
	for _, known := range errorCodes {
		if errors.Is(err, known.is) {
			return known.status, errorAnswer{Error: err.Error(), Code: known.code}
		}
	}
	return http.StatusInternalServerError, errorAnswer{Error: "internal error"}
}

func answerJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) //nolint:errcheck,errchkjson // the caller has gone
}
