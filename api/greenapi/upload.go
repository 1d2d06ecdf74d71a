package greenapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"
)

// The bounds of a multipart body, beside its files.
const (
	maxAround = 1 << 20   // everything around the file
	maxHead   = 64 << 10  // the headers of one part
	maxField  = 256 << 10 // the text of one part
	maxParts  = 64

	stall = 30 * time.Second // the longest wait for a piece of a body
)

// form walks through a multipart body without holding it: a part is read, or passed
// over, before the next.
type form struct {
	body   *patient
	reader *multipart.Reader
	parts  int
	end    []byte // the last boundary
}

// form begins a multipart body that may take so long in all. Whoever sends nothing of
// it for a while is cut off before.
func (r *request) form(within time.Duration) (*form, error) {
	if err := r.tooLarge(); err != nil {
		return nil, err
	}
	body := &patient{
		from: r.http.Body, control: http.NewResponseController(r.w), until: time.Now().Add(within), left: -1,
	}
	r.http.Body = body
	r.within(within + answerTime)
	reader, err := r.http.MultipartReader()
	if err != nil {
		return nil, errBadData
	}
	_, params, err := mime.ParseMediaType(r.http.Header.Get("Content-Type"))
	if err != nil {
		return nil, errBadData
	}
	return &form{body: body, reader: reader, end: []byte("--" + params["boundary"] + "--")}, nil
}

// next answers the next part, or io.EOF behind the last: only where the form says that
// it ends. One that was cut off between two parts is broken.
func (f *form) next() (*multipart.Part, error) {
	if f.parts++; f.parts > maxParts {
		return nil, errBadData
	}
	f.body.left = maxHead
	p, err := f.reader.NextPart()
	f.body.left = -1
	if errors.Is(err, io.EOF) {
		if (f.body.err == nil || errors.Is(f.body.err, io.EOF)) && bytes.Contains(f.body.tail, f.end) {
			return nil, io.EOF
		}
		return nil, errBadData
	}
	return p, f.broken(err)
}

// broken is an error of reading the form, as the caller is told of it. What the body
// itself failed with says more than what a parser makes of it.
func (f *form) broken(err error) error {
	if err == nil {
		return nil
	}
	if large := (*http.MaxBytesError)(nil); errors.As(f.body.err, &large) {
		return large
	}
	return brokenOff(err)
}

// pass reads a part to its end, so that the next part's headers come next.
func (f *form) pass(p *multipart.Part) error {
	_, err := io.Copy(io.Discard, p)
	return f.broken(err)
}

// text reads a part that is a field.
func (f *form) text(p *multipart.Part) (string, error) {
	text, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err != nil {
		return "", f.broken(err)
	}
	if len(text) > maxField {
		return "", invalid(p.FormName(), "is too long")
	}
	return string(text), nil
}

// patient is a body that gives its sender time for each piece, and so much in all.
type patient struct {
	from    io.ReadCloser
	control *http.ResponseController
	until   time.Time
	set     time.Time // when the deadline was set last
	left    int       // how much may be read until somebody says otherwise; -1: all
	err     error     // that reading ended with
	tail    []byte    // what was read last: more than the parser of the form reads ahead
}

// maxTail is how much of a body is remembered at most; half of it always is.
const maxTail = 16 << 10

// errHead ends a part whose headers do not.
var errHead = errors.New("the headers of a part are too long")

func (p *patient) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, errHead
	}
	if now := time.Now(); now.Sub(p.set) >= time.Second {
		p.set = now
		at := now.Add(stall)
		if p.until.Before(at) {
			at = p.until
		}
		_ = p.control.SetReadDeadline(at) // a writer that knows none is a test's
	}
	if p.left > 0 && len(b) > p.left {
		b = b[:p.left]
	}
	n, err := p.from.Read(b)
	if p.left > 0 {
		p.left -= n
	}
	p.remember(b[:n])
	if err != nil {
		p.err = err
	}
	return n, err
}

func (p *patient) remember(b []byte) {
	if len(p.tail)+len(b) > maxTail {
		keep := p.tail[max(0, len(p.tail)-maxTail/2):]
		p.tail = p.tail[:copy(p.tail, keep)]
	}
	p.tail = append(p.tail, b[max(0, len(b)-maxTail/2):]...)
}

func (p *patient) Close() error { return p.from.Close() }

// content is the file in a part: so many bytes at most, and it remembers how reading
// it went, whatever its reader makes of that.
type content struct {
	form *form
	part io.Reader
	left int64
	most int64
	err  error // what reading failed with; nil at the end
	done bool  // all of it was read
}

func (f *form) content(p io.Reader, most int64) *content {
	return &content{form: f, part: p, left: most, most: most}
}

func (c *content) Read(b []byte) (int, error) {
	switch {
	case c.err != nil:
		return 0, c.err
	case len(b) == 0:
		return 0, nil
	case int64(len(b)) > c.left+1:
		b = b[:c.left+1]
	}
	n, err := c.part.Read(b)
	if int64(n) > c.left {
		n, err = int(c.left), &http.MaxBytesError{Limit: c.most}
	}
	c.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF):
		c.done = true
		return n, io.EOF
	case err != nil:
		c.err = c.form.broken(err)
		return n, c.err
	}
	return n, nil
}
