package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// closeWait is how long Close waits for the library, which can be stuck in a
// handshake for 20 s. It ends by itself.
const closeWait = time.Second

// conn is one connection attempt; see [instance.Conn].
type conn struct {
	spec   instance.Spec
	log    *slog.Logger
	client *whatsmeow.Client
	keys   *devicestore.Container
	lines  lines
	http   *http.Client // of this attempt

	life   context.Context // the connection's; ends with Close
	cancel context.CancelFunc
	closed atomic.Bool
	once   sync.Once

	mu   sync.Mutex
	dial chan struct{} // closed when the library's dial has returned; nil before Dial; guarded by mu
}

// Dial implements [instance.Conn]. It may be called once.
func (c *conn) Dial(ctx context.Context) error {
	done := make(chan error, 1)
	returned := make(chan struct{})
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return errors.New("dial: the connection was closed")
	}
	c.dial = returned
	c.mu.Unlock()
	go func() {
		defer close(returned)
		done <- c.client.ConnectContext(c.life)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		c.lines.mute()
		c.cancel()
		return fmt.Errorf("dial: %w", ctx.Err())
	}
}

// Logout implements [instance.Conn].
func (c *conn) Logout(ctx context.Context) error {
	err := c.client.Logout(ctx)
	var refused *whatsmeow.IQError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("log out: refused with code %d", refused.Code) // its text may be the answer's XML
	case err != nil:
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

// Close implements [instance.Conn].
func (c *conn) Close() {
	c.mu.Lock()
	c.closed.Store(true)
	dial := c.dial
	c.mu.Unlock()
	c.once.Do(func() {
		c.keys.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			c.hangUp(dial)
		}()
		select {
		case <-gone:
		case <-time.After(closeWait):
		}
	})
}

// hangUp ends the dial, or the socket, and lets the library find out: its own
// Disconnect would race with what it does then, and could call a function that it
// has just set to nil (read in v0.0.0-20251217143725, NoiseSocket.Stop and
// FrameSocket.Close). It waits for a dial: the library holds its lock meanwhile.
func (c *conn) hangUp(dial <-chan struct{}) {
	defer c.cancel()
	if dial == nil {
		return
	}
	c.lines.mute()
	select {
	case <-dial:
	default:
		c.cancel()
		<-dial
	}
	c.http.CloseIdleConnections()
	if !c.lines.wait(closeWait) {
		c.client.Disconnect()
	}
}

// handle turns the library's events into facts. It answers false where the
// event must not count as received: the connection has ended, or the fact could
// not be taken.
func (c *conn) handle(event any) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("event handler panicked", "event", fmt.Sprintf("%T", event), "panic", fmt.Sprint(p))
			ok = false
		}
	}()
	if c.closed.Load() {
		return false
	}
	if f, known := fact(event); known {
		c.spec.Report(f)
	}
	return true
}
