package sandbox

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"crypto/rand"
	"fmt"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"google.golang.org/protobuf/proto"
)

// SyncHistory makes a phone tell its companions of the past, in a message of its
// own to them. Which receipts come back, and when, is in the mail: whatsmeow sends
// hist_sync and peer_msg as soon as it has decrypted the message, and sender, which
// is what acknowledges it, once it has been handled. A phone never does so by
// itself. The errors are those of Send.
func (n *Network) SyncHistory(ctx context.Context, digits string, spec HistorySpec) (Sent, error) {
	if !validPhone(digits) {
		return Sent{}, ErrBadPhone
	}
	if err := spec.check(); err != nil {
		return Sent{}, err
	}
	if !n.enter() {
		return Sent{}, ErrClosed
	}
	defer n.exit()
	account, known := n.ledger.lookUp(digits)
	if !known {
		return Sent{}, ErrUnknownPhone
	}
	companions := n.ledger.companions(digits)
	if len(companions) == 0 {
		return Sent{}, ErrNotPaired
	}
	plain, err := n.historyMessage(account, spec)
	if err != nil {
		return Sent{}, fmt.Errorf("sync history: %w", err)
	}
	at := now()
	letters, err := n.dispatch(dispatch{
		author: account, class: MailMessage, kind: "history", id: spec.ID, from: account.jid(false),
		attrs: binary.Attrs{"t": at.Unix(), "type": "text", "category": "peer"}, enc: binary.Attrs{"v": 2}, plain: plain,
	}, companions, !spec.NoWait)
	if err != nil {
		return Sent{}, fmt.Errorf("sync history: %w", err)
	}
	return n.settle(ctx, letters, SendSpec{ID: spec.ID, At: at}, account)
}

// historyMessage is the message that brings a history, or says where it is.
func (n *Network) historyMessage(account phone, spec HistorySpec) ([]byte, error) {
	history, err := n.history(spec)
	if err != nil {
		return nil, err
	}
	raw, err := proto.Marshal(history)
	if err != nil {
		return nil, fmt.Errorf("encode history: %w", err)
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("pack history: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack history: %w", err)
	}
	notice := &waE2E.HistorySyncNotification{
		SyncType: historyTypes[spec.Type].Enum(), ChunkOrder: &spec.ChunkOrder, Progress: &spec.Progress,
	}
	if spec.Download {
		f, err := sealFile(packed.Bytes(), "WhatsApp History Keys")
		if err != nil {
			return nil, err
		}
		f.path = n.media.put(f.body, account.Digits)
		notice.DirectPath, notice.MediaKey, notice.FileLength = &f.path, f.key, &f.size
		notice.FileSHA256, notice.FileEncSHA256 = f.plain[:], f.cipher[:]
	} else {
		notice.InitialHistBootstrapInlinePayload = packed.Bytes()
	}
	return proto.Marshal(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(), HistorySyncNotification: notice,
	}})
}

// history is what a specification says, in the protocol's terms.
func (n *Network) history(spec HistorySpec) (*waHistorySync.HistorySync, error) {
	phones := make(map[string]phone)
	for _, digits := range spec.phones() {
		p, err := n.ledger.phoneOrNew(digits)
		if err != nil {
			return nil, err
		}
		phones[digits] = p
	}
	h := &waHistorySync.HistorySync{
		SyncType:   waHistorySync.HistorySync_HistorySyncType(historyTypes[spec.Type]).Enum(),
		ChunkOrder: &spec.ChunkOrder, Progress: &spec.Progress,
	}
	for _, c := range spec.Conversations {
		h.Conversations = append(h.Conversations, conversation(phones[c.Chat], c))
	}
	for _, name := range spec.PushNames {
		h.Pushnames = append(h.Pushnames, &waHistorySync.Pushname{
			ID: proto.String(phones[name.Phone].jid(false).String()), Pushname: proto.String(name.Name),
		})
	}
	for _, digits := range spec.Mappings {
		h.PhoneNumberToLidMappings = append(h.PhoneNumberToLidMappings, &waHistorySync.PhoneNumberToLIDMapping{
			PnJID:  proto.String(phones[digits].jid(false).String()),
			LidJID: proto.String(phones[digits].jid(true).String()),
		})
	}
	return h, nil
}

// conversation is a chat of the past. Every message has its secret.
func conversation(contact phone, c HistoryConversation) *waHistorySync.Conversation {
	chat := contact.jid(false).String()
	out := &waHistorySync.Conversation{ID: &chat, Name: words(c.Name), UnreadCount: &c.Unread}
	var latest int64
	for _, m := range c.Messages {
		secret := make([]byte, 32)
		rand.Read(secret)
		at := m.At
		if at.IsZero() {
			at = now()
		}
		latest = max(latest, at.Unix())
		status := waWeb.WebMessageInfo_DELIVERY_ACK
		out.Messages = append(out.Messages, &waHistorySync.HistorySyncMsg{Message: &waWeb.WebMessageInfo{
			Key: &waCommon.MessageKey{
				RemoteJID: &chat, FromMe: proto.Bool(m.FromMe), ID: proto.String(cmp.Or(m.ID, newMessageID())),
			},
			Message:          &waE2E.Message{Conversation: proto.String(m.Text)},
			MessageTimestamp: proto.Uint64(uint64(max(at.Unix(), 0))),
			Status:           &status,
			MessageSecret:    secret,
		}})
	}
	if latest > 0 {
		out.ConversationTimestamp = proto.Uint64(uint64(latest))
	}
	return out
}
