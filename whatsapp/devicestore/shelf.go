package devicestore

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// How long rows are kept that nobody deletes.
const (
	// A reaction, a vote or an edit names a message by its secret; 90 days is how
	// far back a phone shows them by default.
	secretsKept = 90 * 24 * time.Hour
	// The server keeps what nobody acknowledged for 30 days.
	marksKept = 30 * 24 * time.Hour

	shelves = 3 // a kind of row is kept on so many full shelves
)

// shelf says on which shelf a row of a kind is put at some time. Its number
// stands first in the key, so the oldest rows come first in a scan and are thrown
// out a shelf at a time, without an index of their ages. A row stays for at least
// as long as it is kept, and for a third longer at most.
func shelf(at time.Time, kept time.Duration) uint32 {
	return uint32(at.Unix() / int64(kept.Seconds()/shelves))
}

// onShelves returns the shelves that a row may still be on, the newest first.
func onShelves(now time.Time, kept time.Duration) (numbers [shelves + 1]uint32) {
	newest := shelf(now, kept)
	for i := range numbers {
		numbers[i] = newest - uint32(i)
	}
	return numbers
}

// clearShelves drops the rows that are too old, a bounded number with each Apply.
func (k *keyring) clearShelves(ctx context.Context, tag byte, kept time.Duration) error {
	oldest := newKey(tag).uint32(shelf(time.Now(), kept) - shelves).String()
	return k.sweep(ctx, newKey(tag), oldest, func(v *view, key string) error {
		v.writes[key] = nil
		return nil
	})
}

// sweep lets remove delete the keys with a prefix that are lower than before. It
// looks at no more keys in one scan than it removes with one Apply, and lets
// others write in between.
func (k *keyring) sweep(ctx context.Context, prefix key, before string, remove func(v *view, key string) error) error {
	for more := true; more; {
		err := k.update(ctx, "delete old keys", func(v *view) error {
			var old []string
			err := v.scan(prefix, func(key string, _ []byte) error {
				if key >= before || len(old) == applyAtMost {
					return errStop
				}
				old = append(old, key)
				return nil
			})
			more = len(old) == applyAtMost
			for _, key := range old {
				if err := remove(v, key); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// spelled is a chat and a sender, both without device: as given, or both the
// other way of phone number and LID.
type spelled struct{ chat, sender types.JID }

// bothWays returns the ways a message's place may be spelled, as given first.
func (v *view) bothWays(chat, sender types.JID) ([]spelled, error) {
	given := spelled{chat.ToNonAD(), sender.ToNonAD()}
	other := given
	for _, jid := range []*types.JID{&other.chat, &other.sender} {
		alternative, err := v.alternative(*jid)
		if err != nil {
			return nil, err
		}
		if !alternative.IsEmpty() {
			*jid = alternative
		}
	}
	if other == given {
		return []spelled{given}, nil
	}
	return []spelled{given, other}, nil
}
