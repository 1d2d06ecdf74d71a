package sandbox

import (
	"strconv"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// fewPreKeys is when a companion is told to upload more; it looks by itself at
// every login, and only then.
const fewPreKeys = 5

// maxAsked bounds how many devices or users one request may ask about.
const maxAsked = 1000

// answerKeys gives a companion the keys of the devices it wants to write to. A
// device that is not there, or is the companion itself, gets an error of its own
// and leaves the others alone.
func answerKeys(c *conn, asked binary.Node) ([]binary.Node, error) {
	users := asked.GetChildren()
	if len(users) > maxAsked {
		return nil, errBadRequest
	}
	list := make([]binary.Node, 0, len(users))
	for _, user := range users {
		jid, ok := user.Attrs["jid"].(types.JID)
		if !ok {
			return nil, errBadRequest
		}
		b, found, err := c.network.keysOf(jid, c.login)
		if err != nil {
			return nil, err
		}
		node := element("user", binary.Attrs{"jid": jid})
		if found {
			node.Content = append([]binary.Node{b.registration()}, b.keys()...)
		} else {
			node.Content = []binary.Node{element("error", binary.Attrs{"code": 404, "text": "item-not-found"})}
		}
		list = append(list, node)
	}
	return []binary.Node{element("list", nil, list...)}, nil
}

// keysOf returns the keys of a device for somebody who is not that device.
func (n *Network) keysOf(jid types.JID, asks deviceID) (bundle, bool, error) {
	p, known := n.ledger.owner(jid)
	id := deviceID{Phone: p.Digits, Number: uint8(jid.Device)}
	switch {
	case !known || jid.Device > maxDeviceNumber || id == asks:
		return bundle{}, false, nil
	case id.Number == 0:
		return n.parties.of(p).bundle(), true, nil
	}
	return n.companionKeys(id)
}

// companionKeys takes one of the one-time keys that a companion has uploaded, and
// tells it when few are left.
func (n *Network) companionKeys(id deviceID) (bundle, bool, error) {
	b, left, found, err := n.ledger.takeKeys(id)
	if err != nil || !found {
		return bundle{}, false, err
	}
	if c := n.board.seated(id); c != nil && left == fewPreKeys-1 {
		c.spawn(func() {
			c.say(element("notification", binary.Attrs{
				"from": types.ServerJID, "type": "encrypt", "id": "keys-" + strconv.Itoa(left), "t": now().Unix(),
			}, element("count", binary.Attrs{"value": left})))
		})
	}
	return b, true, nil
}
