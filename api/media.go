package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
)

// mediaPath is where pictures are served, by their tokens.
const mediaPath = "/media/"

// pictureAge is how long others may keep a picture without asking again. What a
// token leads to never changes, but it may be taken away.
const pictureAge = 24 * time.Hour

// mediaURL is the address that a picture's token is served at: below public_url or,
// where that is not set, below the host that a client has found us by. The token is
// all it takes to see the picture.
func (c Config) mediaURL(r *http.Request, token string) string {
	return c.reachedBy(r) + mediaPath + token
}

// reachedBy is what others reach us by. A proxy that ends TLS is not known of: it
// takes a public_url.
func (c Config) reachedBy(r *http.Request) string {
	_, local := peerOf(r.Context())
	switch {
	case c.PublicURL != "":
		return strings.TrimRight(c.PublicURL, "/")
	case local || r.Host == "":
		return c.LocalURL
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// servePicture answers with the picture that a token leads to, and with its
// thumbnail below that, or for ?thumb=1. It is for everybody who has the address.
func (a *API) servePicture(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		reply.JSON(w, http.StatusMethodNotAllowed, reply.Error{Error: "use GET or HEAD"})
		return
	}
	segs, ok := segments(r.URL.RawPath, mediaPath)
	small := ok && len(segs) == 2 && segs[1] == "thumb"
	if !ok || len(segs) > 1 && !small {
		notFound(w, r)
		return
	}
	small = small || r.URL.Query().Get("thumb") == "1"
	s, err := a.cfg.Instances.OpenPicture(r.Context(), segs[0], small)
	switch {
	case errors.Is(err, ErrNoPicture):
		notFound(w, r)
		return
	case err != nil:
		a.cfg.Log.Error("picture could not be served", "err", err)
		reply.JSON(w, http.StatusInternalServerError, reply.Error{Error: "internal error"})
		return
	}
	defer s.Content.Close()
	h := w.Header()
	h.Set("Content-Type", harmless(s.MIME))
	h.Set("Content-Security-Policy", downloadPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of whoever was given the address show it
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(pictureAge/time.Second))+", immutable")
	h.Set("ETag", `"`+s.Folder+"-"+s.Name+`"`)
	http.ServeContent(&patient{w, http.NewResponseController(w)}, r, "", s.ModifiedAt, s.Content)
}
