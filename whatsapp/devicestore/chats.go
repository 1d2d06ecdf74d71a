package devicestore

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func settingsKey(chat types.JID) key { return newKey(tagChatSettings).jid(chat) }

func (v *view) chat(chat types.JID) (settings types.LocalChatSettings, err error) {
	stored, err := v.get(settingsKey(chat))
	if err != nil || stored == nil {
		return settings, err
	}
	r := read(stored)
	on := r.flags()
	until := r.int()
	settings = types.LocalChatSettings{Found: true, Pinned: on(0), Archived: on(1)}
	switch {
	case on(3):
		settings.MutedUntil = store.MutedForever
	case on(2):
		settings.MutedUntil = time.Unix(until, 0)
	}
	return settings, r.done("chat settings")
}

func (k *keyring) putChat(ctx context.Context, op string, chat types.JID, set func(*types.LocalChatSettings)) error {
	return k.update(ctx, op, func(v *view) error {
		settings, err := v.chat(chat)
		if err != nil {
			return err
		}
		set(&settings)
		forever := settings.MutedUntil.Equal(store.MutedForever)
		muted := !settings.MutedUntil.IsZero() && !forever
		var until int64
		if muted {
			until = settings.MutedUntil.Unix()
		}
		return v.put(settingsKey(chat), newValue().flags(settings.Pinned, settings.Archived, muted, forever).int(until))
	})
}

// PutMutedUntil mutes a chat, to the second; [store.MutedForever] mutes it for
// good, the zero time not at all.
func (k *keyring) PutMutedUntil(ctx context.Context, chat types.JID, mutedUntil time.Time) error {
	return k.putChat(ctx, "mute chat", chat, func(s *types.LocalChatSettings) { s.MutedUntil = mutedUntil })
}

// PutPinned pins a chat or not.
func (k *keyring) PutPinned(ctx context.Context, chat types.JID, pinned bool) error {
	return k.putChat(ctx, "pin chat", chat, func(s *types.LocalChatSettings) { s.Pinned = pinned })
}

// PutArchived archives a chat or not.
func (k *keyring) PutArchived(ctx context.Context, chat types.JID, archived bool) error {
	return k.putChat(ctx, "archive chat", chat, func(s *types.LocalChatSettings) { s.Archived = archived })
}

// GetChatSettings returns the settings of a chat; Found is false if none were
// ever put.
func (k *keyring) GetChatSettings(ctx context.Context, chat types.JID) (settings types.LocalChatSettings, err error) {
	err = k.read(ctx, "get chat settings", func(v *view) error {
		settings, err = v.chat(chat)
		return err
	})
	return settings, err
}
