package sandbox_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/sandbox"
)

// received is what a phone has received.
func (r *rig) received(t testing.TB, digits string) []sandbox.ReceivedMessage {
	t.Helper()
	got, err := r.network.Received(t.Context(), digits)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// behave says how the contact behaves.
func (r *rig) behave(t testing.TB, how sandbox.Behaviour) {
	t.Helper()
	if err := r.network.Behave(t.Context(), contact, how); err != nil {
		t.Fatal(err)
	}
}

func TestTextToPhone(t *testing.T) {
	for name, test := range map[string]struct {
		how  sandbox.Receipts
		want []types.ReceiptType
	}{
		"delivered": {"", []types.ReceiptType{types.ReceiptTypeDelivered}},
		"read":      {sandbox.ReceiptsRead, []types.ReceiptType{types.ReceiptTypeDelivered, types.ReceiptTypeRead}},
		"none":      {sandbox.ReceiptsNone, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				w := r.enrol(t, someone)
				defer w.hangUp()
				r.behave(t, sandbox.Behaviour{Receipts: test.how})
				began := time.Now()
				var ids []string
				for i := range 3 {
					sent, err := w.client.SendMessage(t.Context(), pn(contact), words(fmt.Sprint("text ", i)))
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, sent.ID)
					for _, want := range test.want {
						if got := next(t, w.receipts); got.Type != want || got.MessageIDs[0] != sent.ID || got.Sender != pn(contact) {
							t.Errorf("receipt %+v, want %q", got, want)
						}
					}
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("took %v", took)
				}
				got, own := r.received(t, contact), r.received(t, someone)
				if len(got) != 3 || len(own) != 3 {
					t.Fatalf("contact has %+v, own phone %+v", got, own)
				}
				for i := range got {
					text := fmt.Sprint("text ", i)
					if got[i].ID != ids[i] || got[i].Text != text || got[i].Own || got[i].From != w.device.ID.String() || got[i].Kind != "text" {
						t.Errorf("contact has %+v", got[i])
					}
					if own[i].ID != ids[i] || own[i].Text != text || !own[i].Own || own[i].To != pn(contact).String() {
						t.Errorf("own phone has %+v", own[i])
					}
				}
				if len(w.receipts) > 0 {
					t.Errorf("receipt %+v", <-w.receipts)
				}
			})
		})
	}
}

func TestConversation(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		r.behave(t, sandbox.Behaviour{})
		// The session is begun by either side, and goes to and fro.
		for i := range 5 {
			if _, err := w.client.SendMessage(t.Context(), pn(contact), words(fmt.Sprint("to ", i))); err != nil {
				t.Fatal(err)
			}
			r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: fmt.Sprint("fro ", i), LIDAddressed: i%2 == 1})
			if m := next(t, w.messages); m.Message.GetConversation() != fmt.Sprint("fro ", i) {
				t.Errorf("message %q", m.Message.GetConversation())
			}
		}
		if got := r.received(t, contact); len(got) != 5 || got[4].Text != "to 4" {
			t.Errorf("received %+v", got)
		}
		// The same by the hidden number.
		lid, err := w.client.Store.LIDs.GetLIDForPN(t.Context(), pn(contact))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := w.client.SendMessage(t.Context(), lid, words("hidden"))
		if err != nil {
			t.Fatal(err)
		}
		got := r.received(t, contact)
		if last := got[len(got)-1]; last.Text != "hidden" || last.To != lid.String() {
			t.Errorf("received %+v", last)
		}
		for {
			if receipt := next(t, w.receipts); receipt.MessageIDs[0] == sent.ID {
				if receipt.Sender != lid {
					t.Errorf("receipt %+v", receipt)
				}
				break
			}
		}
	})
}

func TestSendsThatFail(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		r.behave(t, sandbox.Behaviour{RefuseWith: 463})
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("no")); !errors.Is(err, whatsmeow.ErrServerReturnedError) {
			t.Errorf("refused: %v", err)
		}
		r.behave(t, sandbox.Behaviour{Silent: true})
		began := time.Now()
		_, err := w.client.SendMessage(t.Context(), pn(contact), words("no"), whatsmeow.SendRequestExtra{Timeout: 3 * time.Second})
		if took := time.Since(began); !errors.Is(err, whatsmeow.ErrMessageTimedOut) || took != 3*time.Second {
			t.Errorf("unanswered: %v after %v", err, took)
		}
		r.behave(t, sandbox.Behaviour{})
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("yes")); err != nil {
			t.Error(err)
		}
		if got := r.received(t, contact); len(got) != 1 || got[0].Text != "yes" {
			t.Errorf("received %+v", got)
		}
		// Nobody has this number: the message goes nowhere, and that is no error.
		if _, err := w.client.SendMessage(t.Context(), pn("4915119999999"), words("hello?")); err != nil {
			t.Errorf("to nobody: %v", err)
		}
	})
}

func TestPhoneAsksAgain(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		r.behave(t, sandbox.Behaviour{})
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("first")); err != nil {
			t.Fatal(err)
		}
		next(t, w.receipts)
		// What the phone gets cannot be opened; it asks, and the client sends it anew.
		id := "GARBLED"
		sent := make(chan error, 1)
		go func() {
			_, err := w.client.SendMessage(t.Context(), pn(contact), words("again"), whatsmeow.SendRequestExtra{
				ID: id, AdditionalNodes: &[]waBinary.Node{{Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": "msg"}, Content: []byte("?")}},
			})
			sent <- err
		}()
		if err := next(t, sent); err != nil {
			t.Fatal(err)
		}
		w.until("it has arrived twice", func() bool {
			count := 0
			for _, m := range r.received(t, contact) {
				if m.ID == id && m.Text == "again" {
					count++
				}
			}
			return count == 2
		})
	})
}

func TestWhatClientsAsk(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		r.behave(t, sandbox.Behaviour{})
		began := time.Now()
		found, err := w.client.IsOnWhatsApp(t.Context(), []string{"+" + contact, "+4915119999999"})
		if err != nil || len(found) != 2 || !found[0].IsIn || found[0].JID != pn(contact) || found[0].Query != "+"+contact || found[1].IsIn {
			t.Errorf("on WhatsApp: %+v, %v", found, err)
		}
		info, err := w.client.GetUserInfo(t.Context(), []types.JID{pn(contact), pn(someone), pn("4915119999999")})
		if err != nil || info[pn(contact)].LID.Server != types.HiddenUserServer || len(info[pn(contact)].Devices) != 1 ||
			len(info[pn(someone)].Devices) != 2 || len(info[pn("4915119999999")].Devices) != 0 {
			t.Errorf("user info: %+v, %v", info, err)
		}
		sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "read me"})
		next(t, w.messages)
		if err := w.client.MarkRead(t.Context(), []string{sent.ID}, time.Now(), pn(contact), pn(contact)); err != nil {
			t.Errorf("mark read: %v", err)
		}
		if err := w.client.SendPresence(t.Context(), types.PresenceAvailable); err != nil {
			t.Errorf("presence: %v", err)
		}
		active := r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "active"})
		next(t, w.messages)
		if s := r.mailOf(t, active.ID); s.Receipt != "" || !s.Acknowledged {
			t.Errorf("mail %+v", s)
		}
		if s := r.mailOf(t, sent.ID); len(s.Receipts) != 2 || s.Receipts[1].Type != "read" || s.Receipt != "inactive" {
			t.Errorf("mail %+v", s)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestTwoAccountsWrite(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		a, second, b := r.enrol(t, someone), r.enrol(t, someone), r.enrol(t, contact)
		defer a.hangUp()
		defer b.hangUp()
		defer second.hangUp()
		for i := range 3 {
			sent, err := a.client.SendMessage(t.Context(), pn(contact), words(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			if m := next(t, b.messages); m.Message.GetConversation() != fmt.Sprint(i) || m.Info.Sender.User != someone || m.Info.IsFromMe {
				t.Errorf("message %+v", m.Info)
			}
			if m := next(t, second.messages); !m.Info.IsFromMe || m.Info.Chat != pn(contact) || m.Message.GetConversation() != fmt.Sprint(i) {
				t.Errorf("copy %+v", m.Info)
			}
			if err := b.client.MarkRead(t.Context(), []string{sent.ID}, time.Now(), pn(someone), pn(someone)); err != nil {
				t.Fatal(err)
			}
			for {
				if receipt := next(t, a.receipts); receipt.Type == types.ReceiptTypeRead && receipt.MessageIDs[0] == sent.ID {
					break
				}
			}
		}
		if s := r.send(t, sandbox.SendSpec{From: "4915112340009", To: someone, Text: "both"}); len(s.Copies) != 2 {
			t.Errorf("sent %+v", s)
		}
		next(t, a.messages)
		next(t, second.messages)
	})
}

func TestReceiptsWaitForTheCompanion(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		other := r.enrol(t, contact)
		sent, err := w.client.SendMessage(t.Context(), pn(contact), words("later"))
		if err != nil {
			t.Fatal(err)
		}
		next(t, other.messages)
		for range 2 { // the phone's and its companion's
			next(t, w.receipts)
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
		w.drop()
		if err := other.client.MarkRead(t.Context(), []string{sent.ID}, time.Now(), pn(someone), pn(someone)); err != nil {
			t.Fatal(err)
		}
		w.until("the receipt waits", func() bool { return len(r.waiting(t)) == 1 })
		w.connect()
		defer w.hangUp()
		defer other.hangUp()
		if receipt := next(t, w.receipts); receipt.Type != types.ReceiptTypeRead || receipt.MessageIDs[0] != sent.ID {
			t.Errorf("receipt %+v", receipt)
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
	})
}

func TestMessagesSurviveARestart(t *testing.T) {
	t.Parallel()
	file := stateFile(t)
	var w *writer
	t.Run("first life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file, Gap: roomyGap}))
		w = r.enrol(t, someone)
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "one"})
		next(t, w.messages)
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("two")); err != nil {
			t.Fatal(err)
		}
		next(t, w.receipts)
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "three"})
		next(t, w.messages)
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
		w.drop()
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "four", ID: "FOUR"})
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "five", ID: "FIVE"})
	})
	t.Run("second life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file, Gap: roomyGap}))
		w.rig, w.t = r, t
		w.connect()
		defer w.hangUp()
		for _, want := range []string{"four", "five"} {
			if m := next(t, w.messages); m.Message.GetConversation() != want {
				t.Errorf("message %q, want %q", m.Message.GetConversation(), want)
			}
		}
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "six"})
		if m := next(t, w.messages); m.Message.GetConversation() != "six" || m.RetryCount != 0 {
			t.Errorf("message %+v", m)
		}
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("seven")); err != nil {
			t.Fatal(err)
		}
		next(t, w.receipts)
		if got := r.received(t, contact); len(got) != 1 || got[0].Text != "seven" {
			t.Errorf("received %+v", got)
		}
		w.until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
	})
	t.Run("third life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file, Gap: roomyGap}))
		if mail := r.waiting(t); len(mail) != 0 {
			t.Errorf("mail %+v", mail)
		}
	})
}

func TestManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: stateFile(t), Gap: roomyGap}))
	companions := []*writer{r.enrol(t, "5511900000101"), r.enrol(t, "5511900000102"), r.enrol(t, "5511900000103")}
	const each = 40
	var wg sync.WaitGroup
	for i, w := range companions {
		digits := w.device.ID.User
		for s := range 2 {
			wg.Go(func() {
				for k := range each {
					spec := sandbox.SendSpec{From: fmt.Sprint("491511234000", s), To: digits, Text: fmt.Sprint(k), NoWait: k%2 == 0}
					if _, err := r.network.Send(t.Context(), spec); err != nil {
						t.Errorf("send: %v", err)
					}
				}
			})
		}
		wg.Go(func() {
			for k := range each {
				to := companions[(i+1)%len(companions)].device.ID.User
				if k%2 == 0 {
					to = "4915112340000"
				}
				if _, err := w.client.SendMessage(t.Context(), pn(to), words(fmt.Sprint(k))); err != nil {
					t.Errorf("send message: %v", err)
				}
			}
		})
		wg.Go(func() {
			latest := make(map[string]int)
			for range 2*each + each/2 {
				m := next(t, w.messages)
				var k int
				_, err := fmt.Sscan(m.Message.GetConversation(), &k)
				// A store this simple lets a send and a receipt overwrite each other's
				// session, so that now and then a message must come twice.
				if m.RetryCount > 0 {
					continue
				}
				if before, seen := latest[m.Info.Sender.String()]; err != nil || seen && k <= before {
					t.Errorf("%d after %d from %s", k, before, m.Info.Sender)
				}
				latest[m.Info.Sender.String()] = k
			}
		})
	}
	wg.Wait()
	companions[0].until("all is acknowledged", func() bool { return len(r.waiting(t)) == 0 })
	for _, w := range companions {
		w.hangUp()
	}
}
