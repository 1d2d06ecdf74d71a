package devicestore_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func announcement(n *waE2E.HistorySyncNotification) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION.Enum(), HistorySyncNotification: n,
	}}
}

func inline(payload string) *waE2E.HistorySyncNotification {
	return &waE2E.HistorySyncNotification{InitialHistBootstrapInlinePayload: []byte(payload)}
}

// buffered has one message decrypted whose session is with this address.
func buffered(t testing.TB, s store.AllStores, address string, hash byte, m *waE2E.Message) error {
	t.Helper()
	return s.DoDecryptionTxn(t.Context(), func(ctx context.Context) error {
		check(t, s.PutSession(ctx, address, []byte{hash}))
		return s.PutBufferedEvent(ctx, [32]byte{hash}, append(must(proto.Marshal(m)), 2, 2), seconds(1))
	})
}

func pending(t testing.TB, c *devicestore.Container) (payloads string) {
	t.Helper()
	for _, todo := range must(c.PendingHistory(t.Context())) {
		payloads += string(todo.Notification.GetInitialHistBootstrapInlinePayload())
	}
	return payloads
}

// A history is on the list before the library can acknowledge it, and only if the
// account's own phone announced it.
func TestHistoryIsRemembered(t *testing.T) {
	for _, test := range []struct {
		name, address string
		message       *waE2E.Message
		want          string
		applies       int
	}{
		{"by number", ownPN.User + ":0", announcement(inline("A")), "A", 1},
		{"by LID", ownLID.User + "_1:0", announcement(inline("A")), "A", 1},
		{"wrapped", ownLID.User + "_1:0", &waE2E.Message{
			DeviceSentMessage: &waE2E.DeviceSentMessage{Message: announcement(inline("A"))},
		}, "A", 1},
		{"a stranger's", "49170000000:0", announcement(inline("A")), "", 0},
		{"a stranger with nearly the number", "x" + ownPN.User + ":0", announcement(inline("A")), "", 0},
		{"another errand", ownPN.User + ":0", &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{}}, "", 1},
		{"a text", ownPN.User + ":0", text("A"), "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, d, m := paired(t)
			m.costs(t, test.applies, "decryption", func() {
				check(t, buffered(t, d.Sessions.(store.AllStores), test.address, 1, test.message))
			})
			equal(t, "pending", pending(t, r.Container), test.want)
			r.Close()
			r.reopen(t)
			must(r.Load(r.owner.saved[0]))
			equal(t, "pending after a restart", pending(t, r.Container), test.want)
		})
	}
}

func TestHistoryStored(t *testing.T) {
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	equal(t, "pending", pending(t, r.Container), "")
	check(t, buffered(t, s, ownPN.User+":0", 1, announcement(inline("A"))))
	check(t, buffered(t, s, ownPN.User+":0", 2, announcement(inline("B"))))
	first := must(r.PendingHistory(t.Context()))[0]
	left := "B"
	if string(first.Notification.GetInitialHistBootstrapInlinePayload()) == "B" { // in the same millisecond
		left = "A"
	}
	m.costs(t, 1, "stored", func() { check(t, r.HistoryStored(t.Context(), first.ID)) })
	m.costs(t, 0, "again", func() { check(t, r.HistoryStored(t.Context(), first.ID)) })
	m.costs(t, 0, "nonsense", func() { check(t, r.HistoryStored(t.Context(), "?")) })
	equal(t, "pending", pending(t, r.Container), left)

	m.set(func(m *memory) { m.failNext = errDisk })
	err := buffered(t, s, ownPN.User+":0", 3, announcement(inline("C")))
	equal(t, "not acknowledged", errors.Is(err, context.Canceled), true)
	equal(t, "pending", pending(t, r.Container), left)
}

// The whole way: the phone announces, the library acknowledges from goroutines of
// its own, the daemon stores.
func TestHistoryFromThePhone(t *testing.T) {
	ann, _ := steady(t)
	phone := newParty(t, pn(ownPN.User, 0), lid(ownLID.User, 0))
	ann.decrypt(phone, must(phone.send(ann, ann.bundle())), 1)
	phone.decrypt(ann, must(ann.send(phone, nil)), ann.count)

	history := &waHistorySync.HistorySync{SyncType: waHistorySync.HistorySync_PUSH_NAME.Enum()}
	for i := range 10_000 {
		history.Pushnames = append(history.Pushnames, &waHistorySync.Pushname{
			ID: proto.String(fmt.Sprintf("49%d@s.whatsapp.net", i)), Pushname: proto.String("Bob"),
		})
	}
	history.Pushnames[5].ID, history.Pushnames[6].Pushname = proto.String("1:x@s.whatsapp.net"), proto.String("-")
	for i := range 2500 {
		history.Conversations = append(history.Conversations, &waHistorySync.Conversation{ID: proto.String(fmt.Sprintf("49%d@s.whatsapp.net", i))})
	}
	history.Conversations[7].ID = proto.String("status@broadcast")
	history.Conversations[8].ID = proto.String("499@c.us")
	notice := inline(string(deflate(t, history)))

	node := phone.stanza("SYNC", phone.encrypt(ann, announcement(notice)))
	node.Attrs["category"] = "peer"
	ann.in.shape = func(*devicestore.Arrival) bool { return false }
	ann.keys.costs(t, 2, "an announcement", func() { ann.receive(node) })
	ann.restart()
	ann.listen()
	todo := must(ann.rig.PendingHistory(t.Context()))
	equal(t, "pending", len(todo), 1)

	decoded := must(devicestore.DecodeHistory(todo[0].Notification.GetInitialHistBootstrapInlinePayload()))
	ann.keys.costs(t, 13, "storing", func() { check(t, ann.rig.StoreHistory(t.Context(), decoded)) })
	for _, writes := range ann.keys.applies {
		if len(writes) > 1000 {
			t.Errorf("an Apply of %d writes", len(writes))
		}
	}
	ann.keys.costs(t, 0, "the library's own storing", func() {
		must(ann.cli.DownloadHistorySync(t.Context(), todo[0].Notification, true))
	})
	check(t, ann.rig.HistoryStored(t.Context(), todo[0].ID))
	equal(t, "counts", must(ann.rig.Counts(t.Context())), devicestore.Counts{Contacts: 9998, Chats: 1 + 2498})
	equal(t, "name", must(ann.cli.Store.Contacts.GetContact(t.Context(), pn("4977", 0))).PushName, "Bob")
}

func deflate(t testing.TB, m proto.Message) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, err := z.Write(must(proto.Marshal(m)))
	check(t, err)
	check(t, z.Close())
	return out.Bytes()
}

// Lists of any length are applied a thousand writes at a time.
func TestLongLists(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	var pairs []store.LIDMapping
	var secrets []store.MessageSecretInsert
	var tokens []store.PrivacyToken
	var book []store.ContactEntry
	var phones []store.RedactedPhoneEntry
	for i := range 2000 {
		user := fmt.Sprint(i)
		pairs = append(pairs, store.LIDMapping{LID: lid(user, 0), PN: pn(user, 0)})
		secrets = append(secrets, store.MessageSecretInsert{Chat: pn(user, 0), Sender: pn(user, 0), ID: "A", Secret: []byte("s")})
		tokens = append(tokens, store.PrivacyToken{User: pn(user, 0), Token: []byte("t"), Timestamp: seconds(1)})
		book = append(book, store.ContactEntry{JID: pn(user, 0), FullName: "Bob"})
		phones = append(phones, store.RedactedPhoneEntry{JID: pn(user, 0), RedactedPhone: "∙∙1"})
	}
	m.costs(t, 5, "4000 writes for mappings", func() { check(t, s.PutManyLIDMappings(ctx, pairs)) })
	m.costs(t, 2, "secrets", func() { check(t, s.PutMessageSecrets(ctx, secrets)) })
	m.costs(t, 2, "tokens", func() { check(t, s.PutPrivacyTokens(ctx, tokens...)) })
	m.costs(t, 2, "contacts", func() { check(t, s.PutAllContactNames(ctx, book)) })
	m.costs(t, 2, "phones", func() { check(t, s.PutManyRedactedPhones(ctx, phones)) })
	for _, writes := range m.applies {
		if len(writes) > 1000 {
			t.Errorf("an Apply of %d writes", len(writes))
		}
	}
	equal(t, "the last LID", must(s.GetLIDForPN(ctx, pn("1999", 0))), lid("1999", 0))
	equal(t, "contacts", len(must(s.GetAllContacts(ctx))), 2000)
}

// Whatever a phone's message holds, the store finds the history that the library
// finds.
func FuzzPeek(f *testing.F) {
	for _, m := range []*waE2E.Message{
		text("a"), announcement(inline("A")),
		{DeviceSentMessage: &waE2E.DeviceSentMessage{Message: announcement(inline("A"))}},
		{},
		announcement(nil), announcement(&waE2E.HistorySyncNotification{}),
	} {
		raw, err := proto.Marshal(m)
		check(f, err)
		f.Add(append(raw, 1))
		f.Add(append(raw, 3, 3, 3))
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, padded []byte) {
		errand, history := devicestore.Peek(padded)
		m := &waE2E.Message{}
		if len(padded) == 0 || proto.Unmarshal(unpad(padded), m) != nil {
			equal(t, "history of rubbish", history == nil, true)
			return
		}
		equal(t, "errand", errand, m.GetProtocolMessage() != nil)
		if sent := m.GetDeviceSentMessage().GetMessage(); sent != nil {
			m = sent
		}
		equal(t, "history", proto.Equal(history, m.GetProtocolMessage().GetHistorySyncNotification()), true)
	})
}

// unpad is the library's.
func unpad(b []byte) []byte {
	last := b[len(b)-1]
	if !bytes.HasSuffix(b, bytes.Repeat([]byte{last}, int(last))) {
		return []byte{0xFF}
	}
	return b[:len(b)-int(last)]
}
