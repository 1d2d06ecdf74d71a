package devicestore_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func TestContactNames(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	ann := pn("1", 0)
	name := func(put func() (bool, string, error), cost int, want string) {
		t.Helper()
		m.costs(t, cost, "a name", func() {
			changed, previous, err := put()
			equal(t, "answer", fmt.Sprintf("%v %q %v", changed, previous, err), want)
		})
	}
	push := func(n string) func() (bool, string, error) {
		return func() (bool, string, error) { return s.PutPushName(ctx, ann, n) }
	}
	business := func(n string) func() (bool, string, error) {
		return func() (bool, string, error) { return s.PutBusinessName(ctx, ann, n) }
	}
	name(push(""), 0, `false "" <nil>`)
	equal(t, "found", must(s.GetContact(ctx, ann)).Found, false)
	name(push("Ann"), 1, `true "" <nil>`)
	name(push("Ann"), 0, `false "" <nil>`)
	name(push("Anna"), 1, `true "Ann" <nil>`)
	name(business("Shop"), 1, `true "" <nil>`)
	name(business("Shop"), 0, `false "" <nil>`)
	m.costs(t, 1, "a contact name", func() { check(t, s.PutContactName(ctx, ann, "Ann", "Ann Smith")) })
	m.costs(t, 0, "the same contact name", func() { check(t, s.PutContactName(ctx, ann, "Ann", "Ann Smith")) })
	phone := []store.RedactedPhoneEntry{{JID: ann, RedactedPhone: "+∙∙∙∙01"}}
	m.costs(t, 1, "a redacted phone", func() { check(t, s.PutManyRedactedPhones(ctx, phone)) })
	m.costs(t, 0, "the same redacted phone", func() { check(t, s.PutManyRedactedPhones(ctx, phone)) })
	want := types.ContactInfo{
		Found: true, FirstName: "Ann", FullName: "Ann Smith", PushName: "Anna",
		BusinessName: "Shop", RedactedPhone: "+∙∙∙∙01",
	}
	equal(t, "contact", must(s.GetContact(ctx, ann)), want)

	bob, eve := lid("2", 0), types.JID{User: "a.b:c@d", Server: "x", RawAgent: 1, Device: 2, Integrator: 3}
	book := []store.ContactEntry{
		{JID: bob, FirstName: "Bob"},
		{JID: eve, FullName: "Eve"},
		{JID: bob, FirstName: "Robert"},
		{JID: ann, FirstName: "Ann", FullName: "Ann Smith"},
	}
	m.costs(t, 1, "an address book", func() { check(t, s.PutAllContactNames(ctx, book)) })
	m.costs(t, 0, "the same address book", func() { check(t, s.PutAllContactNames(ctx, book[1:])) })
	m.costs(t, 0, "empty lists", func() {
		check(t, s.PutAllContactNames(ctx, nil))
		check(t, s.PutManyRedactedPhones(ctx, nil))
	})
	everyone := must(s.GetAllContacts(ctx))
	equal(t, "contacts", len(everyone), 3)
	equal(t, "ann", everyone[ann], want)
	equal(t, "bob", everyone[bob], types.ContactInfo{Found: true, FirstName: "Robert"})
	equal(t, "eve", everyone[eve], types.ContactInfo{Found: true, FullName: "Eve"})
}

func TestChatSettings(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	chat := types.NewJID("1", types.GroupServer)
	settings := func(want types.LocalChatSettings) {
		t.Helper()
		got := must(s.GetChatSettings(ctx, chat))
		equal(t, "muted until", got.MutedUntil.Equal(want.MutedUntil), true)
		got.MutedUntil, want.MutedUntil = time.Time{}, time.Time{}
		equal(t, "settings", got, want)
	}
	settings(types.LocalChatSettings{})
	m.costs(t, 1, "the first setting", func() { check(t, s.PutPinned(ctx, chat, false)) })
	settings(types.LocalChatSettings{Found: true})
	for range 2 {
		check(t, s.PutPinned(ctx, chat, true))
		check(t, s.PutArchived(ctx, chat, true))
		check(t, s.PutMutedUntil(ctx, chat, seconds(1234)))
	}
	equal(t, "applies", m.applied(), 4)
	settings(types.LocalChatSettings{Found: true, Pinned: true, Archived: true, MutedUntil: seconds(1234)})
	check(t, s.PutArchived(ctx, chat, false))
	for range 2 {
		check(t, s.PutMutedUntil(ctx, chat, store.MutedForever))
	}
	equal(t, "applies", m.applied(), 6)
	settings(types.LocalChatSettings{Found: true, Pinned: true, MutedUntil: store.MutedForever})
	check(t, s.PutMutedUntil(ctx, chat, time.Time{}))
	settings(types.LocalChatSettings{Found: true, Pinned: true})
}

func TestMessageSecrets(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	group := types.NewJID("1", types.GroupServer)
	check(t, s.PutLIDMapping(ctx, lid("77", 0), pn("12", 0)))
	m.costs(t, 1, "a secret", func() {
		check(t, s.PutMessageSecret(ctx, pn("12", 3), pn("12", 3), "A", []byte("first")))
	})
	m.costs(t, 0, "a second one", func() {
		check(t, s.PutMessageSecret(ctx, pn("12", 0), pn("12", 9), "A", []byte("second")))
	})
	m.costs(t, 1, "several", func() {
		check(t, s.PutMessageSecrets(ctx, []store.MessageSecretInsert{
			{Chat: group, Sender: lid("77", 1), ID: "B", Secret: []byte("by lid")},
			{Chat: group, Sender: pn("13", 0), ID: "B", Secret: []byte("by another")},
			{Chat: lid("77", 0), Sender: pn("12", 0), ID: "B", Secret: []byte("mixed")},
		}))
	})
	m.costs(t, 0, "none", func() { check(t, s.PutMessageSecrets(ctx, nil)) })
	for _, test := range []struct {
		name         string
		chat, sender types.JID
		id           string
		want         string
		real         types.JID
	}{
		{"as put", pn("12", 0), pn("12", 0), "A", "first", pn("12", 0)},
		{"by another device", pn("12", 1), pn("12", 2), "A", "first", pn("12", 0)},
		{"by LID", lid("77", 0), lid("77", 4), "A", "first", pn("12", 0)},
		{"chat by LID", lid("77", 0), pn("12", 0), "A", "first", pn("12", 0)},
		{"put mixed", lid("77", 0), lid("77", 0), "B", "mixed", pn("12", 0)},
		{"asked mixed", pn("12", 0), lid("77", 0), "B", "mixed", pn("12", 0)},
		{"group, as put", group, lid("77", 0), "B", "by lid", lid("77", 0)},
		{"group, by number", group, pn("12", 5), "B", "by lid", lid("77", 0)},
		{"group, unmapped sender", group, pn("13", 0), "B", "by another", pn("13", 0)},
		{"another message", pn("12", 0), pn("12", 0), "C", "", types.EmptyJID},
		{"another sender", group, pn("14", 0), "B", "", types.EmptyJID},
		{"another chat", group, pn("12", 0), "A", "", types.EmptyJID},
	} {
		secret, sender, err := s.GetMessageSecret(ctx, test.chat, test.sender, test.id)
		equal(t, test.name, fmt.Sprintf("%s %s %v", secret, sender, err), fmt.Sprintf("%s %s <nil>", test.want, test.real))
		equal(t, test.name+" is nil", secret == nil, test.want == "")
	}
}

func TestPrivacyTokens(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	check(t, s.PutLIDMapping(ctx, lid("77", 0), pn("12", 0)))
	put := func(user types.JID, token string, at int64, cost int) {
		t.Helper()
		m.costs(t, cost, token, func() {
			check(t, s.PutPrivacyTokens(ctx, store.PrivacyToken{User: user, Token: []byte(token), Timestamp: seconds(at)}))
		})
	}
	token := func(user types.JID, want string) {
		t.Helper()
		got := must(s.GetPrivacyToken(ctx, user))
		if got == nil {
			equal(t, "token", "", want)
			return
		}
		equal(t, "token", fmt.Sprintf("%s %d", got.Token, got.Timestamp.Unix()), want)
		equal(t, "user", got.User, user.ToNonAD())
	}
	token(pn("12", 0), "")
	put(pn("12", 3), "a", 10, 1)
	put(pn("12", 0), "a", 10, 0)
	put(pn("12", 0), "older", 9, 0)
	token(pn("12", 0), "a 10")
	token(lid("77", 2), "a 10")
	put(lid("77", 0), "b", 20, 1)
	token(pn("12", 0), "b 20")
	token(lid("77", 0), "b 20")
	put(pn("12", 0), "c", 30, 1)
	token(lid("77", 0), "c 30")
	put(lid("77", 0), "d", 20, 1)
	token(lid("77", 0), "c 30")
	token(pn("13", 0), "")
	m.costs(t, 0, "none", func() { check(t, s.PutPrivacyTokens(ctx)) })
	m.costs(t, 1, "several", func() {
		check(t, s.PutPrivacyTokens(ctx,
			store.PrivacyToken{User: pn("20", 0), Timestamp: seconds(1)}, store.PrivacyToken{User: pn("21", 0), Timestamp: seconds(1)}))
	})
}

func TestEventBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := all(t)
		ctx := t.Context()
		start := time.Now()
		equal(t, "before", must(s.GetBufferedEvent(ctx, [32]byte{1})) == nil, true)
		m.costs(t, 1, "an event", func() { check(t, s.PutBufferedEvent(ctx, [32]byte{1}, []byte("hello"), seconds(5))) })
		e := must(s.GetBufferedEvent(ctx, [32]byte{1}))
		equal(t, "plaintext", string(e.Plaintext), "hello")
		equal(t, "server time", e.ServerTime.Unix(), 5)
		equal(t, "insert time", e.InsertTime.UnixMilli(), start.UnixMilli())
		if s.PutBufferedEvent(ctx, [32]byte{1}, []byte("again"), seconds(5)) == nil {
			t.Error("a ciphertext was buffered twice")
		}
		m.costs(t, 1, "clearing", func() { check(t, s.ClearBufferedEventPlaintext(ctx, [32]byte{1})) })
		m.costs(t, 0, "clearing again, or nothing", func() {
			check(t, s.ClearBufferedEventPlaintext(ctx, [32]byte{1}))
			check(t, s.ClearBufferedEventPlaintext(ctx, [32]byte{9}))
		})
		e = must(s.GetBufferedEvent(ctx, [32]byte{1}))
		equal(t, "plaintext is nil", e.Plaintext == nil, true)
		equal(t, "insert time", e.InsertTime.UnixMilli(), start.UnixMilli())
		check(t, s.PutBufferedEvent(ctx, [32]byte{2}, nil, seconds(5)))
		equal(t, "an empty plaintext is not a cleared one", must(s.GetBufferedEvent(ctx, [32]byte{2})).Plaintext != nil, true)

		time.Sleep(7 * 24 * time.Hour) //nolint:forbidigo // in a bubble
		for i := range 2500 {
			check(t, s.PutBufferedEvent(ctx, [32]byte{3, byte(i >> 8), byte(i)}, []byte("x"), seconds(6)))
		}
		m.costs(t, 0, "nothing is old", func() { check(t, s.DeleteOldBufferedHashes(ctx)) })
		time.Sleep(7*24*time.Hour + time.Millisecond) //nolint:forbidigo // in a bubble
		m.costs(t, 1, "two are old", func() { check(t, s.DeleteOldBufferedHashes(ctx)) })
		equal(t, "an old one", must(s.GetBufferedEvent(ctx, [32]byte{1})) == nil, true)
		equal(t, "a young one", must(s.GetBufferedEvent(ctx, [32]byte{3})) != nil, true)
		time.Sleep(7 * 24 * time.Hour) //nolint:forbidigo // in a bubble
		m.costs(t, 3, "2500 are old", func() { check(t, s.DeleteOldBufferedHashes(ctx)) })
		equal(t, "keys left", len(m.snapshot()), 0)
	})
}
