package sandbox_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

func TestTextToCompanion(t *testing.T) {
	for name, spec := range map[string]sandbox.SendSpec{
		"by number":        {From: contact, To: someone, Text: "olá", PushName: "Ana"},
		"by hidden number": {From: contact, To: someone, Text: "olá", PushName: "Ana", LIDAddressed: true},
		"from a stranger":  {To: someone, Text: "olá"},
		"without a secret": {From: contact, To: someone, Text: "olá", NoSecret: true},
		"with an id":       {From: contact, To: someone, Text: "olá", ID: "ABC", At: time.Unix(1_700_000_000, 0).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				w := r.enrol(t, someone)
				defer w.hangUp()
				sent := r.send(t, spec)
				m := next(t, w.messages)
				if m.Message.GetConversation() != "olá" || m.Info.ID != sent.ID || m.Info.PushName != spec.PushName ||
					m.Info.Sender.String() != sent.From || m.Info.Timestamp.Unix() != sent.At.Unix() || m.Info.IsFromMe {
					t.Errorf("message %+v, sent %+v", m.Info, sent)
				}
				if secret := m.RawMessage.GetMessageContextInfo().GetMessageSecret(); (len(secret) == 32) == spec.NoSecret {
					t.Errorf("secret of %d bytes", len(secret))
				}
				if lid := m.Info.Sender.Server == types.HiddenUserServer; lid != spec.LIDAddressed || m.Info.SenderAlt.IsEmpty() {
					t.Errorf("from %s, also %s", m.Info.Sender, m.Info.SenderAlt)
				}
				if len(sent.Copies) != 1 || !sent.Copies[0].Acknowledged || !sent.Copies[0].Connected {
					t.Errorf("sent %+v", sent)
				}
				if s := r.mailOf(t, sent.ID); !s.Acknowledged || s.Receipt != "inactive" || s.Sends != 1 || s.AcknowledgedAt.IsZero() {
					t.Errorf("mail %+v", s)
				}
			})
		})
	}
}

func TestEveryKindOfMessage(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		first := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "first"})
		next(t, w.messages)

		r.send(t, sandbox.SendSpec{From: contact, To: someone, Reaction: &sandbox.Reaction{Target: first.ID, Emoji: "👍"}})
		if m := next(t, w.messages).Message.GetReactionMessage(); m.GetText() != "👍" || m.GetKey().GetID() != first.ID || !m.GetKey().GetFromMe() {
			t.Errorf("reaction %v", m)
		}
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Reaction: &sandbox.Reaction{Target: "OURS", Emoji: "👍"}})
		if m := next(t, w.messages).Message.GetReactionMessage(); m.GetKey().GetFromMe() {
			t.Errorf("reaction to a message of the account %v", m)
		}
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Edit: &sandbox.Edit{Target: first.ID, Text: "second"}})
		m := next(t, w.messages)
		if p := m.Message.GetProtocolMessage(); !m.IsEdit || m.Info.Edit != types.EditAttributeMessageEdit ||
			p.GetEditedMessage().GetConversation() != "second" || p.GetKey().GetID() != first.ID {
			t.Errorf("edit %v", m.RawMessage)
		}
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Revoke: &sandbox.Revoke{Target: first.ID}})
		m = next(t, w.messages)
		if p := m.Message.GetProtocolMessage(); m.Info.Edit != types.EditAttributeSenderRevoke || p.GetKey().GetID() != first.ID {
			t.Errorf("revoke %v", m.RawMessage)
		}
		for _, lid := range []bool{false, true} {
			sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Call: &sandbox.Call{Video: lid}, LIDAddressed: lid})
			call := occurrence[*events.CallOffer](w)
			if call.From.String() != sent.From || call.CallID == "" || call.CallCreator != call.From || call.CallCreatorAlt.IsEmpty() == lid {
				t.Errorf("call %+v", call)
			}
			if !sent.Copies[0].Acknowledged {
				t.Errorf("call %+v", sent)
			}
		}
		own := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "by hand", FromSelf: true})
		m = next(t, w.messages)
		if !m.Info.IsFromMe || m.Info.Chat != pn(contact) || m.Message.GetConversation() != "by hand" || m.Info.DeviceSentMeta == nil {
			t.Errorf("own copy %+v", m.Info)
		}
		if s := r.mailOf(t, own.ID); s.Receipt != "sender" || !s.Acknowledged {
			t.Errorf("mail %+v", s)
		}
	})
}

func TestMailWaitsForTheCompanion(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		w.drop()
		const count = 50
		for i := range count {
			sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: fmt.Sprint(i), ID: fmt.Sprint("M", i)})
			if sent.Copies[0].Connected || sent.Copies[0].Acknowledged {
				t.Fatalf("sent %+v", sent)
			}
		}
		w.connect()
		if p := occurrence[*events.OfflineSyncPreview](w); p.Total != count || p.Messages != count {
			t.Errorf("preview %+v", p)
		}
		for i := range count {
			if m := next(t, w.messages); m.Message.GetConversation() != fmt.Sprint(i) {
				t.Fatalf("message %d says %q", i, m.Message.GetConversation())
			}
		}
		if done := occurrence[*events.OfflineSyncCompleted](w); done.Count != count {
			t.Errorf("completed %+v", done)
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
		w.drop()
		w.connect()
		defer w.hangUp()
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "live"})
		if m := next(t, w.messages); m.Message.GetConversation() != "live" {
			t.Errorf("old mail %q", m.Message.GetConversation())
		}
		if len(w.others) > 0 {
			t.Errorf("event %T", <-w.others)
		}
	})
}

// waiting returns the mail that has not been acknowledged.
func (r *rig) waiting(t testing.TB) []sandbox.MailStatus {
	t.Helper()
	mail, err := r.network.Mail(t.Context(), sandbox.MailQuery{Waiting: true})
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

func TestUnacknowledgedIsDeliveredAgain(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		w.drop()
		var fails atomic.Bool
		fails.Store(true)
		w.refuse = func(any) bool { return fails.Load() }
		w.connect()
		for i := range 3 {
			r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: fmt.Sprint(i), ID: fmt.Sprint("M", i), NoWait: true})
		}
		w.until("all is sent", func() bool {
			sends := 0
			for _, m := range r.waiting(t) {
				sends += m.Sends
			}
			return sends == 3
		})
		w.drop()
		fails.Store(false)
		w.connect()
		defer w.hangUp()
		for i := range 3 {
			if m := next(t, w.messages); m.Message.GetConversation() != fmt.Sprint(i) {
				t.Errorf("message %d says %q", i, m.Message.GetConversation())
			}
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
		if s := r.mailOf(t, "M1"); s.Sends != 2 || !s.Acknowledged {
			t.Errorf("mail %+v", s)
		}
	})
}

func TestRepeat(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "once"})
		next(t, w.messages)
		r.send(t, sandbox.SendSpec{From: contact, To: someone, ID: sent.ID, Repeat: true})
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "twice", Repeat: true, ID: "TWICE"})
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "end"})
		// The client knows the ciphertext: it acknowledges it, and tells nobody.
		for _, want := range []string{"twice", "end"} {
			if m := next(t, w.messages); m.Message.GetConversation() != want {
				t.Errorf("message %q, want %q", m.Message.GetConversation(), want)
			}
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
		for _, id := range []string{sent.ID, "TWICE"} {
			if s := r.mailOf(t, id); s.Sends != 2 || len(s.Receipts) != 2 {
				t.Errorf("mail %+v", s)
			}
		}
		_, err := r.network.Send(t.Context(), sandbox.SendSpec{From: contact, To: someone, ID: "NONE", Repeat: true})
		if !is(err, sandbox.ErrUnknownMessage) {
			t.Errorf("repeat of nothing: %v", err)
		}
	})
}

func TestRetry(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "before"})
		next(t, w.messages)
		// An answer makes the phone stop sending its keys along.
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("answer")); err != nil {
			t.Fatal(err)
		}
		w.vault.lose()
		sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "unreadable"})
		occurrence[*events.UndecryptableMessage](w)
		if m := next(t, w.messages); m.Message.GetConversation() != "unreadable" || m.RetryCount != 1 {
			t.Errorf("message %+v", m)
		}
		w.until("it is acknowledged", func() bool { return r.mailOf(t, sent.ID).Acknowledged })
		if s := r.mailOf(t, sent.ID); s.Retries != 1 || s.Sends != 2 {
			t.Errorf("mail %+v", s)
		}
	})
}
