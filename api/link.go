package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/internal/linkpage"
	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// tokenLength is how many of a-z and 2-7 the token of a link has.
const tokenLength = 24

// retryLink is how many seconds who could not be answered should wait.
const retryLink = "60"

// link is what a path below linkPath asks for.
type link struct {
	token string
	image string // "png" or "svg"; empty: the link itself
}

// parseLink reads a decoded path. ok is false for one that no link or image has.
func parseLink(path string) (l link, ok bool) {
	rest, ok := strings.CutPrefix(path, linkPath)
	token, image, dot := strings.Cut(rest, ".")
	if !ok || len(token) != tokenLength || dot && image != "png" && image != "svg" {
		return link{}, false
	}
	for i := range len(token) {
		if c := token[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return link{}, false
		}
	}
	return link{token: token, image: image}, true
}

// serveLink sends who follows the link of a message QR code to WhatsApp, and serves the
// pictures of the link. It is for everybody who has the address.
func (a *API) serveLink(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address is nobody's business
	h.Set("X-Robots-Tag", "noindex")
	l, ok := parseLink(r.URL.Path)
	if !ok {
		a.refuseLink(w, r, l, cams.ErrNoQRDL)
		return
	}
	q, err := a.findLink(r, l)
	switch {
	case err != nil:
		a.refuseLink(w, r, l, err)
	case l.image != "":
		a.serveLinkImage(w, r, l)
	default:
		h.Set("Content-Security-Policy", linkpage.Policy())
		http.Redirect(w, r, chatURL(q.Number, q.Message), http.StatusFound)
	}
}

// findLink answers what a link leads to, and counts it as a scan if a person follows it.
func (a *API) findLink(r *http.Request, l link) (record.QRDL, error) {
	if l.image != "" || r.Method == http.MethodHead || isPrefetch(r.Header) {
		return a.cfg.Tenants.FindQRDL(r.Context(), l.token)
	}
	return a.cfg.Tenants.ScanQRDL(r.Context(), l.token)
}

// isPrefetch reports whether a browser asks for a page in case somebody opens it.
func isPrefetch(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, v := range h.Values(name) {
			v = strings.ToLower(v)
			if strings.Contains(v, "prefetch") || strings.Contains(v, "preview") {
				return true
			}
		}
	}
	return false
}

// chatURL is where WhatsApp opens a chat with a number, the message typed already. In
// it only unreserved characters stand for themselves (RFC 3986): a plus would be a plus
// for some and a space for others.
func chatURL(number, message string) string {
	return "https://wa.me/" + url.PathEscape(number) + "?text=" + strings.ReplaceAll(url.QueryEscape(message), "+", "%20")
}

// refuseLink says that there is nothing at a link: as a page to browsers, as JSON to
// programs that ask for it, and in place of an image as a line of text.
func (a *API) refuseLink(w http.ResponseWriter, r *http.Request, l link, err error) {
	h := w.Header()
	why, status, message := linkpage.Unavailable, http.StatusServiceUnavailable, "the service cannot answer now: try again in a minute"
	switch {
	case errors.Is(err, ErrQRDLGone):
		why, status, message = linkpage.Gone, http.StatusGone, ErrQRDLGone.Error()
	case errors.Is(err, cams.ErrNoQRDL):
		why, status, message = linkpage.Unknown, http.StatusNotFound, cams.ErrNoQRDL.Error()
	default:
		a.logLink(r.Context(), l, err)
		h.Set("Retry-After", retryLink)
	}
	h.Set("Vary", "Accept, Accept-Language")
	html := wants(r, "text/html")
	if !html && wants(r, "application/json") {
		reply.JSON(w, status, reply.Error{Error: message})
		return
	}
	page := linkpage.Choose(why, r.Header.Values("Accept-Language"))
	kind, body := "text/html; charset=utf-8", page.HTML
	if l.image != "" && !html {
		kind, body = "text/plain; charset=utf-8", []byte(page.Title+"\n"+page.Text+"\n")
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Language", page.Lang)
	h.Set("Content-Security-Policy", linkpage.Policy())
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // chosen by what the visitor sent, not made of it; who has gone is not told
}

// logLink tells an error that nobody has told yet. The token stays out of the log
// whatever the error says.
func (a *API) logLink(ctx context.Context, l link, err error) {
	for _, known := range []error{instance.ErrUnavailable, instance.ErrStopping, instance.ErrBusy} {
		if errors.Is(err, known) {
			return
		}
	}
	if ctx.Err() != nil {
		return // the visitor has gone
	}
	a.cfg.Log.Error("message link could not be answered", "err", strings.ReplaceAll(err.Error(), l.token, "…"))
}
