package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// struck returns the connections of a phone's companions, or ErrNotConnected.
func (n *Network) struck(digits string) ([]*conn, error) {
	seated := n.board.seatedOf(digits)
	if len(seated) == 0 {
		return nil, ErrNotConnected
	}
	return seated, nil
}

// endAll ends connections in one way and waits until they have ended. What is
// said last is followed by the network's gap, or by the ending's own if it has a
// longer one.
func endAll(ctx context.Context, kind FaultKind, struck []*conn, opts FaultOptions, e ending) error {
	e.why = "fault: " + string(kind)
	own := e.wait
	for _, c := range struck {
		e.wait = 0
		if gap := c.network.config.Gap; e.last != nil && !opts.NoGap && gap > 0 {
			e.wait = max(gap, own)
		}
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

// endingFault is a fault that is nothing but the end of connections.
func endingFault(kind FaultKind, about string, e ending) faultKind {
	f := faultKind{
		FaultInfo: FaultInfo{Kind: kind, About: about, Stage: StageSocket},
		strikePhone: func(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
			struck, err := n.struck(digits)
			if err != nil {
				return err
			}
			return endAll(ctx, kind, struck, opts, e)
		},
		strikeCode: func(ctx context.Context, c *conn, opts FaultOptions) error {
			return endAll(ctx, kind, []*conn{c}, opts, e)
		},
	}
	if e.last != nil {
		f.Options = []string{OptionNoGap}
	}
	return f
}

// pairedOnly spares clients that show a code.
func pairedOnly(f faultKind) faultKind {
	f.strikeCode = nil
	return f
}

func streamFault(kind FaultKind, about, code string) faultKind {
	return endingFault(kind, about, ending{last: streamError(code)})
}

// restartFault asks clients to connect again, as after a pairing. They hang up by
// themselves, so the server gives them more than the gap to do so.
func restartFault() faultKind {
	return endingFault(FaultStream515, "stream error 515: the client is asked to connect again",
		ending{last: restart(), wait: restartGrace})
}

// loggedOutFault forgets a phone's companions and tells those that are connected.
// The others learn it at their next login.
func loggedOutFault() faultKind {
	return faultKind{
		FaultInfo: FaultInfo{
			Kind: FaultLoggedOut, About: "the phone removes its companions, connected or not",
			Stage: StageSocket, Options: []string{OptionNoGap},
		},
		strikePhone: func(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
			forgotten, err := n.ledger.forgetAll(digits)
			if err != nil {
				return err
			}
			if forgotten == 0 {
				return ErrNotPaired
			}
			return endAll(ctx, FaultLoggedOut, n.board.seatedOf(digits), opts, ending{last: deviceRemoved()})
		},
	}
}

// eachFault does something to connections and leaves them open.
func eachFault(kind FaultKind, about string, strike func(*conn) error) faultKind {
	return faultKind{
		FaultInfo: FaultInfo{Kind: kind, About: about, Stage: StageSocket},
		strikePhone: func(_ context.Context, n *Network, digits string, _ FaultOptions) error {
			struck, err := n.struck(digits)
			if err != nil {
				return err
			}
			for _, c := range struck {
				if err := strike(c); err != nil {
					return fmt.Errorf("%w: %w", ErrConnectionLost, err)
				}
			}
			return nil
		},
		strikeCode: func(_ context.Context, c *conn, _ FaultOptions) error {
			if err := strike(c); err != nil {
				return fmt.Errorf("%w: %w", ErrConnectionLost, err)
			}
			return nil
		},
	}
}

// openFault says a node and leaves the connection open.
func openFault(kind FaultKind, about string, node *binary.Node) faultKind {
	return eachFault(kind, about, func(c *conn) error { return c.send(*node) })
}

// undecryptableFault sends a frame that no key opens. The client counts it and
// the server does not, so nothing that is sent afterwards can be opened either.
func undecryptableFault() faultKind {
	about := "the client is sent a frame that it cannot open, and can open none after it"
	return eachFault(FaultUndecryptable, about, func(c *conn) error {
		noise := make([]byte, 64)
		rand.Read(noise)
		return c.sendFrame(func() []byte { return noise })
	})
}

// hearingFault makes the server deaf on connections, or lets it hear again.
func hearingFault(kind FaultKind, about string, deaf bool) faultKind {
	return eachFault(kind, about, func(c *conn) error {
		c.deaf.Store(deaf)
		return nil
	})
}

// downgradeFault tells a client that its code was scanned by a phone that cannot
// have companions. The code stays on show.
func downgradeFault() faultKind {
	f := eachFault(FaultDowngradeWebclient, "the code is scanned by a phone without multi-device, and stays on show", func(c *conn) error {
		return c.send(element("ib", binary.Attrs{"from": types.ServerJID}, binary.Node{Tag: "downgrade_webclient"}))
	})
	f.Stage, f.strikePhone = StagePairing, nil
	return f
}
