package devicestore_test

import (
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func TestEveryMethodReportsTheBackend(t *testing.T) {
	ctx := t.Context()
	var s store.AllStores
	var m *memory
	fresh := func() { // a fault may end the connection
		s, m = all(t)
		check(t, s.PutSession(ctx, "1:0", []byte("a")))
	}
	fresh()
	group, user := types.NewJID("1", types.GroupServer), pn("1", 0)
	writes := map[string]func() error{
		"PutIdentity":            func() error { return s.PutIdentity(ctx, "1:0", [32]byte{1}) },
		"PutSession":             func() error { return s.PutSession(ctx, "1:0", []byte("b")) },
		"PutManySessions":        func() error { return s.PutManySessions(ctx, map[string][]byte{"2:0": nil}) },
		"DeleteSession":          func() error { return s.DeleteSession(ctx, "1:0") },
		"DeleteAllSessions":      func() error { return s.DeleteAllSessions(ctx, "1") },
		"MigratePNToLID":         func() error { return s.MigratePNToLID(ctx, user, lid("1", 0)) },
		"PutSenderKey":           func() error { return s.PutSenderKey(ctx, "g", "1:0", nil) },
		"GetOrGenPreKeys":        func() error { return second(s.GetOrGenPreKeys(ctx, 1)) },
		"GenOnePreKey":           func() error { return second(s.GenOnePreKey(ctx)) },
		"PutAppStateSyncKey":     func() error { return s.PutAppStateSyncKey(ctx, nil, store.AppStateSyncKey{}) },
		"PutAppStateVersion":     func() error { return s.PutAppStateVersion(ctx, "n", 1, [128]byte{}) },
		"PutAppStateMutationMAC": func() error { return s.PutAppStateMutationMACs(ctx, "n", 1, macs("a", "b")) },
		"PutPushName":            func() error { _, _, err := s.PutPushName(ctx, user, "x"); return err },
		"PutBusinessName":        func() error { _, _, err := s.PutBusinessName(ctx, user, "x"); return err },
		"PutContactName":         func() error { return s.PutContactName(ctx, user, "x", "y") },
		"PutAllContactNames":     func() error { return s.PutAllContactNames(ctx, []store.ContactEntry{{JID: user}}) },
		"PutManyRedactedPhones":  func() error { return s.PutManyRedactedPhones(ctx, []store.RedactedPhoneEntry{{JID: user}}) },
		"PutMutedUntil":          func() error { return s.PutMutedUntil(ctx, group, seconds(1)) },
		"PutPinned":              func() error { return s.PutPinned(ctx, group, true) },
		"PutArchived":            func() error { return s.PutArchived(ctx, group, true) },
		"PutMessageSecret":       func() error { return s.PutMessageSecret(ctx, group, user, "i", nil) },
		"PutMessageSecrets":      func() error { return s.PutMessageSecrets(ctx, []store.MessageSecretInsert{{}}) },
		"PutPrivacyTokens":       func() error { return s.PutPrivacyTokens(ctx, store.PrivacyToken{User: user, Timestamp: seconds(1)}) },
		"PutBufferedEvent":       func() error { return s.PutBufferedEvent(ctx, [32]byte{}, nil, time.Now()) },
		"PutLIDMapping":          func() error { return s.PutLIDMapping(ctx, lid("1", 0), user) },
		"PutManyLIDMappings": func() error {
			return s.PutManyLIDMappings(ctx, []store.LIDMapping{{LID: lid("1", 0), PN: user}})
		},
	}
	reads := map[string]func() error{
		"GetSession":                 func() error { return second(s.GetSession(ctx, "1:0")) },
		"HasSession":                 func() error { return second(s.HasSession(ctx, "1:0")) },
		"GetManySessions":            func() error { return second(s.GetManySessions(ctx, []string{"1:0"})) },
		"IsTrustedIdentity":          func() error { return second(s.IsTrustedIdentity(ctx, "1:0", [32]byte{})) },
		"GetPreKey":                  func() error { return second(s.GetPreKey(ctx, 1)) },
		"UploadedPreKeyCount":        func() error { return second(s.UploadedPreKeyCount(ctx)) },
		"GetSenderKey":               func() error { return second(s.GetSenderKey(ctx, "g", "1:0")) },
		"GetAppStateSyncKey":         func() error { return second(s.GetAppStateSyncKey(ctx, nil)) },
		"GetLatestAppStateSyncKeyID": func() error { return second(s.GetLatestAppStateSyncKeyID(ctx)) },
		"GetAppStateVersion":         func() error { _, _, err := s.GetAppStateVersion(ctx, "n"); return err },
		"GetAppStateMutationMAC":     func() error { return second(s.GetAppStateMutationMAC(ctx, "n", nil)) },
		"GetContact":                 func() error { return second(s.GetContact(ctx, user)) },
		"GetAllContacts":             func() error { return second(s.GetAllContacts(ctx)) },
		"GetChatSettings":            func() error { return second(s.GetChatSettings(ctx, group)) },
		"GetMessageSecret":           func() error { _, _, err := s.GetMessageSecret(ctx, group, user, "i"); return err },
		"GetPrivacyToken":            func() error { return second(s.GetPrivacyToken(ctx, user)) },
		"GetBufferedEvent":           func() error { return second(s.GetBufferedEvent(ctx, [32]byte{})) },
		"GetPNForLID":                func() error { return second(s.GetPNForLID(ctx, lid("1", 0))) },
		"GetLIDForPN":                func() error { return second(s.GetLIDForPN(ctx, user)) },
		"GetManyLIDsForPNs":          func() error { return second(s.GetManyLIDsForPNs(ctx, []types.JID{user})) },
		"DeleteIdentity":             func() error { return s.DeleteIdentity(ctx, "1:0") },
		"DeleteAllIdentities":        func() error { return s.DeleteAllIdentities(ctx, "1") },
		"RemovePreKey":               func() error { return s.RemovePreKey(ctx, 1) },
		"MarkPreKeysAsUploaded":      func() error { return s.MarkPreKeysAsUploaded(ctx, 1) },
		"DeleteAppStateVersion":      func() error { return s.DeleteAppStateVersion(ctx, "n") },
		"DeleteAppStateMutationMACs": func() error { return s.DeleteAppStateMutationMACs(ctx, "n", [][]byte{nil}) },
		"ClearBufferedEvent":         func() error { return s.ClearBufferedEventPlaintext(ctx, [32]byte{}) },
		"DeleteOldBufferedHashes":    func() error { return s.DeleteOldBufferedHashes(ctx) },
	}
	equal(t, "methods", len(writes)+len(reads)+1, 55) // and DoDecryptionTxn
	for name, call := range writes {
		fresh()
		m.set(func(m *memory) { m.failNext = errDisk })
		if err := call(); !errors.Is(err, errDisk) {
			t.Errorf("%s when Apply fails: %v", name, err)
		}
		equal(t, name+": applies", m.applied(), 1)
		fresh()
		m.set(func(m *memory) { m.failGet = errDisk })
		if err := call(); !errors.Is(err, errDisk) {
			t.Errorf("%s when Get fails: %v", name, err)
		}
	}
	for name, call := range reads {
		fresh()
		m.set(func(m *memory) { m.failGet = errDisk })
		if err := call(); !errors.Is(err, errDisk) {
			t.Errorf("%s when Get fails: %v", name, err)
		}
	}

	fresh()
	writeEverything(t, s)
	m.set(func(m *memory) {
		for k := range m.keys {
			m.keys[k] = []byte{0xFF}
		}
	})
	for _, name := range []string{"GetSession", "GetAllContacts", "UploadedPreKeyCount", "GetLatestAppStateSyncKeyID"} {
		if err := reads[name](); !errors.Is(err, devicestore.ErrCorrupt) {
			t.Errorf("%s of rubbish: %v", name, err)
		}
	}
}
