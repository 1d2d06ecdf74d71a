package api

import (
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
)

// maxBody bounds a request's body, where nobody says otherwise. Who reads beyond it gets an
// *http.MaxBytesError and answers 413.
const maxBody = 1 << 20

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	out := &recorder{ResponseWriter: w}
	path := cleanPath(r.URL.EscapedPath())
	room, handler := a.route(r, path)

	defer func() {
		v := recover()
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		if v != nil {
			a.cfg.Log.Error("request panicked", "room", room, "panic", v, "stack", string(debug.Stack()))
			if out.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: only a cut tells the client
			}
			reply.JSON(out, http.StatusInternalServerError, reply.Error{Error: "internal error"})
		}
		// Neither path nor query: tokens and wids stand in both.
		a.cfg.Log.Debug("request answered", "room", room, "method", r.Method,
			"status", out.status, "duration", time.Since(began))
	}()

	out.Header().Set("X-Content-Type-Options", "nosniff")
	handler.ServeHTTP(out, prepared(w, r, path, a.bodyLimit(path)))
}

// route says who answers the clean path, and which room that is.
func (a *API) route(r *http.Request, path string) (room string, h http.Handler) {
	switch {
	case path == "/healthz":
		return "health", http.HandlerFunc(a.healthz)
	case path == "/readyz":
		return "health", http.HandlerFunc(a.readyz)
	case path == schemasPath || strings.HasPrefix(path, schemasPath+"/"):
		return "schemas", http.HandlerFunc(a.schemas)
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		return "admin", http.HandlerFunc(a.serveAdmin)
	case strings.HasPrefix(path, mediaPath):
		return "media", http.HandlerFunc(a.servePicture)
	case a.cfg.Tenants != nil && strings.HasPrefix(path, linkPath):
		return "links", http.HandlerFunc(a.serveLink)
	case path == "/ui" || strings.HasPrefix(path, "/ui/"):
		return "ui", a.page
	case path == "/" && wantsPage(r) && (a.cfg.Tenants == nil || !cams.Asked(r)):
		return "ui", http.RedirectHandler("/ui/", http.StatusFound)
	}
	for _, d := range a.dialects {
		if d.owns(path) {
			return d.name, d.handler
		}
	}
	return "none", http.HandlerFunc(notFound)
}

// bodyLimit is how many bytes the body of a request for a clean path may have.
func (a *API) bodyLimit(path string) int64 {
	switch {
	case path == importPath:
		return MaxImport
	case isPictureUpload(path):
		return MaxPicture + maxBody // more than a picture may have: it says so itself
	case isFiles(path):
		return instance.MaxFile
	}
	for _, d := range a.dialects {
		if d.owns(path) && d.limit != nil {
			return d.limit(path)
		}
	}
	return maxBody
}

// prepared is the request as the rooms get it: a clean path and a bounded body.
func prepared(w http.ResponseWriter, r *http.Request, path string, limit int64) *http.Request {
	out := *r
	u := *r.URL
	u.RawPath = path
	if dec, err := url.PathUnescape(path); err == nil {
		u.Path = dec
	}
	out.URL = &u
	// w is the server's own: told of an overlong body, it closes the connection.
	out.Body = http.MaxBytesReader(w, r.Body, limit)
	return &out
}

// isFiles reports whether the path is where files are posted to.
func isFiles(path string) bool {
	segs, ok := segments(path, adminPrefix)
	return ok && len(segs) == 3 && segs[0] == "instances" && segs[2] == "files"
}

// wantsPage reports whether a browser asks, rather than a client of a dialect.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && wants(r, "text/html")
}

// wants reports whether a request names a media type among those that it accepts.
func wants(r *http.Request, kind string) bool {
	for _, accept := range r.Header.Values("Accept") {
		for named := range strings.SplitSeq(accept, ",") {
			named, _, _ = strings.Cut(named, ";")
			if strings.EqualFold(strings.TrimSpace(named), kind) {
				return true
			}
		}
	}
	return false
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	reply.JSON(w, http.StatusNotFound, reply.Error{Error: "not found"})
}

// recorder remembers the status of an answer, 0 before there is one.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
