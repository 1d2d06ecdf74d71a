package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	life   context.Context // the connection's; ends with Close
	cancel context.CancelFunc
	closed atomic.Bool
	once   sync.Once
}

// Dial implements [instance.Conn].
func (c *conn) Dial(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- c.client.ConnectContext(c.life) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
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
	c.closed.Store(true)
	c.once.Do(func() {
		c.keys.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			c.client.Disconnect()
		}()
		select {
		case <-gone:
		case <-time.After(closeWait):
		}
		c.cancel()
	})
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
