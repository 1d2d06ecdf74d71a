//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

const friend = "15550002222"

// send has a phone write to the rig's, and does not wait for what becomes of it.
func (r *rig) send(spec sandbox.SendSpec) sandbox.Sent {
	r.t.Helper()
	if spec.From == "" {
		spec.From = friend
	}
	spec.To, spec.NoWait = phone, true
	sent, err := r.network.Send(r.t.Context(), spec)
	if err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return sent
}

// mail is what the sandbox believes of one piece of mail.
func (r *rig) mail(id string) sandbox.MailStatus {
	r.t.Helper()
	synctest.Wait()
	all, err := r.network.Mail(r.t.Context(), sandbox.MailQuery{To: phone, IDs: []string{id}})
	if err != nil || len(all) == 0 {
		r.t.Fatalf("mail %s: %d, %v", id, len(all), err)
	}
	return all[0]
}

// one is the one thing that was told.
func (r *rig) one() (record.Kind, record.Message) {
	r.t.Helper()
	all := r.told()
	if len(all) != 1 {
		r.t.Fatalf("told %+v\n%s", all, r.log)
	}
	return all[0].Kind, *all[0].Message
}

// TestArrivals has phones send one of each.
func TestArrivals(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		from := friend + "@s.whatsapp.net"
		image := &sandbox.Media{Kind: "image", Bytes: []byte("pixels"), Caption: "the door"}
		for name, c := range map[string]struct {
			spec sandbox.SendSpec
			kind record.Kind
			want record.Message
		}{
			"text":                 {sandbox.SendSpec{Text: "hello", PushName: "Ana"}, record.MessageText, record.Message{Text: "hello", Name: "Ana"}},
			"text by LID":          {sandbox.SendSpec{Text: "hello", LIDAddressed: true}, record.MessageText, record.Message{Text: "hello"}},
			"text of the own":      {sandbox.SendSpec{Text: "mine", FromSelf: true}, record.MessageText, record.Message{Text: "mine", FromMe: true}},
			"text of the own, LID": {sandbox.SendSpec{Text: "mine", FromSelf: true, LIDAddressed: true}, record.MessageText, record.Message{Text: "mine", FromMe: true}},
			"reaction":             {sandbox.SendSpec{Reaction: &sandbox.Reaction{Target: "X1", Emoji: "👍"}}, record.MessageReaction, record.Message{Text: "👍", Targets: []string{"X1"}}},
			"edit":                 {sandbox.SendSpec{Edit: &sandbox.Edit{Target: "X1", Text: "hi"}}, record.MessageEdited, record.Message{Text: "hi", Targets: []string{"X1"}}},
			"revoke":               {sandbox.SendSpec{Revoke: &sandbox.Revoke{Target: "X1"}}, record.MessageRevoked, record.Message{Targets: []string{"X1"}}},
			"call":                 {sandbox.SendSpec{Call: &sandbox.Call{}}, record.MessageCall, record.Message{Type: "offer"}},
			"picture":              {sandbox.SendSpec{Media: image}, record.MessageMedia, record.Message{Text: "the door", Type: "image", Media: &record.Media{MIME: "image/jpeg", Bytes: 6}}},
			"document": {
				sandbox.SendSpec{Media: &sandbox.Media{Kind: "document", Bytes: []byte("%PDF"), FileName: "a.pdf", MIME: "application/pdf"}},
				record.MessageMedia,
				record.Message{Type: "document", Media: &record.Media{MIME: "application/pdf", Bytes: 4, FileName: "a.pdf"}},
			},
			"sticker": {sandbox.SendSpec{Media: &sandbox.Media{Kind: "sticker", Bytes: []byte("webp")}}, record.MessageMedia, record.Message{Type: "sticker", Media: &record.Media{MIME: "image/webp", Bytes: 4}}},
			"audio":   {sandbox.SendSpec{Media: &sandbox.Media{Kind: "audio", Bytes: []byte("ogg")}}, record.MessageMedia, record.Message{Type: "audio", Media: &record.Media{MIME: "audio/ogg; codecs=opus", Bytes: 3}}},
			"video":   {sandbox.SendSpec{Media: &sandbox.Media{Kind: "video", Bytes: []byte("mp4")}}, record.MessageMedia, record.Message{Type: "video", Media: &record.Media{MIME: "video/mp4", Bytes: 3}}},
		} {
			sent := r.send(c.spec)
			kind, m := r.one()
			want := c.want
			want.ID, want.Chat, want.From, want.SentAt = sent.ID, from, from, sent.At.Truncate(time.Second)
			if want.FromMe {
				want.From, want.To = phone+"@s.whatsapp.net", from
			}
			if m.Media != nil && want.Media != nil {
				if m.Media.Ref == nil || len(m.Media.SHA256) != 64 {
					t.Errorf("%s: media %+v", name, m.Media)
				}
				m.Media.Ref, m.Media.SHA256 = nil, ""
			}
			if c.spec.Call != nil {
				want.ID = m.ID
			}
			if !strings.HasSuffix(m.LID, "@lid") {
				t.Errorf("%s: hidden number %q", name, m.LID)
			}
			m.LID = ""
			if got, want := fmt.Sprintf("%s %+v %+v", kind, m, m.Media), fmt.Sprintf("%s %+v %+v", c.kind, want, want.Media); strip(got) != strip(want) {
				t.Errorf("%s:\n %s\nwant\n %s", name, got, want)
			}
			if s := r.mail(sent.ID); !s.Acknowledged || s.Sends != 1 {
				t.Errorf("%s: mail %+v", name, s)
			}
		}
		if g := a.Gauges(); !g.Known || g.Chats != 1 || g.Contacts < 1 || g.Sent < 1000 || g.Received < 1000 {
			t.Errorf("gauges %+v", g)
		}
		for _, secret := range []string{"hello", "mine", "Ana", "the door", "a.pdf", phone, friend, "@lid"} {
			if strings.Contains(r.log.String(), secret) {
				t.Errorf("%q stands in the log", secret)
			}
		}
	})
}

// strip removes the addresses of pointers.
func strip(s string) string {
	for {
		i := strings.Index(s, "Media:0x")
		if i < 0 {
			return s
		}
		end := strings.IndexAny(s[i:], " }")
		s = s[:i] + s[i+end:]
	}
}

// TestAcknowledgedAfterwards holds that WhatsApp hears of nothing that is not
// stored yet.
func TestAcknowledgedAfterwards(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for name, spec := range map[string]sandbox.SendSpec{
			"text": {Text: "hello"}, "call": {Call: &sandbox.Call{}}, "own": {Text: "mine", FromSelf: true},
		} {
			waiting, release := make(chan struct{}), make(chan struct{})
			r.instead(func(context.Context, instance.Delivery) (bool, error) {
				close(waiting)
				<-release
				return false, nil
			})
			sent := r.send(spec)
			<-waiting
			time.Sleep(time.Minute)
			if s := r.mail(sent.ID); s.Acknowledged || len(s.Receipts) > 0 || s.Sends != 1 {
				t.Errorf("%s: acknowledged before it was stored: %+v", name, s)
			}
			r.instead(nil)
			close(release)
			if s := r.mail(sent.ID); !s.Acknowledged || s.Sends != 1 || len(r.told()) != 1 {
				t.Errorf("%s: afterwards %+v", name, s)
			}
		}
		a.notLost()
	})
}

// TestNotStored has what could not be stored come again, once, on the next
// connection.
func TestNotStored(t *testing.T) {
	failures := map[string]struct {
		deliver func(context.Context, instance.Delivery) (bool, error)
		cause   fsm.Cause // told by the driver; empty: the actor knows
	}{
		"unavailable": {func(context.Context, instance.Delivery) (bool, error) {
			return true, fmt.Errorf("commit: %w", instance.ErrUnavailable)
		}, ""},
		"refused": {func(context.Context, instance.Delivery) (bool, error) { return true, errDisk }, fsm.CauseInternalError},
		"panic":   {func(context.Context, instance.Delivery) (bool, error) { panic("on purpose") }, fsm.CauseInternalError},
	}
	for name, failure := range failures {
		for what, spec := range map[string]sandbox.SendSpec{
			"text": {Text: "hello", ID: "T1"}, "call": {Call: &sandbox.Call{}, ID: "C1"}, "own": {Text: "mine", FromSelf: true, ID: "O1"},
			"edit": {Edit: &sandbox.Edit{Target: "X", Text: "y"}, ID: "E1"},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
					a := r.pair()
					r.instead(failure.deliver)
					sent := r.send(spec)
					time.Sleep(time.Second)
					if s := r.mail(sent.ID); s.Acknowledged || len(s.Receipts) > 0 || len(s.Nacks) > 0 {
						t.Errorf("told WhatsApp: %+v", s)
					}
					if failure.cause == "" {
						a.notLost()
					} else if f := a.fact(instance.FactLost); f.Cause != failure.cause || f.Err == nil {
						t.Errorf("told %+v", f)
					}
					if a.LoggedOn() {
						t.Error("counts as logged on")
					}
					a.Close()
					r.instead(nil)
					b := r.login()
					defer b.Close()
					time.Sleep(time.Second)
					if told := r.told(); len(told) != 1 {
						t.Errorf("told %+v", told)
					}
					if s := r.mail(sent.ID); !s.Acknowledged || s.Sends != 2 {
						t.Errorf("afterwards %+v", s)
					}
					r.send(sandbox.SendSpec{Text: "next"})
					if _, m := r.one(); m.Text != "next" {
						t.Errorf("told %+v", m)
					}
				})
			})
		}
	}
}

// TestDeviceStoreFails ends the connection when the device's own writes fail.
func TestDeviceStoreFails(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		r.instead(func(context.Context, instance.Delivery) (bool, error) {
			t.Error("delivered")
			return true, errDisk
		})
		r.keys.breaks(errDisk)
		if _, err := r.network.SyncHistory(t.Context(), phone, sandbox.HistorySpec{NoWait: true, ID: "H1"}); err != nil {
			t.Fatal(err)
		}
		if f := a.fact(instance.FactLost); f.Cause != fsm.CauseStoreUnavailable || !errors.Is(f.Err, errDisk) {
			t.Errorf("told %+v", f)
		}
		if s := r.mail("H1"); s.Acknowledged || len(s.Receipts) > 0 {
			t.Errorf("told WhatsApp: %+v", s)
		}
		a.Close()
		r.keys.breaks(nil)
		r.instead(nil)
		b := r.login()
		defer b.Close()
		time.Sleep(time.Second)
		if s := r.mail("H1"); !s.Acknowledged || s.Sends != 2 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

// TestClosedMeanwhile does not acknowledge what was on its way when the
// connection ended, nor wait for it.
func TestClosedMeanwhile(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		r.instead(func(ctx context.Context, _ instance.Delivery) (bool, error) {
			<-ctx.Done()
			return true, ctx.Err()
		})
		sent := r.send(sandbox.SendSpec{Text: "hello"})
		began := time.Now()
		a.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("closed after %v", took)
		}
		a.notLost()
		r.instead(nil)
		if s := r.mail(sent.ID); s.Acknowledged {
			t.Errorf("acknowledged: %+v", s)
		}
		b := r.login()
		defer b.Close()
		if _, m := r.one(); m.ID != sent.ID {
			t.Errorf("told %+v", m)
		}
	})
}

// TestDuplicate stores once what comes twice, and acknowledges it each time.
func TestDuplicate(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for _, spec := range []sandbox.SendSpec{
			{Text: "hello", Repeat: true}, {Text: "hello", LIDAddressed: true, Repeat: true}, {Call: &sandbox.Call{}, Repeat: true}, {Text: "mine", FromSelf: true, Repeat: true},
		} {
			sent := r.send(spec)
			r.one()
			if s := r.mail(sent.ID); !s.Acknowledged || s.Sends < 2 {
				t.Errorf("%+v: %+v", spec, s)
			}
		}
		sent := r.send(sandbox.SendSpec{Text: "hello"})
		r.one()
		a.Close()
		b := r.login()
		defer b.Close()
		r.send(sandbox.SendSpec{ID: sent.ID, Repeat: true})
		if told := r.told(); len(told) != 0 {
			t.Errorf("told again on the next connection: %+v", told)
		}
	})
}

// TestMany stores each of many messages once, in each sender's order, while texts
// go out and receipts come in.
func TestMany(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		const senders, each = 4, 15
		var all sync.WaitGroup
		for i := range senders {
			from := fmt.Sprintf("1555000300%d", i)
			r.send(sandbox.SendSpec{From: from, Text: "first"}) // it makes the phone, and the session
			all.Go(func() {
				for n := range each {
					_, err := r.network.Send(t.Context(), sandbox.SendSpec{From: from, To: phone, Text: fmt.Sprint(n), NoWait: n%3 > 0})
					if err != nil {
						t.Error(err)
					}
				}
			})
			all.Go(func() {
				for range each / 3 {
					if _, err := a.SendText(t.Context(), instance.Text{To: from, Body: "answer"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		time.Sleep(time.Second)
		next, delivered := map[string]int{}, 0
		for _, d := range r.told() {
			switch d.Kind {
			case record.MessageText:
				if d.Message.Text == "first" {
					continue
				}
				if d.Message.Text != fmt.Sprint(next[d.Message.From]) {
					t.Errorf("%s: %s, want %d", d.Message.From, d.Message.Text, next[d.Message.From])
				}
				next[d.Message.From]++
			case record.MessageReceipt:
				delivered += len(d.Message.Targets)
			default:
				t.Errorf("told %+v", d)
			}
		}
		if len(next) != senders || delivered != senders*(each/3) {
			t.Errorf("from %d senders, %d receipts", len(next), delivered)
		}
		for from, n := range next {
			if n != each {
				t.Errorf("%s: %d", from, n)
			}
		}
		a.notLost()
		if strings.Contains(r.log.String(), "could not be decrypted") {
			t.Error("a ratchet was lost, and its messages had to be sent again")
		}
	})
}
