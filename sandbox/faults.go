package sandbox

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// FaultKind names something that goes wrong. The names are what people type.
type FaultKind string

// Stage is when in a connection's life a fault strikes.
type Stage string

// The stages there are.
const (
	// StageDial faults strike the next connections of whoever dials: who that is
	// cannot be known so early, so they are the network's, whatever the target. A
	// target says only whose present connection is cut, so that the fault strikes
	// at once.
	StageDial Stage = "dial"
	// StageLogin faults strike the next logins of a phone's companions, or of
	// anybody. Those of the phone that are connected lose their connection first.
	StageLogin Stage = "login"
	// StageSocket faults strike the connections there are.
	StageSocket Stage = "socket"
	// StagePairing faults strike a client that shows a code.
	StagePairing Stage = "pairing"
)

// Whom a fault may befall; see [FaultInfo].
const (
	TargetPhone   = "phone"
	TargetCode    = "code"
	TargetNetwork = "network"
)

// The options a fault may heed, as the control API spells them; see [FaultInfo].
const (
	OptionNoGap     = "no_gap"
	OptionTimes     = "times"
	OptionLater     = "later"
	OptionExpire    = "expire"
	OptionBanReason = "ban_reason" // FaultOptions.Code
)

// Target says whom a fault befalls: all companions of a phone, or the unpaired
// client that shows a code. The zero Target is the whole network, for the faults
// that can befall it.
type Target struct {
	Phone string // digits
	Code  string // all of what the QR code says
}

// Forever is a number of times that ends with [FaultHeal].
const Forever = -1

// FaultOptions change how a fault is carried out. A kind does not see the options
// that its [FaultInfo] does not list.
type FaultOptions struct {
	// NoGap closes the socket at once after the last node, which the client then
	// often misses, or takes for part of its next connection.
	NoGap bool
	// Times is how many attempts are struck. 0 means one; [Forever] all of them
	// until healed: by [FaultHeal] for the phone that the fault was laid for, or
	// for the whole network.
	Times int
	// Later leaves the present connection alone: the fault waits for the next
	// attempt, whenever that comes.
	Later bool
	// Expire is how long a ban lasts, in whole seconds. 0 means an hour; below 0,
	// the ban does not say.
	Expire time.Duration
	// Code is the reason of a ban. 0 means 101, too many messages to strangers.
	Code int
}

// FaultInfo describes a fault kind.
type FaultInfo struct {
	Kind    FaultKind `json:"kind"`
	About   string    `json:"about"`
	Stage   Stage     `json:"stage"`
	Targets []string  `json:"targets"`           // of TargetPhone, TargetCode, TargetNetwork
	Options []string  `json:"options,omitempty"` // of OptionNoGap, OptionTimes, OptionLater, OptionExpire, OptionBanReason
}

// FaultKinds lists the faults there are.
func FaultKinds() []FaultInfo {
	all := make([]FaultInfo, len(faultKinds))
	for i, f := range faultKinds {
		all[i] = f.info()
	}
	return all
}

// Fault makes something go wrong. It returns when it has: what was to be closed is
// closed, and what waits for an attempt is lying in wait. The error is, or wraps,
// one of ErrUnknownFault (with the known kinds in its text), ErrBadTarget,
// ErrBadTimes, ErrBadPhone, ErrUnknownPhone, ErrNotConnected, ErrNotPaired, ErrNotShowing,
// those that Scan returns for a code, and ErrClosed.
func (n *Network) Fault(ctx context.Context, target Target, kind FaultKind, opts FaultOptions) error {
	f, err := findFault(kind)
	if err != nil {
		return err
	}
	if err := f.mayBefall(target, opts); err != nil {
		return err
	}
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()

	whom, err := f.strike(ctx, n, target, opts)
	if err != nil {
		return err
	}
	n.log.Info("fault", "kind", string(kind), "target", whom, "no_gap", opts.NoGap, "times", opts.Times)
	return nil
}

// strike carries the fault out and says, for the log, whom it befell.
func (f *faultKind) strike(ctx context.Context, n *Network, target Target, opts FaultOptions) (whom string, err error) {
	if target == (Target{}) {
		return TargetNetwork, f.strikeNetwork(n, opts)
	}
	if target.Phone != "" {
		switch {
		case !validPhone(target.Phone):
			return "", ErrBadPhone
		case !n.ledger.hasPhone(target.Phone):
			return "", ErrUnknownPhone
		case f.strikePhone == nil:
			return "", fmt.Errorf("%s: %w", f.Kind, ErrNotShowing)
		}
		return masked(target.Phone), f.strikePhone(ctx, n, target.Phone, opts)
	}

	code, err := parseCode(target.Code)
	if err != nil {
		return "", err
	}
	c, err := n.showing(code)
	switch {
	case err != nil:
		return "", err
	case f.strikeCode == nil:
		return "", fmt.Errorf("%s: %w", f.Kind, ErrNotPaired)
	}
	return TargetCode, f.strikeCode(ctx, c, opts)
}

// mayBefall refuses what no state of the network would allow.
func (f *faultKind) mayBefall(target Target, opts FaultOptions) error {
	switch {
	case target.Phone != "" && target.Code != "":
		return ErrBadTarget
	case target == (Target{}) && f.strikeNetwork == nil:
		return fmt.Errorf("%s: %w", f.Kind, ErrBadTarget)
	case opts.Times < Forever:
		return ErrBadTimes
	}
	return nil
}

func findFault(kind FaultKind) (*faultKind, error) {
	known := make([]string, len(faultKinds))
	for i := range faultKinds {
		if faultKinds[i].Kind == kind {
			return &faultKinds[i], nil
		}
		known[i] = string(faultKinds[i].Kind)
	}
	return nil, fmt.Errorf("%w %q: there are %s", ErrUnknownFault, kind, strings.Join(known, ", "))
}
