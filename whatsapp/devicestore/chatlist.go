package devicestore

import (
	"context"

	"go.mau.fi/whatsmeow/types"
)

func chatKey(chat types.JID) key { return newKey(tagChat).jid(chat) }

// NoteChat remembers that there is a chat, because a message goes to it. One that
// is known costs nothing.
func (c *Container) NoteChat(ctx context.Context, chat types.JID) error {
	ring := c.active.Load()
	if ring == nil {
		return ErrUnknownDevice
	}
	return ring.update(ctx, "note chat", func(v *view) error { return v.noteChatOf(chat) })
}

func (v *view) noteChatOf(chat types.JID) error {
	ways, err := v.bothWays(chat, types.EmptyJID)
	if err != nil {
		return err
	}
	return v.noteChat(ways)
}

// noteChat puts a chat's row, unless there is one however the chat is spelled.
// The status broadcast is no chat.
func (v *view) noteChat(ways []spelled) error {
	if chat := ways[0].chat; chat.IsEmpty() || chat == types.StatusBroadcastJID {
		return nil
	}
	for _, way := range ways {
		if stored, err := v.get(chatKey(way.chat)); err != nil || stored != nil {
			return err
		}
	}
	return v.put(chatKey(ways[0].chat), newValue())
}
