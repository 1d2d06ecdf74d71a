package whatsapp

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/record"
)

// receiptNames are the receipts that are told. The others are between the
// account's own devices, or ask the library for something. A phone that has been
// read on is told like anybody else: it is how a program learns what needs no
// answer any more.
var receiptNames = map[types.ReceiptType]string{
	types.ReceiptTypeDelivered:  "delivered",
	types.ReceiptTypeInactive:   "delivered", // to a client that is not in front of anybody
	types.ReceiptTypeRead:       "read",
	types.ReceiptTypeReadSelf:   "read",
	types.ReceiptTypePlayed:     "played",
	types.ReceiptTypePlayedSelf: "played",
}

// receipts reads a receipt, in parts where it is about very many messages; none
// if it is not told.
func (r reader) receipts(e *events.Receipt) (all []*record.Message) {
	name := receiptNames[e.Type]
	if name == "" || (e.IsFromMe && name == "delivered") {
		return nil
	}
	w := r.source(&e.MessageSource, nil)
	for ids := range slices.Chunk(e.MessageIDs, maxTargets) {
		m := &record.Message{
			Chat: w.chat, From: w.from, LID: w.lid, FromMe: e.IsFromMe, Group: w.group,
			SentAt: seconds(e.Timestamp), Type: name,
		}
		for _, id := range ids {
			if id = bounded(id, maxID); id != "" {
				m.Targets = append(m.Targets, id)
			}
		}
		if len(m.Targets) > 0 {
			m.ID = m.Targets[0]
			all = append(all, m)
		}
	}
	return all
}

// seenAs is the id by which something that comes again is known. A receipt has
// no id of its own, and comes from each device of a person.
func seenAs(kind record.Kind, m *record.Message) string {
	switch kind {
	case "":
		return ""
	case record.MessageReceipt:
		sum := sha256.Sum256([]byte(strings.Join(m.Targets, "\x00")))
		return "receipt/" + m.Type + "/" + hex.EncodeToString(sum[:16])
	case record.MessageCall:
		return "call/" + m.ID
	default:
		return m.ID
	}
}

// call reads the offer of a call. Group is empty for a call between two.
func (r reader) call(e *types.BasicCallMeta) *record.Message {
	caller, alt := e.CallCreator, e.CallCreatorAlt
	if !isUser(plain(caller)) {
		caller, alt = e.From, types.EmptyJID
	}
	m := &record.Message{ID: bounded(e.CallID, maxID), SentAt: seconds(e.Timestamp), Type: "offer"}
	m.From, m.LID = r.book.named(caller, alt)
	m.Chat = m.From
	if !e.GroupJID.IsEmpty() {
		m.Chat, m.Group = text(plain(e.GroupJID)), true
	}
	return m
}
