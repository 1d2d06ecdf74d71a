package sandbox

import (
	"errors"
	"strconv"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// maxCopies bounds for how many devices one message is encrypted.
const maxCopies = 1000

// inbound is a message that a companion has sent, as far as the server can read
// it.
type inbound struct {
	id     string
	to     types.JID
	chat   phone // whose account to names
	edit   string
	copies []inboundCopy
	rest   []binary.Node // what goes along with each copy
}

// inboundCopy is a message encrypted for one device.
type inboundCopy struct {
	to    types.JID
	owner phone
	enc   binary.Node
}

var errStanza = errors.New("malformed message")

// handleMessage takes a message from a companion: it gives the copies to the
// phones, and to the server for other companions, and says so.
func (c *conn) handleMessage(node binary.Node) {
	if !c.loggedIn() {
		return
	}
	m, err := c.network.readMessage(node)
	if err != nil {
		c.log.Warn("message refused", "err", err)
		c.ackMessage(m, errBadRequest.code)
		return
	}
	how := c.network.behaviour(m.chat.Digits)
	switch {
	case how.Silent:
		c.log.Info("message not answered, as asked", "phone", masked(m.chat.Digits))
		return
	case how.RefuseWith != 0:
		c.ackMessage(m, how.RefuseWith)
		return
	}
	d, paired := c.network.ledger.device(c.login)
	if !paired {
		return
	}
	read := false
	for _, one := range m.copies {
		if one.to.Device != 0 {
			c.network.forward(d, m, one)
			continue
		}
		opened := c.readCopy(d, m, one)
		read = read || opened && one.owner.Digits == m.chat.Digits && m.chat.Digits != c.login.Phone
	}
	// Whoever gets the answer may ask at once what the phone has received.
	c.ackMessage(m, 0)
	if !read {
		return
	}
	at := now()
	if how.Receipts == ReceiptsDelivered || how.Receipts == ReceiptsRead {
		c.network.postReceipt(c.login, m.to, m.id, "", at)
	}
	if how.Receipts == ReceiptsRead {
		c.network.postReceipt(c.login, m.to, m.id, "read", at)
	}
}

// ackMessage answers a message. A sender waits for 75 s if nobody does.
func (c *conn) ackMessage(m inbound, code int) {
	if m.id == "" {
		return
	}
	attrs := binary.Attrs{"class": "message", "id": m.id, "t": now().Unix()}
	if m.to != (types.JID{}) {
		attrs["from"] = m.to
	}
	if code != 0 {
		attrs["error"] = strconv.Itoa(code)
	}
	c.say(element("ack", attrs))
}

// readMessage reads a companion's stanza. What it has understood of a malformed one
// is enough to refuse it.
func (n *Network) readMessage(node binary.Node) (inbound, error) {
	m := inbound{id: text(node, "id"), edit: text(node, "edit")}
	if m.id == "" || len(m.id) > maxID {
		m.id = ""
		return m, errStanza
	}
	var known bool
	m.to, _ = node.Attrs["to"].(types.JID)
	// A number that nobody has is no error: there is nobody to encrypt for either.
	if m.chat, known = n.ledger.owner(m.to); !known && m.to.Server != types.DefaultUserServer {
		return m, errStanza
	}
	add := func(jid any, holder binary.Node) error {
		to, isJID := jid.(types.JID)
		owner, known := n.ledger.owner(to)
		enc, given := child(holder, "enc")
		if _, bytes := enc.Content.([]byte); !isJID || !known || to.Device > maxDeviceNumber || !given || !bytes {
			return errStanza
		}
		m.copies = append(m.copies, inboundCopy{to: to, owner: owner, enc: enc})
		return nil
	}
	for _, part := range node.GetChildren() {
		switch part.Tag {
		case "enc":
			if err := add(node.Attrs["to"], node); err != nil {
				return m, err
			}
		case "participants":
			for _, to := range part.GetChildren() {
				if err := add(to.Attrs["jid"], to); err != nil || len(m.copies) > maxCopies {
					return m, errStanza
				}
			}
		case "device-identity":
			m.rest = append(m.rest, part)
		}
	}
	return m, nil
}

// readCopy gives a phone its copy. It says whether the phone could read it; one
// that cannot asks for another.
func (c *conn) readCopy(from device, m inbound, one inboundCopy) bool {
	n := c.network
	party := n.parties.of(one.owner)
	body, _ := one.enc.Content.([]byte)
	plain, err := party.decrypt(from, text(one.enc, "type"), body)
	var message waE2E.Message
	if err == nil {
		err = proto.Unmarshal(plain, &message)
	}
	if err != nil {
		c.log.Warn("phone cannot read a message", "phone", masked(one.owner.Digits), "err", err)
		if n.inbox.tries(one.owner.Digits, c.login, m.id) <= maxRetries {
			keys := party.bundle()
			n.postReceipt(c.login, one.to, m.id, "retry", now(),
				element("retry", binary.Attrs{"count": 1, "id": m.id, "t": now().Unix(), "v": 1}),
				keys.registration(), element("keys", nil, keys.keys()...))
		}
		return false
	}
	to, inner, own := m.to.String(), &message, false
	if copied := message.GetDeviceSentMessage(); copied != nil && one.owner.Digits == c.login.Phone {
		to, inner, own = copied.GetDestinationJID(), copied.GetMessage(), true
	}
	if one.owner.Digits == c.login.Phone {
		c.asksForKey(from, &message)
	}
	got := readContents(inner)
	got.ID, got.From, got.To, got.Own, got.At = m.id, c.login.jid().String(), to, own, now()
	n.inbox.put(one.owner.Digits, got)
	return true
}

// forward keeps a copy for another companion.
func (n *Network) forward(from device, m inbound, one inboundCopy) {
	to := deviceID{Phone: one.owner.Digits, Number: uint8(one.to.Device)}
	d, paired := n.ledger.device(to)
	if !paired || to == from.ID || !n.mail.room() {
		return
	}
	at := now()
	hidden := m.to.Server == types.HiddenUserServer
	attrs := binary.Attrs{"id": m.id, "t": at.Unix(), "type": "text"}
	sender, alias := from.ID.jid(), from.lidJID()
	if hidden {
		sender, alias = alias, sender
	}
	attrs["from"] = sender
	switch {
	case to.Phone == from.ID.Phone:
		attrs["recipient"] = m.to.ToNonAD()
	case hidden:
		attrs["sender_pn"], attrs["addressing_mode"] = alias, "lid"
	default:
		attrs["sender_lid"] = alias
	}
	if m.edit != "" {
		attrs["edit"] = m.edit
	}
	if name := n.ledger.profile(from.ID.Phone).Announced; name != "" {
		attrs["notify"] = name
	}
	packed, err := binary.Marshal(element("message", attrs, append([]binary.Node{one.enc}, m.rest...)...))
	if err != nil {
		n.log.Warn("message was not forwarded", "err", err)
		return
	}
	n.mail.take(&letter{
		box: n.mail.box(d.ID), id: m.id, class: MailMessage, from: sender, author: from.ID,
		status: MailStatus{Kind: "message", SentAt: at}, packed: packed,
	}, nil)
}
