package api

import (
	"mime"
	"net/http"
	"strings"
	"time"
)

// download answers a request with a stored file. What is in it comes from a
// stranger: whatever it calls itself, a browser may only save it.
type download struct{ Stored }

// downloadPolicy takes every right from a file that a browser shows after all.
const downloadPolicy = "sandbox; default-src 'none'; frame-ancestors 'none'"

func (d *download) serve(w http.ResponseWriter, r *http.Request) {
	defer d.Content.Close()
	h := w.Header()
	h.Set("Content-Type", harmless(d.MIME))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Name}))
	h.Set("Content-Security-Policy", downloadPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(&patient{w, http.NewResponseController(w)}, r, "", d.ModifiedAt, d.Content)
}

// harmless is the type that a sender gave, if it is one of a picture, a sound, a
// video or a document that nothing is run in.
func harmless(kind string) string {
	media, _, err := mime.ParseMediaType(kind)
	group, _, _ := strings.Cut(media, "/")
	switch {
	case err != nil || media == "image/svg+xml":
	case group == "image", group == "audio", group == "video", media == "application/pdf", media == "text/plain":
		return media
	}
	return "application/octet-stream"
}

// patient gives each piece of an answer its own time, so that a large file may take
// long and a reader that has gone may not.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // only a test's writer has none
	return p.ResponseWriter.Write(b)
}

// writeWithin gives the answer to a call so long in all, from now on.
func (c *call) writeWithin(d time.Duration) {
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(d)) // only a test's writer has none
}
