package sandbox

import (
	"time"

	"go.mau.fi/whatsmeow/binary"
)

// logoutGrace is how long a companion that has logged out may take to hang up. It
// does so by itself and at once; a server that is faster makes it believe that it
// was thrown out.
const logoutGrace = 5 * time.Second

// admit lets a client in that has shaken hands: with a code if it is to be
// paired, with a success if it is who it says. A refused one is told so, and its
// connection is ending when admit returns.
func (c *conn) admit(p peer) error {
	if p.payload.GetDevicePairingData() != nil {
		r, err := readRegistration(p.noise, p.payload)
		if err != nil {
			return err
		}
		if c.intercepted("", announcedVersion(p.payload)) {
			return nil
		}
		return c.offerCodes(r, clientInfo(p.payload))
	}
	id, err := readLogin(p.payload)
	if err != nil {
		return err
	}
	c.log = c.log.With("phone", masked(id.Phone), "device", id.Number)
	d, known := c.network.ledger.device(id)
	if !known || d.Registration.Noise != p.noise {
		c.refuse(known)
		return nil
	}
	if c.intercepted(id.Phone, announcedVersion(p.payload)) {
		return nil
	}

	before := c.network.board.seat(id, c)
	c.login = id
	// Whoever forgets a companion looks for its connection afterwards, so either
	// they have found this one or it finds the companion forgotten.
	if _, still := c.network.ledger.device(id); !still {
		c.leaveSeat()
		c.refuse(false)
		return nil
	}
	if before != nil {
		before.end(ending{why: "replaced by another login", last: replaced(), wait: c.network.config.Gap})
	}
	now := time.Now().UTC()
	c.network.ledger.noteLogin(id, clientInfo(p.payload), now)
	c.network.stats.logins.Add(1)
	c.network.stats.loginRate.note(now)
	c.log.Info("companion logged in")
	return c.send(binary.Node{Tag: "success", Attrs: binary.Attrs{"t": now.Unix(), "lid": d.lidJID()}})
}

// refuse turns away a companion that is not, or no longer, one of the phone's.
func (c *conn) refuse(known bool) {
	c.network.stats.refused.Add(1)
	c.log.Info("login refused", "known", known)
	c.end(ending{why: "login refused", last: failure(401), wait: c.network.config.Gap})
}

// leaveSeat ends what a login has begun: the connection is nobody's any more.
func (c *conn) leaveSeat() {
	c.network.board.vacate(c.login, c)
	c.login = deviceID{}
}

// loggedIn says whether this is the connection of a companion. Only the
// connection's goroutine asks.
func (c *conn) loggedIn() bool { return c.login != deviceID{} }

// answerMultiDevice sorts what a client asks about its being a companion: to be
// linked to a phone, or no longer to be.
func answerMultiDevice(c *conn, q query) ([]binary.Node, error) {
	if link, asked := child(q.node, linkTag); asked {
		return answerLink(c, q, link)
	}
	removal, asked := child(q.node, "remove-companion-device")
	switch {
	case !c.loggedIn():
		return nil, errNotAllowed
	case !asked || q.kind != "set":
		return nil, errNotImplemented
	}
	return c.logOut(removal)
}

// logOut logs a companion out at its own wish. There is no parting word: a
// companion that gets one while it logs out trips over it.
func (c *conn) logOut(removal binary.Node) ([]binary.Node, error) {
	if removal.Attrs["jid"] != c.login.jid() {
		return nil, errNotAllowed
	}
	if _, err := c.network.ledger.forget(c.login); err != nil {
		return nil, err
	}
	c.leaveSeat()
	c.log.Info("companion logged out")
	c.end(ending{why: "logged out", wait: logoutGrace})
	return nil, nil
}
