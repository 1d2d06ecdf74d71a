package webhook

import (
	"bufio"
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	maxAnswerHead = 64 << 10 // bytes of an answer's status and headers
	maxInterim    = 8        // answers such as 103 before the one that counts
	inlineBody    = 16 << 10 // a body up to this long leaves with its head, in one write

	lastWrite = 50 * time.Millisecond // for a long body's last bytes, once it is answered
	lastWord  = 50 * time.Millisecond // for what TLS says between requests, and at the end
	readNow   = time.Millisecond      // to read what has come already
)

// conn is a connection that speaks HTTP/1.1. One try after the other owns it: its
// own goroutine writes the request and reads the answer, where net/http has two
// more for each connection, which costs a PostBack more than the PostBack itself.
type conn struct {
	net.Conn

	origin string
	watch  *watch
	in     *bufio.Reader
	room   io.LimitedReader // between the two: what may still come
	cut    func()           // has whatever is under way fail
	stop   func() bool      // of the watch over a try's context
	rest   chan error       // of a long body, when all of it is written; nil without one

	since time.Time     // when it became idle
	place *list.Element // among those that are
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

func newConn(c net.Conn, origin string) *conn {
	out := &conn{Conn: c, origin: origin, watch: newWatch(c)}
	out.room.R, out.room.N = c, maxAnswerHead
	out.in = bufio.NewReader(&out.room)
	out.cut = func() { _ = c.SetDeadline(past) }
	return out
}

// Close closes the connection. TLS says so to the receiver first, and would wait five
// seconds for one that takes nothing any more.
func (c *conn) Close() error {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return c.Conn.Close()
	}
	enough := time.AfterFunc(lastWord, func() { _ = secure.NetConn().Close() })
	defer enough.Stop()
	return secure.Close()
}

// quiet reports whether everything that has been read from an idle connection was part
// of an answer. One record of TLS may have brought another.
func (c *conn) quiet() bool { return c.in.Buffered() == 0 && (!c.secure() || c.quietBy(past)) }

// quietBy reads until then, and reports whether nothing has come. Beneath TLS bytes may
// wait that are no answer, such as a session ticket, or want one of TLS itself: a
// receiver may ask for new keys.
func (c *conn) quietBy(until time.Time) bool {
	if !c.secure() || c.SetReadDeadline(until) != nil || c.SetWriteDeadline(time.Now().Add(lastWord)) != nil {
		return false
	}
	_, err := c.in.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (c *conn) secure() bool {
	_, ok := c.Conn.(*tls.Conn)
	return ok
}

// exchange sends the request of a try and reads the answer up to its body. The
// connection heeds ctx and the deadline of the try until [conn.ended].
func (c *conn) exchange(ctx context.Context, t *try) (*http.Response, error) {
	if err := c.SetDeadline(t.deadline); err != nil {
		return nil, err
	}
	c.stop = context.AfterFunc(ctx, c.cut)
	unsent := c.send(t)
	// A receiver may have answered before it broke the connection off.
	resp, err := c.receive(t)
	if err != nil && unsent != nil && !t.answered.Load() {
		err = unsent
	}
	return resp, err
}

// heads are buffers for the heads of requests and short bodies.
var heads = sync.Pool{New: func() any { return new([]byte) }}

func (c *conn) send(t *try) error {
	buf := heads.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	defer heads.Put(buf)
	*buf = t.appendHead((*buf)[:0])
	if len(t.body) <= inlineBody {
		*buf = append(*buf, t.body...)
		_, err := c.Write(*buf)
		return err
	}
	if _, err := c.Write(*buf); err != nil {
		return err
	}
	// Beside the reading: a receiver that has seen enough answers before it has
	// taken all, and does not read on.
	rest := make(chan error, 1)
	c.rest = rest
	go func() {
		_, err := c.Write(t.body)
		rest <- err
	}()
	return nil
}

// posted is all that the parser of answers wants to know of the request.
var posted = &http.Request{Method: http.MethodPost}

var errInterim = errors.New("too many answers that settle nothing")

func (c *conn) receive(t *try) (*http.Response, error) {
	c.room.N = maxAnswerHead
	if _, err := c.in.Peek(1); err != nil {
		return nil, err
	}
	t.answered.Store(true)
	for range maxInterim {
		resp, err := http.ReadResponse(c.in, posted)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.room.N = math.MaxInt64
			return resp, nil
		}
		c.room.N = maxAnswerHead
	}
	return nil, errInterim
}

// ended lets go of the try's context and reports whether the connection can carry
// another request, as far as it knows: its answer must have been read to the end.
func (c *conn) ended() bool {
	whole := c.stop == nil || c.stop() // false: it was cut
	c.stop = nil
	if c.rest != nil {
		// Who has answered has taken all of the body, or wants no more of it.
		if until := time.Now().Add(lastWrite); !whole || c.SetWriteDeadline(until) != nil {
			c.cut()
		}
		whole = <-c.rest == nil && whole
		c.rest = nil
	}
	return whole && c.in.Buffered() == 0
}
