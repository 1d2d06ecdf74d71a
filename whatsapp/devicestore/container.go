package devicestore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"

	"github.com/switchhook/switchhook/record"
)

var (
	// ErrClosed answers every write, and PutDevice, once the connection has ended.
	ErrClosed = errors.New("device store is closed")
	// ErrUnknownDevice means a device that this container did not make.
	ErrUnknownDevice = errors.New("device is of another container")
)

// Owner is told of changes to the identity-level session; the instance's actor
// answers, because the session is committed together with the state transition.
type Owner interface {
	// SaveSession makes the session durable before it returns nil; an error
	// refuses it. The session is the owner's to keep.
	SaveSession(ctx context.Context, s *record.Session) error
}

// Container makes the devices of one connection. Its methods may be called from
// any goroutine.
type Container struct {
	backend func(sessionID string) Backend
	owner   Owner
	log     waLog.Logger

	life   life
	saving gate // of the PutDevice that runs

	mu      sync.Mutex
	devices []*device // guarded by mu

	active atomic.Pointer[keyring] // of the last device that got its stores
}

// device is what the container knows of a whatsmeow device.
type device struct {
	of    *store.Device
	id    string
	ring  *keyring          // nil until the first PutDevice; guarded by Container.mu
	saved [sha256.Size]byte // fingerprint of the last session saved; behind Container.saving
}

var _ store.DeviceContainer = (*Container)(nil)

// New makes a container. backend gives the keys of a session by its id; it is
// called once for a device, before its first use. A nil log is silent.
func New(backend func(sessionID string) Backend, owner Owner, log waLog.Logger) *Container {
	if log == nil {
		log = waLog.Noop
	}
	return &Container{backend: backend, owner: owner, log: log}
}

// OnFailure has fn called once, when the store has failed in the middle of a
// message; see [ErrFailed]. The library may be about to acknowledge that message:
// fn must cut the line before it returns. The device's writing is held meanwhile,
// so fn must leave Close and whatever waits to a goroutine. It is set before the
// first device is used.
func (c *Container) OnFailure(fn func(err error)) { c.life.tell.Store(&fn) }

// NewDevice makes a device for pairing: fresh keys, and no stores until the first
// PutDevice.
func (c *Container) NewDevice() (*store.Device, error) {
	if c.life.closed.Load() {
		return nil, fmt.Errorf("new device: %w", ErrClosed)
	}
	var random [4 + 32 + 16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("new device: %w", err)
	}
	d := &store.Device{
		Log:            c.log,
		Container:      c,
		NoiseKey:       keys.NewKeyPair(),
		IdentityKey:    keys.NewKeyPair(),
		RegistrationID: binary.BigEndian.Uint32(random[:4]),
		AdvSecretKey:   append([]byte(nil), random[4:36]...),
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.devices = append(c.devices, &device{of: d, id: hex.EncodeToString(random[36:])})
	return d, nil
}

// Load makes the device of a saved session, ready for a client. A session has one
// device at a time: what keeps writers apart is in memory, so the container of the
// connection before must be closed.
func (c *Container) Load(s *record.Session) (*store.Device, error) {
	if c.life.closed.Load() {
		return nil, fmt.Errorf("load device: %w", ErrClosed)
	}
	d, err := deviceFrom(s)
	if err != nil {
		return nil, fmt.Errorf("load device: %w", err)
	}
	normal, err := SessionFrom(d, s.ID, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("load device: %w", err)
	}
	saved, err := fingerprint(normal)
	if err != nil {
		return nil, fmt.Errorf("load device: %w", err)
	}
	d.Log, d.Container = c.log, c
	c.mu.Lock()
	defer c.mu.Unlock()
	known := &device{of: d, id: s.ID, saved: saved}
	c.devices = append(c.devices, known)
	c.fill(d, known)
	known.ring.own.Store(accountOf(s))
	return d, nil
}

// fill gives a device its stores, once: 12 here, the container it has already.
// The caller holds mu.
func (c *Container) fill(d *store.Device, known *device) {
	if known.ring != nil {
		return
	}
	known.ring = newKeyring(c.backend(known.id), &c.life, c.log)
	c.active.Store(known.ring)
	d.Identities = known.ring
	d.Sessions = known.ring
	d.PreKeys = known.ring
	d.SenderKeys = known.ring
	d.AppStateKeys = known.ring
	d.AppState = newSettings(known.ring)
	d.Contacts = known.ring
	d.ChatSettings = known.ring
	d.MsgSecrets = known.ring
	d.PrivacyTokens = known.ring
	d.EventBuffer = known.ring
	d.LIDs = known.ring
	d.Initialized = true
}

// known returns what is known of a device, nil if it is another container's.
func (c *Container) known(d *store.Device) *device {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.devices {
		if known.of == d {
			return known
		}
	}
	return nil
}

// PutDevice asks the owner to save the device's session if it has changed, and
// returns when that is durable or refused. The first call gives the device its
// stores, before the owner is asked: whatsmeow uses them whatever the answer. A
// device without JID, account or keys is an error.
func (c *Container) PutDevice(ctx context.Context, d *store.Device) error {
	if err := c.putDevice(ctx, d); err != nil {
		return fmt.Errorf("put device: %w", err)
	}
	return nil
}

func (c *Container) putDevice(ctx context.Context, d *store.Device) error {
	if err := c.saving.enter(ctx); err != nil { // one at a time: the newest is saved last
		return err
	}
	defer c.saving.leave()
	if c.life.closed.Load() {
		return ErrClosed
	}
	known := c.known(d)
	if known == nil {
		return ErrUnknownDevice
	}
	s, err := SessionFrom(d, known.id, time.Now())
	if err != nil {
		return err
	}
	now, err := fingerprint(s)
	if err != nil {
		return err
	}
	if now == known.saved {
		return nil
	}
	c.mu.Lock()
	c.fill(d, known)
	known.ring.own.Store(accountOf(s))
	c.mu.Unlock()
	if err := c.owner.SaveSession(ctx, s); err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	known.saved = now
	return nil
}

// DeleteDevice deletes nothing: whatsmeow calls it when the session is over, and
// the actor drops the session together with the transition that says so. From
// here on nothing is written any more. It may be called twice at once, and for a
// device without JID.
func (c *Container) DeleteDevice(context.Context, *store.Device) error {
	c.life.closed.Store(true)
	return nil
}

// Close ends the connection's writing: when it returns no write is in flight, and
// every later write and PutDevice answers [ErrClosed]. Reading goes on. It waits
// for an Apply that is under way and ends the context of a commit that is, but
// does not wait for the owner, so the owner may call it. It is harmless twice.
func (c *Container) Close() {
	c.life.closed.Store(true)
	c.mu.Lock()
	rings := make([]*keyring, 0, len(c.devices))
	for _, known := range c.devices {
		if known.ring != nil {
			rings = append(rings, known.ring)
		}
	}
	c.mu.Unlock()
	for _, ring := range rings {
		if stop := ring.stop.Load(); stop != nil {
			(*stop)(ErrClosed)
		}
		ring.drain()
	}
}
