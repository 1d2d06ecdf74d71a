package sandbox

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// maxIDs bounds how many messages one receipt may speak of.
const maxIDs = 1000

// maxID bounds the length of a message's id. Real ones have 20 or 32 bytes.
const maxID = 128

// acknowledging are the types of receipts by which a companion takes over a
// message. The phone's own messages to it also bring peer_msg and hist_sync, which
// say no such thing: whatsmeow sends them before whoever handles the message has
// had a look at it, and "sender" afterwards.
var acknowledging = map[string]bool{"": true, "inactive": true, "sender": true}

// handleReceipt takes a companion's receipts: they acknowledge mail, ask for a
// message to be encrypted anew, and reach the author if that is a companion.
func (c *conn) handleReceipt(node binary.Node) {
	if !c.loggedIn() {
		return
	}
	ids := receiptIDs(node)
	if len(ids) == 0 {
		c.log.Warn("receipt refused", "nodes", len(node.GetChildren()))
		return
	}
	kind := text(node, "type")
	if kind == "retry" {
		c.retry(node, ids[0])
	} else {
		c.receipt(kind, node.Attrs["to"], ids)
	}
	attrs := binary.Attrs{"class": "receipt", "id": ids[0], "from": cmp.Or[any](node.Attrs["to"], types.ServerJID)}
	if kind != "" {
		attrs["type"] = kind
	}
	c.say(element("ack", attrs))
}

// receiptIDs returns the messages that a receipt is about, or none if it is no
// receipt.
func receiptIDs(node binary.Node) []string {
	ids := []string{text(node, "id")}
	if list, more := child(node, "list"); more {
		for _, item := range list.GetChildren() {
			ids = append(ids, text(item, "id"))
		}
	}
	if len(ids) > maxIDs || slices.ContainsFunc(ids, func(id string) bool { return id == "" || len(id) > maxID }) {
		return nil
	}
	return ids
}

// receipt notes a receipt for messages and ends the waiting of those that it
// acknowledges.
func (c *conn) receipt(kind string, to any, ids []string) {
	jid, _ := to.(types.JID)
	author, _ := c.network.ledger.owner(jid)
	box, at := c.network.mail.box(c.login), now()
	var readers []*letter
	finished := box.finish(func(l *letter) bool {
		if l.class != MailMessage || l.status.Sends == 0 || l.author.Phone != author.Digits {
			return false
		}
		l.seen(kind, at)
		if l.author.Number != 0 {
			readers = append(readers, l)
		}
		if acknowledging[kind] && !l.status.Acknowledged {
			l.status.Acknowledged, l.status.AcknowledgedAt, l.status.Receipt = true, at, kind
		}
		return acknowledging[kind]
	}, ids...)
	c.network.mail.file(finished...)
	for _, l := range readers {
		c.network.tellAuthor(l, c.login.jid(), kind, at)
	}
}

// tellAuthor passes a receipt on to the companion that has written the message.
func (n *Network) tellAuthor(l *letter, reader types.JID, kind string, at time.Time) {
	if kind == "inactive" {
		kind = ""
	}
	n.postReceipt(l.author, reader, l.id, kind, at)
}

// postReceipt sends a companion a receipt for a message of its own.
func (n *Network) postReceipt(to deviceID, from types.JID, id, kind string, at time.Time, more ...binary.Node) {
	attrs := binary.Attrs{"from": from, "id": id, "t": at.Unix()}
	if kind != "" {
		attrs["type"] = kind
	}
	packed, err := binary.Marshal(element("receipt", attrs, more...))
	if err != nil || !n.mail.room() {
		n.log.Warn("receipt was not sent", "err", err)
		return
	}
	reader, _ := n.ledger.owner(from)
	n.mail.take(&letter{
		box: n.mail.box(to), id: id, class: MailReceipt, from: from, author: deviceID{Phone: reader.Digits},
		status: MailStatus{Kind: cmp.Or(kind, "delivered"), SentAt: at}, packed: packed,
	}, nil)
}

// handleAck takes a companion's acknowledgements of receipts and calls, and its
// refusals of messages. That it acknowledges a message without refusing it means
// nothing: it does so when it could not read it.
func (c *conn) handleAck(node binary.Node) {
	id, class := text(node, "id"), MailClass(text(node, "class"))
	if !c.loggedIn() || id == "" {
		return
	}
	code, _ := strconv.Atoi(text(node, "error"))
	if class == MailMessage && code == 0 {
		return
	}
	kind := cmp.Or(text(node, "type"), "delivered")
	at := now()
	c.network.mail.file(c.network.mail.box(c.login).finish(func(l *letter) bool {
		if l.class != class || l.status.Sends == 0 || class == MailReceipt && l.status.Kind != kind {
			return false
		}
		switch {
		case code != 0 && len(l.status.Nacks) < maxReceipts:
			l.status.Nacks = append(l.status.Nacks, code)
		case code == 0 && !l.status.Acknowledged:
			l.status.Acknowledged, l.status.AcknowledgedAt = true, at
		}
		return true
	}, id)...)
}
