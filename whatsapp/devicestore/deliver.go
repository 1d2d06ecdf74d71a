package devicestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// errPanicked: nobody knows what a commit has done that panicked.
var errPanicked = errors.New("commit panicked")

// Arrival is what has arrived, as far as it is remembered.
type Arrival struct {
	Chat, Sender types.JID
	// ID is the message's. Without one nothing is remembered: for receipts,
	// calls and whatever else is no message.
	ID types.MessageID
	// At is the server's time of the message, as the library's event has it.
	At time.Time
	// Part is set if this message came inside another one, which is not dealt
	// with yet: the phone's answer to a request for lost messages holds several.
	Part bool
}

// Deliver makes what has arrived durable by one commit: the caller's own event
// together with what the library wrote while it decrypted the message, the mark
// that the message was seen, and its chat if that is new. The caller is the
// library's event handler, on the goroutine that called it.
//
// commit makes writes durable in the way of [Backend.Apply], together with the
// event, and returns nil only then; the map is its own. When it has returned, it
// writes no more. It must not wait for anyone who writes to this device. Its
// context ends also with [Container.Close], so the owner may call that while a
// commit waits for him.
//
// A message that was delivered before is a duplicate: commit is not called, and
// the decryption is durable all the same. After any error nothing more is written
// in this connection: it must be ended before the handler answers false, and the
// message comes again.
func (c *Container) Deliver(
	ctx context.Context, m Arrival, commit func(ctx context.Context, writes map[string][]byte) error,
) (duplicate bool, err error) {
	ring := c.active.Load()
	if ring == nil {
		return false, fmt.Errorf("deliver: %w", ErrUnknownDevice)
	}
	if duplicate, err = ring.deliver(ctx, m, commit); err != nil {
		return false, fmt.Errorf("deliver: %w", err)
	}
	return duplicate, nil
}

func (k *keyring) deliver(
	ctx context.Context, m Arrival, commit func(context.Context, map[string][]byte) error,
) (duplicate bool, err error) {
	if err := k.writing.enter(ctx); err != nil {
		k.life.fail(err)
		return false, err
	}
	defer k.writing.leave()
	ctx, cancel := context.WithCancelCause(ctx)
	k.stop.Store(&cancel) // before closed is asked: Close sets that first
	defer func() {
		k.stop.Store(nil)
		cancel(nil)
	}()
	if err := k.life.refusal(); err != nil {
		return false, err
	}
	err = errPanicked
	defer func() {
		if err != nil {
			k.fail(err)
		}
	}()
	duplicate, err = k.settle(ctx, m, commit)
	return duplicate, err
}

// settle delivers. The caller is behind writing.
func (k *keyring) settle(
	ctx context.Context, m Arrival, commit func(context.Context, map[string][]byte) error,
) (duplicate bool, err error) {
	v := &view{ring: k, writes: map[string][]byte{}}
	ways, err := v.bothWays(m.Chat, m.Sender)
	if err != nil {
		return false, err
	}
	if m.ID != "" {
		if duplicate, err = v.mark(ways, m.ID); err != nil {
			return false, err
		}
	}
	// Another message's plaintext must stay: it can be open beside this one when
	// a handler takes minutes, because the library goes on without it.
	dealtWith := m.ID != "" && !m.Part && k.open != nil && k.open.at.Unix() == m.At.Unix()
	if dealtWith && !k.unbuffer(k.open.hash) {
		if err := v.clearBuffered(k.open.hash); err != nil {
			return false, err
		}
	}
	if duplicate {
		err = k.applyAll(ctx, v.writes)
	} else {
		err = k.commitWith(ctx, v, ways, commit)
	}
	if err == nil && dealtWith {
		k.open = nil
	}
	return duplicate, err
}

// commitWith commits what is held and what the view wrote.
func (k *keyring) commitWith(
	ctx context.Context, v *view, ways []spelled, commit func(context.Context, map[string][]byte) error,
) error {
	if err := v.noteChat(ways); err != nil {
		return err
	}
	if err := k.count(); err != nil { // the commit may ask for the counts
		return err
	}
	if err := k.persist(ctx, k.held.Load().over(v.writes), commit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// applyAll applies, unless there is nothing at all to write.
func (k *keyring) applyAll(ctx context.Context, writes map[string][]byte) error {
	if len(writes) == 0 && k.held.Load() == nil {
		return nil
	}
	return k.apply(ctx, writes)
}

const markLength = 16

func markKey(shelf uint32, at spelled, id types.MessageID) key {
	hash := sha256.Sum256(newKey(tagMark).jid(at.chat).jid(at.sender).part(id))
	return newKey(tagMark).uint32(shelf).fixed(hash[:markLength])
}

// mark remembers a message, and reports whether it was remembered already.
func (v *view) mark(ways []spelled, id types.MessageID) (seen bool, err error) {
	numbers := onShelves(time.Now(), marksKept)
	for _, way := range ways {
		at := markKey(0, way, id)
		for _, shelf := range numbers {
			stored, err := v.get(newKey(tagMark).uint32(shelf).fixed(at[5:]))
			if err != nil || stored != nil {
				return stored != nil, err
			}
		}
	}
	return false, v.put(markKey(numbers[0], ways[0], id), newValue())
}
