package devicestore_test

import (
	"errors"
	"testing"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/util/optional"
	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

var errNobody = errors.New("encrypted for nobody")

// party is a WhatsApp device that talks through whatsmeow's own encryption,
// without a network.
type party struct {
	t     *testing.T
	rig   *rig
	cli   *whatsmeow.Client
	keys  *memory
	lid   types.JID
	count byte
	in    *inbox // nil until listen
}

func newParty(t *testing.T, pn, lid types.JID) *party {
	r := newRig(t)
	d := must(r.NewDevice())
	pair(d, pn, lid)
	check(t, d.Save(t.Context()))
	p := &party{t: t, rig: r, lid: lid, keys: r.store(r.owner.saved[0].ID)}
	p.restart()
	return p
}

// restart makes a new client on a restored device, as every connection does.
func (p *party) restart() {
	p.rig.Close()
	p.rig.reopen(p.t)
	p.cli = whatsmeow.NewClient(must(p.rig.Load(p.rig.owner.saved[0])), nil)
	p.cli.EnableDecryptedEventBuffer = true
}

func (p *party) bundle() *prekey.Bundle {
	d := p.cli.Store
	one := must(d.PreKeys.GetOrGenPreKeys(p.t.Context(), 1))[0]
	check(p.t, d.PreKeys.MarkPreKeysAsUploaded(p.t.Context(), one.KeyID))
	return prekey.NewBundle(
		d.RegistrationID, uint32(p.lid.Device), optional.NewOptionalUint32(one.KeyID), d.SignedPreKey.KeyID,
		ecc.NewDjbECPublicKey(*one.Pub), ecc.NewDjbECPublicKey(*d.SignedPreKey.Pub), *d.SignedPreKey.Signature,
		identity.NewKey(ecc.NewDjbECPublicKey(*d.IdentityKey.Pub)),
	)
}

// send encrypts the next message for another party, with its prekeys if given.
func (p *party) send(to *party, b *prekey.Bundle) (*waBinary.Node, error) {
	p.count++
	node, _, err := p.cli.DangerousInternals().EncryptMessageForDevice(p.t.Context(), []byte{p.count}, to.lid, b, nil, nil)
	return node, err
}

// fanOut encrypts as a message to a contact does: sessions prefetched, all stored
// at the end.
func (p *party) fanOut(to *party) (*waBinary.Node, error) {
	p.count++
	nodes, _, err := p.cli.DangerousInternals().EncryptMessageForDevices(
		p.t.Context(), []types.JID{to.lid}, "id", []byte{p.count}, nil, nil)
	if err == nil && len(nodes) == 0 {
		err = errNobody // the library only logs why
	}
	if err != nil {
		return nil, err
	}
	return &nodes[0].GetChildren()[0], nil
}

// decrypt decrypts a message, as one that no event is made of, and fails the test
// if it is not the one expected.
func (p *party) decrypt(from *party, node *waBinary.Node, want byte) {
	p.t.Helper()
	node.Attrs["v"] = "2"
	plain, hash, err := p.cli.DangerousInternals().DecryptDM(
		p.t.Context(), node, from.lid, node.Attrs["type"] == "pkmsg", seconds(1))
	check(p.t, err)
	check(p.t, p.cli.Store.EventBuffer.ClearBufferedEventPlaintext(p.t.Context(), *hash))
	equal(p.t, "plaintext", string(plain), string([]byte{want}))
}

func couple(t *testing.T) (ann, bob *party) {
	ann = newParty(t, ownPN, ownLID)
	bob = newParty(t, pn("491700000002", 3), lid("200000000000002", 3))
	ann.decrypt(bob, must(bob.send(ann, ann.bundle())), 1)
	bob.decrypt(ann, must(ann.send(bob, nil)), 1)
	return ann, bob
}

// A conversation survives restarts, costs one Apply a message, and leaves no
// plaintext behind that was dealt with.
func TestConversation(t *testing.T) {
	ann, bob := couple(t)
	equal(t, "the used prekey is gone", must(ann.cli.Store.PreKeys.UploadedPreKeyCount(t.Context())), 0)
	for i := range 6 {
		if i == 3 {
			ann.restart()
			bob.restart()
		}
		var one, two *waBinary.Node
		ann.keys.costs(t, 2, "two sends", func() { one, two = must(ann.send(bob, nil)), must(ann.fanOut(bob)) })
		bob.keys.costs(t, 1, "a message", func() { bob.decrypt(ann, two, ann.count) })
		bob.keys.costs(t, 1, "an earlier one", func() { bob.decrypt(ann, one, ann.count-1) })
		ann.decrypt(bob, must(bob.fanOut(ann)), bob.count)
	}
}

// A message arrives between the moments at which a send reads the session and
// writes it: the send fails, nothing of the message is lost, and it can be sent
// again.
func TestDecryptionDuringASend(t *testing.T) {
	ann, bob := couple(t)
	incoming := must(bob.send(ann, nil))
	var once bool
	ann.keys.set(func(m *memory) {
		m.onGet = func(key string) {
			if key[0] == 'i' && !once { // the send asks whether bob's identity is trusted
				once = true
				ann.decrypt(bob, incoming, bob.count)
			}
		}
	})
	_, err := ann.fanOut(bob)
	equal(t, "a message arrived meanwhile", once, true)
	if !errors.Is(err, devicestore.ErrConflict) {
		t.Fatalf("send: %v", err)
	}
	bob.decrypt(ann, must(ann.fanOut(bob)), ann.count)
	ann.decrypt(bob, must(bob.send(ann, nil)), bob.count)
}

// A send happens while a message is being decrypted: both count.
func TestSendDuringADecryption(t *testing.T) {
	ann, bob := couple(t)
	incoming := must(bob.send(ann, nil))
	var outgoing *waBinary.Node
	ann.keys.set(func(m *memory) {
		m.onGet = func(key string) {
			if key[0] == 'i' && outgoing == nil {
				outgoing = &waBinary.Node{}
				outgoing = must(ann.fanOut(bob))
			}
		}
	})
	ann.decrypt(bob, incoming, bob.count)
	bob.decrypt(ann, outgoing, ann.count)
	bob.decrypt(ann, must(ann.send(bob, nil)), ann.count)
	ann.decrypt(bob, must(bob.send(ann, nil)), bob.count)
}

// The library's answer to an identity change finds its sessions by phone number.
func TestIdentityChangeNotification(t *testing.T) {
	ann := newParty(t, ownPN, ownLID)
	d := ann.cli.Store
	check(t, d.Sessions.PutSession(t.Context(), "4911:2", []byte("a")))
	check(t, d.Sessions.PutSession(t.Context(), "49110:2", []byte("a")))
	ann.cli.DangerousInternals().HandleEncryptNotification(t.Context(), &waBinary.Node{
		Tag:     "notification",
		Attrs:   waBinary.Attrs{"from": pn("4911", 0), "type": "encrypt", "t": "1"},
		Content: []waBinary.Node{{Tag: "identity"}},
	})
	equal(t, "session", must(d.Sessions.HasSession(t.Context(), "4911:2")), false)
	equal(t, "another user's", must(d.Sessions.HasSession(t.Context(), "49110:2")), true)
}
