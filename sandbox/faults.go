package sandbox

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// FaultKind names something that goes wrong.
type FaultKind string

// The faults there are. [FaultKinds] says what each one does.
const (
	FaultDrop      FaultKind = "drop"
	FaultStreamEnd FaultKind = "stream-end"
	FaultReplaced  FaultKind = "replaced"
	FaultLoggedOut FaultKind = "logged-out"
)

// Target says whom a fault befalls: all companions of a phone, or the unpaired
// client that shows a code. Exactly one is given.
type Target struct {
	Phone string // digits
	Code  string // all of what the QR code says
}

// FaultOptions change how a fault is carried out.
type FaultOptions struct {
	// NoGap closes the socket at once after the last node, which the client then
	// often misses, or takes for part of its next connection.
	NoGap bool
}

// FaultInfo describes a fault kind.
type FaultInfo struct {
	Kind  FaultKind `json:"kind"`
	About string    `json:"about"`
}

// faultKind is a row of the table of faults. strikePhone does it to a phone's
// companions; strikeCode, if it can be done to an unpaired client, to that.
type faultKind struct {
	FaultInfo
	strikePhone func(ctx context.Context, n *Network, digits string, opts FaultOptions) error
	strikeCode  func(ctx context.Context, c *conn, opts FaultOptions) error
}

var faultKinds = []faultKind{
	endingFault(FaultDrop, "the connection is cut, with no goodbye", true, func(time.Duration) ending {
		return ending{drop: true}
	}),
	endingFault(FaultStreamEnd, "the server ends the stream and closes", true, func(gap time.Duration) ending {
		return ending{last: streamEnd(), wait: gap}
	}),
	endingFault(FaultReplaced, "another login has taken the companion's place", false, func(gap time.Duration) ending {
		return ending{last: replaced(), wait: gap}
	}),
	{
		FaultInfo:   FaultInfo{FaultLoggedOut, "the phone removes its companions, connected or not"},
		strikePhone: logOut,
	},
}

// FaultKinds lists the faults there are.
func FaultKinds() []FaultInfo {
	all := make([]FaultInfo, len(faultKinds))
	for i, f := range faultKinds {
		all[i] = f.FaultInfo
	}
	return all
}

// Fault makes something go wrong, and returns when it has: what was to be closed
// is closed. The error is, or wraps, one of ErrUnknownFault (with the known kinds
// in its text), ErrBadTarget, ErrBadPhone, ErrUnknownPhone, ErrNotConnected,
// ErrNotPaired, those that Scan returns for a code, and ErrClosed.
func (n *Network) Fault(ctx context.Context, target Target, kind FaultKind, opts FaultOptions) error {
	f, err := findFault(kind)
	if err != nil {
		return err
	}
	if (target.Phone == "") == (target.Code == "") {
		return ErrBadTarget
	}
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()

	if target.Phone != "" {
		switch {
		case !validPhone(target.Phone):
			return ErrBadPhone
		case !n.ledger.hasPhone(target.Phone):
			return ErrUnknownPhone
		}
		n.log.Info("fault", "kind", string(kind), "phone", masked(target.Phone), "no_gap", opts.NoGap)
		return f.strikePhone(ctx, n, target.Phone, opts)
	}

	code, err := parseCode(target.Code)
	if err != nil {
		return err
	}
	c, err := n.showing(code)
	switch {
	case err != nil:
		return err
	case f.strikeCode == nil:
		return fmt.Errorf("%s: %w", kind, ErrNotPaired)
	}
	n.log.Info("fault", "kind", string(kind), "no_gap", opts.NoGap)
	return f.strikeCode(ctx, c, opts)
}

func findFault(kind FaultKind) (faultKind, error) {
	known := make([]string, len(faultKinds))
	for i, f := range faultKinds {
		if f.Kind == kind {
			return f, nil
		}
		known[i] = string(f.Kind)
	}
	return faultKind{}, fmt.Errorf("%w %q: there are %s", ErrUnknownFault, kind, strings.Join(known, ", "))
}

// endingFault is a fault that is nothing but the end of connections.
func endingFault(kind FaultKind, about string, unpaired bool, how func(gap time.Duration) ending) faultKind {
	end := func(ctx context.Context, opts FaultOptions, struck ...*conn) error {
		return endAll(ctx, string(kind), struck, opts, how)
	}
	f := faultKind{
		FaultInfo: FaultInfo{Kind: kind, About: about},
		strikePhone: func(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
			struck := n.board.seatedOf(digits)
			if len(struck) == 0 {
				return ErrNotConnected
			}
			return end(ctx, opts, struck...)
		},
	}
	if unpaired {
		f.strikeCode = func(ctx context.Context, c *conn, opts FaultOptions) error { return end(ctx, opts, c) }
	}
	return f
}

// endAll ends connections in one way and waits until they have ended.
func endAll(ctx context.Context, why string, struck []*conn, opts FaultOptions, how func(time.Duration) ending) error {
	for _, c := range struck {
		gap := c.network.config.Gap
		if opts.NoGap {
			gap = 0
		}
		e := how(gap)
		e.why = "fault: " + why
		c.end(e)
	}
	for _, c := range struck {
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// logOut forgets a phone's companions and tells those that are connected. The
// others learn it at their next login.
func logOut(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
	forgotten, err := n.ledger.forgetAll(digits)
	if err != nil {
		return err
	}
	if forgotten == 0 {
		return ErrNotPaired
	}
	return endAll(ctx, string(FaultLoggedOut), n.board.seatedOf(digits), opts, func(gap time.Duration) ending {
		return ending{last: deviceRemoved(), wait: gap}
	})
}
