package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"runtime"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/api/qrcode"
)

// imageSide is how many pixels the picture of a link has on a side, at least.
const imageSide = 1024

// drawing bounds how many pictures are drawn at a time. Drawing keeps a core busy, so
// that more at a time would only take more memory: with it, a thousand requests hold
// little but the pictures themselves, 6 kB each. They are not kept: to draw one takes a
// millisecond.
type drawing chan struct{}

func newDrawing() drawing { return make(drawing, runtime.GOMAXPROCS(0)) }

// draw answers the picture of a link, and its media type.
func (d drawing) draw(url, image string) (file []byte, kind string, err error) {
	d <- struct{}{}
	defer func() { <-d }()
	symbol, err := qrcode.ForPrint(url)
	switch {
	case err != nil:
		return nil, "", err
	case image == "svg":
		return symbol.LargeSVG(imageSide, "QR code: "+url), "image/svg+xml", nil
	}
	return symbol.LargePNG(imageSide), "image/png", nil
}

// serveLinkImage answers with the picture of a link that is in use. Who keeps a copy
// asks each time whether it still is.
func (a *API) serveLinkImage(w http.ResponseWriter, r *http.Request, l link) {
	file, kind, err := a.drawing.draw(a.cfg.linkURL(r, l.token), l.image)
	switch {
	case err != nil && a.cfg.PublicURL == "":
		reply.JSON(w, http.StatusBadRequest, reply.Error{Error: "the link's address does not fit into a QR code: the Host header is too long"})
		return
	case err != nil:
		a.cfg.Log.Error("picture of a message link could not be drawn: public_url is too long", "err", err)
		reply.JSON(w, http.StatusInternalServerError, reply.Error{Error: "internal error"})
		return
	}
	sum := sha256.Sum256(file)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", downloadPolicy)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages of whoever was given the address show it
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}
