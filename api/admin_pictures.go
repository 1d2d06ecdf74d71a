package api

import (
	"io"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/record"
)

// uploadTime is how long a picture's file may take to arrive, in all.
const uploadTime = time.Minute

// OwnPicture is an account's own picture as the admin API shows it. Whoever has the
// addresses sees the picture.
type OwnPicture struct {
	ID       string    `json:"id"` // WhatsApp's number of it
	Bytes    int64     `json:"bytes"`
	At       time.Time `json:"at"`
	URL      string    `json:"url"`
	ThumbURL string    `json:"thumb_url"`
}

func (a *API) pictureRoutes() []route {
	below := func(what string) []string { return []string{"instances", "{id}", what} }
	return []route{
		{http.MethodGet, below(pictureSegment), a.showPicture},
		{http.MethodPost, below(pictureSegment), a.setPicture},
		{http.MethodPost, below("contact"), a.contact},
	}
}

const pictureSegment = "picture"

// isPictureUpload reports whether a clean path is one that takes a picture.
func isPictureUpload(path string) bool {
	segs, ok := segments(path, adminPrefix)
	return ok && len(segs) == 3 && segs[0] == "instances" && segs[2] == pictureSegment
}

// setPicture takes the file as the request's body.
func (a *API) setPicture(c *call) (any, error) {
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Now().Add(uploadTime)) // only a test's writer has none
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + writeTimeout))
	p, err := a.cfg.Instances.SetPicture(c.Context(), c.entry.ID, c.Body)
	if err != nil {
		// Whoever is still sending would take a closed connection for the answer.
		_, _ = io.Copy(io.Discard, c.Body)
		return nil, err
	}
	return created{a.shownPicture(c, p)}, nil
}

func (a *API) showPicture(c *call) (any, error) {
	p, ok, err := a.cfg.Instances.OwnPicture(c.Context(), c.entry.ID)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, ErrNoPicture
	}
	return a.shownPicture(c, p), nil
}

func (a *API) shownPicture(c *call, p record.Picture) OwnPicture {
	url := a.cfg.mediaURL(c.Request, p.Token)
	return OwnPicture{ID: p.ID, Bytes: p.Bytes, At: p.At, URL: url, ThumbURL: url + "/thumb"}
}

// contact answers who somebody is. The number is in the body, because proxies log
// what is in the address.
func (a *API) contact(c *call) (any, error) {
	var body struct {
		JID string `json:"jid"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.cfg.Instances.Contact(c.Context(), c.entry.ID, body.JID)
}
