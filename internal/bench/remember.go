package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

// remembering is a store that keeps, in memory, what reading a message needs: the
// sessions and who has which hidden number. The rest is forgotten.
type remembering struct {
	forgetful

	mu       sync.Mutex
	sessions map[string][]byte // below: guarded by mu
	lids     map[types.JID]types.JID
	pns      map[types.JID]types.JID
}

func (r *remembering) IsTrustedIdentity(context.Context, string, [32]byte) (bool, error) {
	return true, nil
}

func (r *remembering) GetSession(_ context.Context, address string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[address], nil
}

func (r *remembering) HasSession(_ context.Context, address string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[address] != nil, nil
}

func (r *remembering) GetManySessions(_ context.Context, addresses []string) (map[string][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[string][]byte, len(addresses))
	for _, a := range addresses {
		found[a] = r.sessions[a]
	}
	return found, nil
}

func (r *remembering) PutSession(_ context.Context, address string, session []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[address] = session
	return nil
}

func (r *remembering) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	for address, session := range sessions {
		_ = r.PutSession(ctx, address, session) // it always works
	}
	return nil
}

func (r *remembering) PutLIDMapping(_ context.Context, lid, pn types.JID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lids[bare(pn)], r.pns[bare(lid)] = bare(lid), bare(pn)
	return nil
}

func (r *remembering) GetLIDForPN(_ context.Context, pn types.JID) (types.JID, error) {
	return r.other(r.lids, pn), nil
}

func (r *remembering) GetPNForLID(_ context.Context, lid types.JID) (types.JID, error) {
	return r.other(r.pns, lid), nil
}

// other is the other name of a device.
func (r *remembering) other(names map[types.JID]types.JID, of types.JID) types.JID {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := names[bare(of)]
	if !found.IsEmpty() {
		found.Device = of.Device
	}
	return found
}

func (r *remembering) GetManyLIDsForPNs(_ context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	found := make(map[types.JID]types.JID)
	for _, pn := range pns {
		if lid := r.other(r.lids, pn); !lid.IsEmpty() {
			found[pn] = lid
		}
	}
	return found, nil
}

// remember makes a client one that reads, and that answers the first message of
// each conversation: until then every message would begin the session anew. It
// acknowledges as the daemon does, after its handler has returned.
func remember(ctx context.Context, c *whatsmeow.Client, said *atomic.Int64) {
	r := &remembering{
		forgetful: forgetful{&store.NoopStore{}},
		sessions:  make(map[string][]byte), lids: make(map[types.JID]types.JID), pns: make(map[types.JID]types.JID),
	}
	c.Store.Identities, c.Store.Sessions, c.Store.LIDs = r, r, r
	c.SynchronousAck = true
	c.SetForceActiveDeliveryReceipts(true)
	c.AddEventHandler(func(event any) {
		m, ok := event.(*events.Message)
		if !ok || text(m.Message) != opening {
			return
		}
		go func() {
			if _, err := c.SendMessage(ctx, m.Info.Chat, &waE2E.Message{Conversation: proto.String(opening)}); err != nil {
				fmt.Fprintln(os.Stderr, "answer:", err)
				return
			}
			said.Add(1)
		}()
	})
}

func text(m *waE2E.Message) string {
	if t := m.GetConversation(); t != "" {
		return t
	}
	return m.GetExtendedTextMessage().GetText()
}
