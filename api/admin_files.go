package api

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/instance"
)

// What a body with a file may take: so long for a piece of it, and so long in all.
const (
	pieceTimeout = 30 * time.Second
	bodyTimeout  = 10 * time.Minute
)

// uploadTimeout is how long a file may be on its way to WhatsApp, until the answer is
// out: the instance gives up after 2 min 15 s.
const uploadTimeout = 135*time.Second + writeTimeout

// OutgoingFile is what is said of a file to send. Only To is needed; without an ID one
// is made up.
type OutgoingFile struct {
	To      string // digits, or a JID
	Name    string // what the recipient sees it called
	MIME    string // found out if it is not given
	Caption string
	ID      string
}

// Query is how the admin API is told so.
func (o OutgoingFile) Query() url.Values {
	q := url.Values{"to": {o.To}}
	for key, value := range map[string]string{"name": o.Name, "mime": o.MIME, "caption": o.Caption, "id": o.ID} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}

// sendFile sends the body as a file. What is said of it stands in the query.
func (a *API) sendFile(c *call) (any, error) {
	if c.ContentLength > instance.MaxFile {
		return nil, &http.MaxBytesError{Limit: instance.MaxFile} // before it is sent, where the caller waits to be told
	}
	control := http.NewResponseController(c.w)
	_ = control.SetWriteDeadline(time.Now().Add(bodyTimeout + uploadTimeout)) // only a test's writer has none
	body := &pieced{r: c.Body, control: control, last: time.Now().Add(bodyTimeout)}
	q := c.URL.Query()
	m, err := a.cfg.Instances.SendFile(c.Context(), c.entry.ID, instance.File{
		ID: q.Get("id"), To: q.Get("to"), Name: q.Get("name"), MIME: q.Get("mime"), Caption: q.Get("caption"),
	}, body)
	if err != nil {
		body.finish()
		return nil, err
	}
	return created{m}, nil
}

// pieced reads a body whose every piece must come in time. One goroutine reads it.
type pieced struct {
	r       io.Reader
	control *http.ResponseController
	last    time.Time
	begun   bool
	err     error // the first one, and the last: behind it the server has its own deadlines
}

func (p *pieced) Read(b []byte) (n int, err error) {
	if p.err != nil {
		return 0, p.err
	}
	p.begun = true
	until := time.Now().Add(pieceTimeout)
	if until.After(p.last) {
		until = p.last
	}
	_ = p.control.SetReadDeadline(until) // only a test's has none
	n, p.err = p.r.Read(b)
	return n, p.err
}

// finish reads what is left of a body that somebody has begun to send: whoever is still
// sending would take a closed connection for the answer.
func (p *pieced) finish() {
	if p.begun {
		_, _ = io.Copy(io.Discard, p)
	}
}
