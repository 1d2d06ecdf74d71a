package sandbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.mau.fi/whatsmeow/binary"
)

const (
	// signLimit is how long a companion may take to sign. whatsmeow writes its
	// store meanwhile.
	signLimit = 30 * time.Second
	// restartPause is what the server waits between the companion's signature and
	// asking it to connect again. With none, the client was once seen connected
	// before it had finished with the pairing.
	restartPause = 100 * time.Millisecond
	// restartGrace is how long a client may take to hang up when it has been asked
	// to connect again. It does so by itself; if the server is faster, and the
	// client's machine busy, it never learns what it was asked.
	restartGrace = 2 * time.Second
)

// unpaired is a connection whose client shows a code.
type unpaired struct {
	registration registration
	client       ClientInfo
	claimed      chan struct{} // closed when a phone has scanned the code
	signed       chan struct{} // closed when the client has signed
}

// offerCodes gives the client refs to show and sees to it that it does not show
// them for ever.
func (c *conn) offerCodes(r registration, client ClientInfo) error {
	c.unpaired = &unpaired{registration: r, client: client, claimed: make(chan struct{}), signed: make(chan struct{})}
	refs := make([]string, c.network.config.Codes)
	children := make([]binary.Node, len(refs))
	for i := range refs {
		refs[i] = newRef(c.network.ledger.keys.ref)
		children[i] = leaf("ref", nil, []byte(refs[i]))
	}
	c.network.board.show(c, refs)
	c.spawn(c.watchCodes)
	c.log.Info("codes on show", "codes", len(refs))
	return c.ask("md", element("pair-device", nil, children...), func(binary.Node) {})
}

// watchCodes ends the connection when nobody has scanned a code in time, or when
// the pairing takes too long.
func (c *conn) watchCodes() {
	window := time.NewTimer(c.network.config.PairingWindow)
	defer window.Stop()
	select {
	case <-c.unpaired.claimed:
	case <-c.ctx.Done():
		return
	case <-window.C:
		c.end(ending{why: "codes ran out"})
		return
	}
	limit := time.NewTimer(signLimit)
	defer limit.Stop()
	select {
	case <-c.unpaired.signed:
	case <-c.ctx.Done():
	case <-limit.C:
		c.end(ending{why: "companion did not sign"})
	}
}

// Scan lets a phone scan a code on show. digits is the phone's number; the phone
// is made at first use, and no digits make one with a number of its own choosing.
// code is all of what the QR code says.
//
// Scan returns when the companion has signed, is recorded, and has been asked to
// connect again. Once the phone has the code the pairing takes its course, also
// if the context ends first. The error is, or wraps, one of ErrBadPhone,
// ErrBadCode, ErrUnknownCode, ErrCodeExpired, ErrKeyMismatch, ErrNoDeviceNumber,
// ErrPairingRefused, ErrBadSignature, ErrConnectionLost and ErrClosed.
func (n *Network) Scan(ctx context.Context, digits, code string) (Device, error) {
	if digits != "" && !validPhone(digits) {
		return Device{}, ErrBadPhone
	}
	parsed, err := parseCode(code)
	if err != nil {
		return Device{}, err
	}
	if !n.enter() {
		return Device{}, ErrClosed
	}
	defer n.exit()

	c, err := n.showing(parsed)
	if err != nil {
		return Device{}, err
	}
	if n.board.claim(parsed.ref) != c {
		return Device{}, ErrCodeExpired // another phone was faster
	}
	close(c.unpaired.claimed)
	p, number, err := n.ledger.dial(digits)
	if err != nil {
		c.end(ending{why: "phone cannot pair"})
		return Device{}, fmt.Errorf("scan code: %w", err)
	}
	d, err := c.pair(ctx, p, number, parsed)
	if err != nil {
		return Device{}, fmt.Errorf("scan code: %w", err)
	}
	return d, nil
}

// showing finds the connection whose client shows the code, and checks that it is
// that client's.
func (n *Network) showing(code pairingCode) (*conn, error) {
	c := n.board.find(code.ref)
	switch {
	case c == nil && ownRef(n.ledger.keys.ref, code.ref):
		return nil, ErrCodeExpired
	case c == nil:
		return nil, ErrUnknownCode
	case code.noise != c.unpaired.registration.Noise, code.identity != c.unpaired.registration.Identity:
		return nil, ErrKeyMismatch
	}
	return c, nil
}

// pair makes the client a companion of the phone.
func (c *conn) pair(ctx context.Context, p phone, number uint8, code pairingCode) (Device, error) {
	d := device{
		ID:           deviceID{Phone: p.Digits, Number: number},
		LID:          p.LID,
		PairedAt:     time.Now().UTC().Round(0),
		Registration: c.unpaired.registration,
		Client:       c.unpaired.client,
	}
	flawed := c.currentFlaws()
	v, err := p.swear(number, code, d.PairedAt, flawed)
	if err != nil {
		c.end(ending{why: "phone cannot pair"})
		return Device{}, err
	}
	log := c.log.With("phone", masked(p.Digits), "device", number)
	signed := make(chan error, 1)
	restarted := make(chan struct{})
	err = c.ask("md", pairSuccess(d, v), func(answer binary.Node) {
		signed <- c.linkSigned(d, v, answer, log, flawed, func() { close(restarted) })
	})
	if err != nil {
		return Device{}, fmt.Errorf("%w: %w", ErrConnectionLost, err)
	}

	select {
	case err = <-signed:
	case <-c.done:
		select {
		case err = <-signed:
		default:
			err = ErrConnectionLost
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return Device{}, err
	}
	select {
	case <-restarted:
	case <-c.done:
	case <-ctx.Done():
	}
	return d.view(), nil
}

// pairSuccess is what the server tells a client that has been scanned.
func pairSuccess(d device, v vow) binary.Node {
	return element("pair-success", nil,
		leaf("device-identity", nil, v.sealed),
		element("device", binary.Attrs{"jid": d.ID.jid(), "lid": d.lidJID()}),
		element("platform", binary.Attrs{"name": "android"}),
	)
}

// linkSigned reads the client's answer and, if it has signed, records the
// companion and asks it to connect again. It runs on the connection's goroutine.
func (c *conn) linkSigned(d device, v vow, answer binary.Node, log *slog.Logger, flawed flaws, restarted func()) error {
	err := v.accept(answer)
	if err == nil {
		err = c.network.ledger.link(d)
	}
	if err != nil {
		log.Warn("pairing failed", "err", err)
		c.end(ending{why: "pairing failed", wait: c.network.config.Gap})
		return err
	}
	c.network.stats.pairings.Add(1)
	log.Info("companion paired")
	close(c.unpaired.signed)
	if flawed.noRestart {
		restarted()
		return nil
	}
	grace := c.network.config.Gap
	if grace > 0 {
		grace = max(grace, restartGrace)
	}
	c.spawn(func() {
		if c.wait(restartPause) {
			c.end(ending{why: "paired", last: restart(), said: restarted, wait: grace})
		}
	})
	return nil
}

// accept reads the client's answer to pair-success.
func (v vow) accept(answer binary.Node) error {
	if text(answer, "type") != "result" {
		refusal, _ := child(answer, "error")
		return fmt.Errorf("%w: %s %s", ErrPairingRefused, text(refusal, "code"), text(refusal, "text"))
	}
	sign, _ := child(answer, "pair-device-sign")
	return v.returned(content(sign, "device-identity"))
}
