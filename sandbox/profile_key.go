package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

// KindSettingsKey is the kind of the mail by which a phone shares the key to its
// account's settings: a message that nobody writes and nobody is told of.
const KindSettingsKey = "settings key"

// settingsKey is what an account's settings are encrypted with. The phone makes it and
// shares it with its companions.
type settingsKey struct {
	ID   []byte    `json:"id"`
	Data []byte    `json:"data"` // 32 bytes
	At   time.Time `json:"at"`
}

func newSettingsKey() settingsKey {
	k := settingsKey{ID: make([]byte, 6), Data: make([]byte, 32), At: now()}
	rand.Read(k.ID)
	rand.Read(k.Data)
	return k
}

// settingsStore is the little that the coding of settings wants of a device: the key,
// and the MACs of what has been read.
type settingsStore struct {
	*store.NoopStore
	key  *store.AppStateSyncKey
	id   []byte
	macs map[string][]byte
}

// processor reads and writes settings with the key, beginning with none.
func (k settingsKey) processor() *appstate.Processor {
	s := &settingsStore{
		NoopStore: &store.NoopStore{}, id: k.ID, macs: make(map[string][]byte),
		key: &store.AppStateSyncKey{Data: k.Data, Timestamp: k.At.UnixMilli()},
	}
	return appstate.NewProcessor(&store.Device{AppState: s, AppStateKeys: s}, waLog.Noop)
}

func (s *settingsStore) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	if !slices.Equal(id, s.id) {
		return nil, nil
	}
	return s.key, nil
}

func (s *settingsStore) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, mutations []store.AppStateMutationMAC) error {
	for _, m := range mutations {
		s.macs[name+"\x00"+string(m.IndexMAC)] = m.ValueMAC
	}
	return nil
}

func (s *settingsStore) DeleteAppStateMutationMACs(_ context.Context, name string, indexMACs [][]byte) error {
	for _, mac := range indexMACs {
		delete(s.macs, name+"\x00"+string(mac))
	}
	return nil
}

func (s *settingsStore) GetAppStateMutationMAC(_ context.Context, name string, indexMAC []byte) ([]byte, error) {
	return s.macs[name+"\x00"+string(indexMAC)], nil
}

// welcome shares the key with a companion that has just become ready and does not
// have it. A phone does so after a pairing; with companions that were enrolled it does
// once it has something to tell them, see [Network.Rename].
func (c *conn) welcome() {
	d, known := c.network.ledger.device(c.login)
	owner, _ := c.network.ledger.lookUp(c.login.Phone)
	if !known || d.Registration.System == enrolledSystem {
		return
	}
	c.network.shareKey(owner, []device{d}, false)
}

// shareKey has a phone share the key to its account's settings with companions: with
// those that do not have it, or with all of them again.
func (n *Network) shareKey(owner phone, companions []device, again bool) {
	if n.behaviour(owner.Digits).Profiles == ProfilesKeyless {
		return
	}
	for _, d := range companions {
		if d.KeyShared && !again {
			continue
		}
		if err := n.shareKeyWith(owner, d); err != nil {
			n.log.Warn("key was not shared", "phone", masked(owner.Digits), "device", d.ID.Number, "err", err)
		}
	}
}

func (n *Network) shareKeyWith(owner phone, d device) error {
	key, err := n.ledger.settingsKey(owner.Digits)
	if err != nil {
		return err
	}
	plain, err := proto.Marshal(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(),
		AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
			KeyID: &waE2E.AppStateSyncKeyId{KeyID: key.ID},
			KeyData: &waE2E.AppStateSyncKeyData{
				KeyData: key.Data, Timestamp: proto.Int64(key.At.UnixMilli()),
				Fingerprint: &waE2E.AppStateSyncKeyFingerprint{RawID: &owner.RawID, CurrentIndex: proto.Uint32(0), DeviceIndexes: []uint32{0}},
			},
		}}},
	}})
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	_, err = n.dispatch(dispatch{
		author: owner, class: MailMessage, kind: KindSettingsKey, id: newMessageID(), from: owner.jid(false),
		attrs: binary.Attrs{"t": now().Unix(), "type": "text", "category": "peer"}, enc: binary.Attrs{"v": 2}, plain: plain,
	}, []device{d}, false)
	if err != nil {
		return err
	}
	return n.ledger.noteKeyShared(d.ID)
}

// asksForKey answers a companion's message to its own phone that asks for the key.
func (c *conn) asksForKey(from device, m *waE2E.Message) {
	if m.GetProtocolMessage().GetAppStateSyncKeyRequest() == nil {
		return
	}
	if owner, known := c.network.ledger.lookUp(from.ID.Phone); known {
		c.network.shareKey(owner, []device{from}, true)
	}
}
