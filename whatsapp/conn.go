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
	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"golang.org/x/sync/semaphore"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// closeWait is how long Close waits for the library, which can be stuck in a
// handshake for 20 s. It ends by itself.
const closeWait = time.Second

// conn is one connection attempt; see [instance.Conn].
type conn struct {
	driver *Driver
	spec   instance.Spec
	log    *slog.Logger
	client *whatsmeow.Client
	keys   *devicestore.Container
	lines  lines

	life   context.Context // the connection's; ends with Close
	cancel context.CancelFunc
	closed atomic.Bool
	over   atomic.Bool // something could not be stored: nothing is taken any more
	lost   atomic.Bool // the instance was told so
	once   sync.Once

	self      atomic.Pointer[self]
	announced atomic.Pointer[store.WAVersionContainer] // nil before the login
	history   atomic.Uint64                            // wakes of the goroutine that stores it, 0: none runs
	counted   atomic.Bool
	sends     *semaphore.Weighted // of one: the message that is being sent
	changes   *semaphore.Weighted // of one: what is being changed of the account

	mu   sync.Mutex
	dial chan struct{} // closed when the library's dial has returned; nil before Dial; guarded by mu
}

// self is whose connection this is; never changed, only replaced.
type self struct {
	session string // its id
	jid     types.JID
	lid     types.JID
	name    string
}

func selfOf(s *record.Session) *self {
	jid, _ := types.ParseJID(s.JID) // an empty one where there is none
	lid, _ := types.ParseJID(s.LID)
	return &self{session: s.ID, jid: jid, lid: lid, name: s.PushName}
}

// SaveSession implements [devicestore.Owner].
func (c *conn) SaveSession(ctx context.Context, s *record.Session) error {
	now := selfOf(s) // the session is the instance's to keep
	if err := c.spec.Save(ctx, s); err != nil {
		return err
	}
	before := c.self.Swap(now)
	if before != nil && before.name != now.name {
		c.announce(now.name)
	}
	return nil
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

// Logout implements [instance.Conn]. The library's own takes the account's id from the
// device at the end, while goroutines of its own that acknowledge what the phone has sent
// may be reading it.
func (c *conn) Logout(ctx context.Context) error {
	id := c.client.Store.GetJID()
	if id.IsEmpty() {
		return fmt.Errorf("log out: %w", whatsmeow.ErrNotLoggedIn)
	}
	inner := c.client.DangerousInternals() //nolint:staticcheck // deprecated as a warning: see above
	_, err := inner.SendIQ(ctx, whatsmeow.DangerousInfoQuery{
		Namespace: "md", Type: "set", To: types.ServerJID,
		Content: []binary.Node{{Tag: "remove-companion-device", Attrs: binary.Attrs{"jid": id, "reason": "user_initiated"}}},
	})
	if err == nil {
		inner.ExpectDisconnect()
		c.lines.mute() // whatever the server still says is about what we know
	}
	var refused *whatsmeow.IQError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("log out: refused with code %d", refused.Code) // its text may be the answer's XML
	case err != nil:
		return fmt.Errorf("log out: %w", err)
	}
	return nil
}

// Renew implements [instance.Conn].
func (c *conn) Renew(ctx context.Context) (bool, error) {
	announced := c.announced.Load()
	if announced == nil {
		return false, nil
	}
	return c.driver.versions.renew(ctx, *announced)
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
	if !c.lines.wait(closeWait) {
		c.client.Disconnect()
	}
}
