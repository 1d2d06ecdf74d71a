package sandbox

import (
	"context"

	"go.mau.fi/whatsmeow/binary"
)

// flaws are what is wrong with the next pairing of a connection.
type flaws struct {
	hmac      bool // the seal over the phone's statement
	signature bool // the phone's signature
	noRestart bool // the client is not asked to connect again
}

// spoil adds flaws to those of the connection's next pairing; repair removes them
// all.
func (c *conn) spoil(more flaws) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flaws.hmac = c.flaws.hmac || more.hmac
	c.flaws.signature = c.flaws.signature || more.signature
	c.flaws.noRestart = c.flaws.noRestart || more.noRestart
}

func (c *conn) repair() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flaws = flaws{}
}

func (c *conn) currentFlaws() flaws {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flaws
}

// flawFault spoils the pairing that is to come.
func flawFault(kind FaultKind, about string, flaw flaws) faultKind {
	return faultKind{
		FaultInfo: FaultInfo{Kind: kind, About: about, Stage: StagePairing},
		strikeCode: func(_ context.Context, c *conn, _ FaultOptions) error {
			c.spoil(flaw)
			return nil
		},
	}
}

// codesRunOut takes the codes back: those on show lead nowhere, and the client
// gets one more, its last, that leads nowhere either. It shows that one for 20 s.
func codesRunOut() faultKind {
	return faultKind{
		FaultInfo: FaultInfo{
			Kind: FaultCodesRunOut, About: "the codes are no good any more, and the client gets no others but a last one, also no good",
			Stage: StagePairing,
		},
		strikeCode: func(_ context.Context, c *conn, _ FaultOptions) error {
			c.network.board.takeBack(c)
			last := newRef(c.network.ledger.keys.ref)
			return c.ask("md", element("pair-device", nil, leaf("ref", nil, []byte(last))), func(binary.Node) {})
		},
	}
}
