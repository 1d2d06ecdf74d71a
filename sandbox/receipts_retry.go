package sandbox

import (
	"maps"
	"slices"
	"strconv"

	"go.mau.fi/whatsmeow/binary"
)

// maxRetries is how often a message is encrypted anew for a companion that cannot
// read it, and a phone asks for one that it cannot read.
const maxRetries = 5

// retry encrypts a message once more, for a companion that could not read it: in a
// new session, begun with the keys in the receipt or, when it brings none, with
// those on the server. A message of another companion is that one's to encrypt.
func (c *conn) retry(receipt binary.Node, id string) {
	box := c.network.mail.box(c.login)
	var plain, packed []byte
	count := 0
	l := box.find(id, func(l *letter) bool {
		if l.class != MailMessage || l.place == nil || l.status.Sends == 0 {
			return false
		}
		l.seen("retry", now())
		l.status.Retries++
		plain, packed, count = l.plain, l.packed, l.status.Retries
		return true
	})
	switch {
	case l == nil || count > maxRetries:
		c.log.Debug("retry without a message", "retries", count)
		return
	case l.author.Number != 0:
		c.network.postReceipt(l.author, c.login.jid(), id, "retry", now(), receipt.GetChildren()...)
		return
	}
	if err := c.network.encryptAnew(l, plain, packed, receipt, count); err != nil {
		c.log.Warn("message was not encrypted anew", "err", err)
	}
}

// encryptAnew replaces what is delivered as a letter.
func (n *Network) encryptAnew(l *letter, plain, packed []byte, receipt binary.Node, count int) error {
	author, known := n.ledger.lookUp(l.author.Phone)
	d, paired := n.ledger.device(l.box.id)
	if !known || !paired {
		return errNotAllowed
	}
	begin := func() (bundle, error) { return n.beginWith(d) }
	if _, given := child(receipt, "keys"); given {
		keys, err := readBundle(receipt, d.Registration.Identity)
		if err != nil {
			return err
		}
		begin = func() (bundle, error) { return keys, nil }
	}
	stanza, err := decodeNode(packed)
	if err != nil {
		return err
	}
	var packing error
	err = n.parties.of(author).encrypt(d, plain, true, begin, func(s sealed) {
		if packed, packing = binary.Marshal(resealed(stanza, s, count)); packing == nil {
			l.box.again(l, packed)
		}
	})
	if err == nil {
		err = packing
	}
	return err
}

// resealed is a message with other ciphertext.
func resealed(stanza binary.Node, s sealed, count int) binary.Node {
	children := slices.Clone(stanza.GetChildren())
	for i, node := range children {
		if node.Tag == "enc" {
			attrs := maps.Clone(node.Attrs)
			attrs["type"], attrs["count"] = s.kind, strconv.Itoa(count)
			children[i] = leaf("enc", attrs, s.body)
		}
	}
	stanza.Content = children
	return stanza
}
