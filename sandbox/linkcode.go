package sandbox

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// linkTag is the tag of everything that linking by a typed code says.
const linkTag = "link_code_companion_reg"

// errNoSuchPhone answers a client that asks for a phone there cannot be.
var errNoSuchPhone = queryError{404, "item-not-found"}

// linkRequest is a client's wish to be linked by a code that is typed on a phone.
type linkRequest struct {
	digits  string // the phone
	ref     []byte
	wrapped wrappedKey
	display string // what the phone would call the client
}

// linkFinish is the client's answer to what was typed.
type linkFinish struct {
	bundle   []byte
	identity key
}

// readLinkHello reads a wish. The error is a queryError.
func readLinkHello(node binary.Node) (linkRequest, key, error) {
	jid, _ := node.Attrs["jid"].(types.JID)
	if jid.Server != types.DefaultUserServer || jid.Device != 0 || !validPhone(jid.User) {
		return linkRequest{}, key{}, errNoSuchPhone
	}
	wrapped := content(node, "link_code_pairing_wrapped_companion_ephemeral_pub")
	noise, err := keyFrom(content(node, "companion_server_auth_key_pub"))
	if len(wrapped) != wrappedSize || err != nil {
		return linkRequest{}, key{}, errBadRequest
	}
	display := string(content(node, "companion_platform_display"))
	if !validDisplay(display) {
		return linkRequest{}, key{}, errBadRequest
	}
	return linkRequest{digits: jid.User, wrapped: wrappedKey(wrapped), display: display}, noise, nil
}

// validDisplay says whether a client's name has the form "Browser (System)". The
// real server also knows which browsers and systems there are; we do not.
func validDisplay(display string) bool {
	browser, system, found := strings.Cut(display, " (")
	return found && browser != "" && len(system) > 1 && strings.HasSuffix(system, ")") && len(display) <= 128
}

// readLinkFinish reads a client's answer to what was typed. The error is a
// queryError.
func readLinkFinish(node binary.Node) (linkFinish, error) {
	identity, err := keyFrom(content(node, "companion_identity_public"))
	if err != nil {
		return linkFinish{}, errBadRequest
	}
	return linkFinish{bundle: content(node, "link_code_pairing_wrapped_key_bundle"), identity: identity}, nil
}

// answerLink serves a client that wants to be linked by a typed code.
func answerLink(c *conn, q query, link binary.Node) ([]binary.Node, error) {
	if c.unpaired == nil || q.kind != "set" {
		return nil, errNotAllowed
	}
	switch text(link, "stage") {
	case "companion_hello":
		r, noise, err := readLinkHello(link)
		if err != nil {
			return nil, err
		}
		if noise != c.unpaired.registration.Noise {
			return nil, errBadRequest
		}
		r.ref = []byte(newRef(c.network.ledger.keys.ref))
		if !c.network.board.ask(c, r) {
			return nil, errNotAllowed // a phone has its code already
		}
		c.log.Info("client waits for a code to be typed", "phone", masked(r.digits))
		return []binary.Node{element(linkTag, binary.Attrs{"stage": "companion_hello"},
			leaf("link_code_pairing_ref", nil, r.ref))}, nil
	case "companion_finish":
		finish, err := readLinkFinish(link)
		if err != nil {
			return nil, err
		}
		if !c.finishLink(content(link, "link_code_pairing_ref"), finish) {
			return nil, errNotAllowed // nobody has typed anything
		}
		return nil, nil
	}
	return nil, errNotImplemented
}

// awaitLink registers a phone that waits for the client's answer, and says false
// while another does.
func (c *conn) awaitLink(ref []byte, answered chan<- linkFinish) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.typing != nil {
		return false
	}
	c.typing, c.typingRef = answered, string(ref)
	return true
}

func (c *conn) stopTyping() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.typing = nil
}

// finishLink hands a client's answer to the phone that waits for it.
func (c *conn) finishLink(ref []byte, finish linkFinish) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.typing == nil || c.typingRef != string(ref) {
		return false
	}
	select {
	case c.typing <- finish:
		return true
	default:
		return false // answered twice
	}
}

// primaryHello tells the client that somebody has typed a code.
func primaryHello(id string, at int64, ref []byte, wrapped wrappedKey, identity key) binary.Node {
	return element("notification",
		binary.Attrs{"from": types.ServerJID, "type": linkTag, "id": id, "t": fmt.Sprint(at)},
		element(linkTag, binary.Attrs{"stage": "primary_hello"},
			leaf("link_code_pairing_wrapped_primary_ephemeral_pub", nil, wrapped[:]),
			leaf("primary_identity_pub", nil, identity[:]),
			leaf("link_code_pairing_ref", nil, ref),
		))
}
