package whatsapp

import (
	"context"

	"github.com/switchhook/switchhook/instance"
)

// LoggedOn implements [instance.Conn]. It finds what the library tells nobody: a
// stream error 503 whose socket stays open.
func (c *conn) LoggedOn() bool { return c.client.IsLoggedIn() && !c.over.Load() && !c.closed.Load() }

// Gauges implements [instance.Conn]. What the account holds is not known before
// it was counted once, which the connection does beside its first history.
func (c *conn) Gauges() instance.Gauges {
	g := instance.Gauges{Sent: c.lines.sent.Load(), Received: c.lines.received.Load()}
	if !c.counted.Load() {
		return g
	}
	if n, err := c.keys.Counts(expired); err == nil {
		g.Known, g.Contacts, g.Chats = true, n.Contacts, n.Chats
	}
	return g
}

// count counts what the account holds, where it was not.
func (c *conn) count() {
	if c.counted.Load() {
		return
	}
	if _, err := c.keys.Counts(c.life); err == nil {
		c.counted.Store(true)
	}
}

// expired is a context of those who do not wait: a commit that is under way may
// be waiting for them.
var expired = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
