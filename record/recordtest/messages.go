package recordtest

import (
	"github.com/switchhook/switchhook/record"
)

// messages are the events of docs/messages.md, in its order.
func messages() []Sample {
	const ana, shop = "5511987654321@s.whatsapp.net", "5511955550001@s.whatsapp.net"
	from := record.Message{ID: "3EB0C767D097B7C71A2F", Chat: ana, From: ana, LID: "100000000000002@lid", Name: "Ana", SentAt: start}
	var all []Sample
	add := func(kind record.Kind, about string, change func(*record.Message)) {
		m := from
		change(&m)
		ev := happened(uint64(len(all)+12), kind)
		ev.Message = &m
		all = append(all, Sample{about, ev})
	}
	target := []string{"3EB0F2A94B1D5C6E7788"}
	add(record.MessageText, "Somebody wrote. `quoted` is there when it answers a message.", func(m *record.Message) {
		m.Text, m.Quoted = "Good morning! Are you open today?", target[0]
	})
	add(record.MessageText, "What the account's own phone writes comes here, too, with `from_me` and `to`.", func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe, m.Text = shop, "100000000000001@lid", "", ana, true, "Until eight this evening."
	})
	add(record.MessageMedia, "Somebody sent a file; `text` is its caption. It stays with WhatsApp until it is asked for.", func(m *record.Message) {
		m.Type, m.Text = "document", "the contract"
		m.Media = &record.Media{
			MIME: "application/pdf", Bytes: 48213, FileName: "contract.pdf", Ref: []byte("the key of the file"),
			SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		}
	})
	add(record.MessageOther, "Somebody sent something else; `type` says what.", func(m *record.Message) { m.Type = "location" })
	add(record.MessageReaction, "`targets` names the message, `text` is the emoji. Without `text` a reaction was taken back.", func(m *record.Message) {
		m.Targets, m.Text = target, "👍"
	})
	add(record.MessageEdited, "`text` is what the message in `targets` says now.", func(m *record.Message) {
		m.Targets, m.Text = target, "Are you open tomorrow?"
	})
	add(record.MessageRevoked, "The message in `targets` was deleted for everyone.", func(m *record.Message) { m.Targets = target })
	add(record.MessageReceipt, "The messages in `targets` were `delivered`, `read` or `played` by `from`.", func(m *record.Message) {
		m.ID, m.Name, m.Type, m.Targets = target[0], "", "read", target
	})
	add(record.MessageCall, "Somebody calls; `type` is `offer`. Switchhook does not answer.", func(m *record.Message) {
		m.ID, m.Name, m.Type = "6D6307C329734468", "", "offer"
	})
	add(record.MessageSent, "WhatsApp has taken over a message of ours. Whether it arrives is told by message.receipt.", func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe, m.Text = shop, "", "", ana, true, "Good morning! Until eight this evening."
	})
	add(record.MessageSent, "A file that was sent has `type` and `media`; `text` is its caption.", func(m *record.Message) {
		m.From, m.LID, m.Name, m.To, m.FromMe, m.Text = shop, "", "", ana, true, "Your invoice"
		m.Type = "document"
		m.Media = &record.Media{
			MIME: "application/pdf", Bytes: 20480, FileName: "invoice.pdf", Ref: []byte("the key of the file"),
			SHA256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		}
	})
	return all
}
