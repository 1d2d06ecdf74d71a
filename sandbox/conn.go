package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/binary"
)

// How long a connection waits for its client.
const (
	handshakeLimit = 20 * time.Second // the client gives the server as long
	writeLimit     = 10 * time.Second
	// idleLimit is ours: a client asks for a sign of life every 20 to 30 s, so one
	// that is silent for so long has gone without saying so.
	idleLimit = 5 * time.Minute
)

var (
	errSilent = errors.New("client is silent")
	errEnded  = errors.New("connection has ended")
)

// conn is one connection. Its goroutine reads, and is the only one to write the
// fields above mu, before anybody else can find the connection. Any goroutine may
// send, end the connection, or wait for done.
type conn struct {
	network *Network
	ws      *websocket.Conn
	log     *slog.Logger

	ctx      context.Context // ends with the connection
	cancel   context.CancelCauseFunc
	deadline *time.Timer // cancels ctx when the client is silent too long

	frames   *frameReader
	inbound  box
	outbound box
	sending  chan struct{} // room for one: who is in there owns outbound

	login    deviceID  // zero unless a companion has logged in
	unpaired *unpaired // nil unless the client shows codes

	certificates []byte // shown in the handshake
	silentHello  bool   // the handshake is not answered

	ended atomic.Bool   // something has begun to end the connection
	deaf  atomic.Bool   // what the client says is read and dropped
	done  chan struct{} // closed when nothing of the connection is left

	mu    sync.Mutex
	over  bool // below: guarded by mu
	crew  sync.WaitGroup
	asked map[string]func(binary.Node)
	asks  int
	flaws flaws // of the pairing that is to come

	typing    chan<- linkFinish // nil unless a phone waits for the client's answer
	typingRef string
}

// newConn wraps a websocket. The context bounds its life.
func newConn(ctx context.Context, n *Network, ws *websocket.Conn, log *slog.Logger) *conn {
	ws.SetReadLimit(maxFrame + frameHeader + int64(len(preamble)))
	ctx, cancel := context.WithCancelCause(ctx)
	return &conn{
		network: n,
		ws:      ws,
		log:     log,
		ctx:     ctx,
		cancel:  cancel,
		frames:  newFrameReader(&messages{ctx: ctx, ws: ws}),
		sending: make(chan struct{}, 1),
		done:    make(chan struct{}),
		asked:   make(map[string]func(binary.Node)),

		certificates: n.certificates,
	}
}

// run serves the connection and returns when it has ended and its goroutines have
// gone. A panic ends the connection and nothing else.
func (c *conn) run() {
	began := time.Now()
	c.network.board.enter(c)
	defer func() {
		c.finish()
		c.log.Info("connection ended", "duration", time.Since(began))
	}()
	defer c.survive()
	c.deadline = time.AfterFunc(handshakeLimit, func() { c.cancel(errSilent) })
	c.explain(c.converse())
}

// explain logs why a connection ended, unless it was the server's doing, which
// whoever did it has logged.
func (c *conn) explain(err error) {
	cause := context.Cause(c.ctx)
	switch {
	case errors.Is(cause, errSilent):
		c.log.Warn("client is silent, closing")
	case cause != nil || c.ended.Load():
	case errors.Is(err, io.EOF) || websocket.CloseStatus(err) != -1:
		c.log.Debug("client hung up", "err", err)
	default:
		c.log.Warn("connection failed", "err", err)
	}
}

// finish closes whatever run has opened.
func (c *conn) finish() {
	c.network.board.leave(c)
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
	}
	c.cancel(errEnded)
	c.ws.CloseNow()
	c.crew.Wait()
	close(c.done)
}

// survive ends the connection that has panicked. It is deferred wherever a
// connection's code runs.
func (c *conn) survive() {
	if what := recover(); what != nil {
		c.log.Error("connection panicked", "panic", fmt.Sprint(what), "stack", string(debug.Stack()))
		c.cancel(errEnded)
	}
}

// spawn runs something beside the reader. It must heed ctx, for the connection
// waits for it. Nothing is run once the connection has ended.
func (c *conn) spawn(work func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.crew.Go(func() {
		defer c.survive()
		work()
	})
}

// converse shakes hands, lets the client in, and reads until it cannot.
func (c *conn) converse() error {
	p, err := c.shakeHands()
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	c.inbound, c.outbound = p.inbound, p.outbound
	c.frames.limit = maxFrame
	c.network.stats.handshakes.Add(1)
	if err := c.admit(p); err != nil {
		return err
	}
	for {
		c.deadline.Reset(idleLimit)
		node, err := c.receive()
		if err != nil {
			return err
		}
		if !c.deaf.Load() {
			c.handle(node)
		}
	}
}

// shakeHands speaks the handshake over the bare frames.
func (c *conn) shakeHands() (peer, error) {
	if err := c.frames.start(); err != nil {
		return peer{}, err
	}
	hello, err := c.frames.next()
	if err != nil {
		return peer{}, err
	}
	if c.silentHello {
		c.deadline.Reset(idleLimit)
		_, err := c.frames.next()
		return peer{}, err
	}
	h := newHandshake(c.network.ledger.keys.static)
	answer, err := h.answer(hello, c.certificates)
	if err != nil {
		return peer{}, err
	}
	if err := c.write(answer); err != nil {
		return peer{}, err
	}
	last, err := c.frames.next()
	if err != nil {
		return peer{}, err
	}
	return h.finish(last)
}

// receive reads the next node. After an error nothing more can be read: the
// ciphers are out of step, or the stream is.
func (c *conn) receive() (binary.Node, error) {
	frame, err := c.frames.next()
	if err != nil {
		return binary.Node{}, err
	}
	opened, err := c.inbound.open(frame, nil)
	if err != nil {
		return binary.Node{}, fmt.Errorf("open frame: %w", err)
	}
	return decodeNode(opened)
}

// send sends a node. Nodes arrive in the order in which their sends began; a
// client that does not read them loses its connection after writeLimit.
func (c *conn) send(node binary.Node) error {
	packed, err := binary.Marshal(node)
	if err != nil {
		return fmt.Errorf("encode %s: %w", node.Tag, err)
	}
	err = c.sendFrame(func() []byte { return c.outbound.seal(packed, nil) })
	if err != nil {
		return fmt.Errorf("send %s: %w", node.Tag, err)
	}
	return nil
}

// sendFrame waits for its turn and sends a frame that is sealed only then: boxes
// are numbered in the order in which they are sent.
func (c *conn) sendFrame(sealed func() []byte) error {
	select {
	case c.sending <- struct{}{}:
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	defer func() { <-c.sending }()
	return c.write(sealed())
}

// write puts one frame on the wire.
func (c *conn) write(body []byte) error {
	ctx, cancel := context.WithTimeout(c.ctx, writeLimit)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageBinary, framed(body))
}

// wait waits, and says false if the connection ended meanwhile.
func (c *conn) wait(d time.Duration) bool {
	if d <= 0 {
		return c.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}
