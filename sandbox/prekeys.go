package sandbox

import (
	"fmt"

	"go.mau.fi/whatsmeow/binary"
)

// maxPreKeys bounds one upload. The largest seen, a companion's first, has 812.
const maxPreKeys = 5000

// answerEncrypt keeps the keys by which others will write to this companion: how
// many are left, and new ones. It also gives out the keys of others.
func answerEncrypt(c *conn, q query) ([]binary.Node, error) {
	id := c.login
	if _, asked := child(q.node, "count"); asked && q.kind == "get" {
		count := c.network.ledger.preKeyCount(id)
		return []binary.Node{{Tag: "count", Attrs: binary.Attrs{"value": count}}}, nil
	}
	if asked, given := child(q.node, "key"); given && q.kind == "get" {
		return answerKeys(c, asked)
	}
	if _, given := child(q.node, "list"); given && q.kind == "set" {
		return nil, c.storePreKeys(id, q.node)
	}
	return nil, errNotImplemented
}

// storePreKeys reads an upload. It refuses one whose identity is not that of the
// paired companion, which nobody could write to.
func (c *conn) storePreKeys(id deviceID, upload binary.Node) error {
	d, known := c.network.ledger.device(id)
	if !known {
		return errNotAllowed
	}
	if string(content(upload, "identity")) != string(d.Registration.Identity[:]) {
		c.log.Warn("prekeys of another identity refused")
		return errBadRequest
	}
	list, _ := child(upload, "list")
	keys, err := readPreKeys(list)
	if err != nil {
		c.log.Warn("prekeys refused", "err", err)
		return errBadRequest
	}
	signed := d.Registration.Signed
	if skey, given := child(upload, "skey"); given {
		signed, err = readSignedKey(d.Registration.Identity,
			content(skey, "id"), content(skey, "value"), content(skey, "signature"))
		if err != nil {
			c.log.Warn("prekeys refused", "err", err)
			return errBadRequest
		}
	}
	return c.network.ledger.addPreKeys(id, signed, keys)
}

func readPreKeys(list binary.Node) (map[uint32]key, error) {
	nodes := list.GetChildren()
	if len(nodes) > maxPreKeys {
		return nil, fmt.Errorf("%d prekeys at once", len(nodes))
	}
	keys := make(map[uint32]key, len(nodes))
	for _, node := range nodes {
		id, err := keyID(content(node, "id"))
		if err != nil {
			return nil, err
		}
		if keys[id], err = keyFrom(content(node, "value")); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
