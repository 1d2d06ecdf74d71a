package sandbox

import (
	"context"
	"fmt"
	"time"
)

// finishLimit is how long a client may take to answer what was typed. It derives
// a key on purpose slowly.
const finishLimit = 30 * time.Second

// TypeCode types a code on a phone: the one that a client shows which has asked to
// be linked to that phone. digits is the phone's number, code its eight
// characters, in either case, with or without a hyphen. When several clients have
// asked for the phone, it is the last that counts.
//
// It returns as Scan does. A wrong code is ErrWrongCode: the client hears nothing
// of that, and the right one can still be typed. The error is, or wraps, one of
// ErrBadPhone, ErrBadCode, ErrNotAsked, ErrWrongCode, ErrKeyMismatch,
// ErrCodeExpired, ErrNoDeviceNumber, ErrPairingRefused, ErrBadSignature,
// ErrConnectionLost and ErrClosed.
func (n *Network) TypeCode(ctx context.Context, digits, code string) (Device, error) {
	if !validPhone(digits) {
		return Device{}, ErrBadPhone
	}
	typed, err := parseTyped(code)
	if err != nil {
		return Device{}, err
	}
	if !n.enter() {
		return Device{}, ErrClosed
	}
	defer n.exit()
	c, request := n.board.asking(digits)
	if c == nil {
		return Device{}, ErrNotAsked
	}
	d, err := c.typed(ctx, request, typed)
	if err != nil {
		return Device{}, fmt.Errorf("type code: %w", err)
	}
	return d, nil
}

// typed lets the phone and the client find out whether they have the same code
// and, if so, pairs them.
func (c *conn) typed(ctx context.Context, request linkRequest, code typedCode) (Device, error) {
	p, err := c.network.ledger.fetch(request.digits)
	if err != nil {
		return Device{}, err
	}
	secret, err := c.agree(ctx, keyPairOf(p.Identity), request, code)
	if err != nil {
		c.log.Info("code was typed in vain", "phone", masked(p.Digits), "err", err)
		return Device{}, err
	}
	if !c.network.board.takeBack(c) {
		return Device{}, ErrCodeExpired // another phone was faster
	}
	close(c.unpaired.claimed)
	p, number, err := c.network.ledger.dial(p.Digits)
	if err != nil {
		c.end(ending{why: "phone cannot pair"})
		return Device{}, err
	}
	r := c.unpaired.registration
	return c.pair(ctx, p, number, pairingCode{noise: r.Noise, identity: r.Identity, secret: secret})
}

// agree exchanges keys with the client under the typed code.
func (c *conn) agree(ctx context.Context, identity keyPair, request linkRequest, code typedCode) (key, error) {
	link, wrapped, err := newPhoneLink(identity, code, request.wrapped)
	if err != nil {
		return key{}, err
	}
	answered := make(chan linkFinish, 1)
	if !c.awaitLink(request.ref, answered) {
		return key{}, ErrCodeExpired // somebody else is typing
	}
	defer c.stopTyping()
	now := time.Now()
	id := fmt.Sprintf("link-%d", now.UnixNano())
	if err := c.send(primaryHello(id, now.Unix(), request.ref, wrapped, identity.public)); err != nil {
		return key{}, fmt.Errorf("%w: %w", ErrConnectionLost, err)
	}
	limit := time.NewTimer(finishLimit)
	defer limit.Stop()
	select {
	case finish := <-answered:
		if finish.identity != c.unpaired.registration.Identity {
			return key{}, ErrKeyMismatch
		}
		return link.open(finish.bundle, finish.identity)
	case <-limit.C:
		return key{}, ErrPairingRefused
	case <-c.done:
		return key{}, ErrConnectionLost
	case <-ctx.Done():
		return key{}, ctx.Err()
	}
}
