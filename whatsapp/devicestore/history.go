package devicestore

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// historyAtMost bounds a decoded history: a full one of a busy phone comes in
// chunks of some MB.
const historyAtMost = 256 << 20

var errHistoryTooLarge = errors.New("history is too large")

// HistoryTodo is a history that the phone has announced and that was not stored
// yet.
type HistoryTodo struct {
	ID           string // for [Container.HistoryStored]
	Notification *waE2E.HistorySyncNotification
}

func historyKey(arrived time.Time, hash [hashLength]byte) key {
	return newKey(tagHistory).uint64(uint64(arrived.UnixMilli())).fixed(hash[:])
}

// PendingHistory returns what is to be stored, oldest first. It was made durable
// before the library could acknowledge it.
func (c *Container) PendingHistory(ctx context.Context) ([]HistoryTodo, error) {
	ring := c.active.Load()
	if ring == nil {
		return nil, nil
	}
	var todo []HistoryTodo
	err := ring.read(ctx, "list history", func(v *view) error {
		return v.scan(newKey(tagHistory), func(key string, stored []byte) error {
			r := read(stored)
			raw := r.raw()
			if err := r.done("history"); err != nil {
				return err
			}
			notification := &waE2E.HistorySyncNotification{}
			if err := proto.Unmarshal(raw, notification); err != nil {
				return fmt.Errorf("history: %w", ErrCorrupt)
			}
			todo = append(todo, HistoryTodo{hex.EncodeToString([]byte(key[1:])), notification})
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return todo, nil
}

// HistoryStored takes a history off the list. One that is not on it costs
// nothing.
func (c *Container) HistoryStored(ctx context.Context, id string) error {
	ring := c.active.Load()
	if ring == nil {
		return nil
	}
	rest, _ := hex.DecodeString(id) // of nonsense, what leads to no row
	return ring.update(ctx, "take history off", func(v *view) error {
		return v.remove(newKey(tagHistory).fixed(rest))
	})
}

// DecodeHistory reads a history as the library downloads it, or as a notification
// holds it inline.
func DecodeHistory(payload []byte) (*waHistorySync.HistorySync, error) {
	z, err := zlib.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, historyAtMost+1))
	if err == nil && len(raw) > historyAtMost {
		err = errHistoryTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	history := &waHistorySync.HistorySync{}
	if err := proto.Unmarshal(raw, history); err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	return history, nil
}

// StoreHistory stores of a history what the library does not, its conversations
// as chats, and what the library would store one Apply at a time, the names that
// users have chosen: it finds them unchanged afterwards, which is free. Each Apply
// is of a thousand writes at most. It may be called again for the same history.
func (c *Container) StoreHistory(ctx context.Context, history *waHistorySync.HistorySync) error {
	ring := c.active.Load()
	if ring == nil {
		return fmt.Errorf("store history: %w", ErrUnknownDevice)
	}
	names := history.GetPushnames()
	err := ring.updateEach(ctx, "store history", len(names), 1, func(v *view, i int) error {
		user, err := types.ParseJID(names[i].GetID())
		if err != nil || names[i].GetPushname() == "-" {
			return nil //nolint:nilerr // as the library: the others count
		}
		_, _, err = v.rename(user, names[i].GetPushname(), pushName)
		return err
	})
	if err != nil {
		return err
	}
	chats := history.GetConversations()
	return ring.updateEach(ctx, "store history", len(chats), 1, func(v *view, i int) error {
		chat, err := types.ParseJID(chats[i].GetID())
		if err != nil {
			return nil //nolint:nilerr // as the library: the others count
		}
		if chat.Server == types.LegacyUserServer {
			chat.Server = types.DefaultUserServer
		}
		return v.noteChatOf(chat)
	})
}
