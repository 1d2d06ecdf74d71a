package whatsapp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestSendText reaches the phone, and its receipts come back.
func TestSendText(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{Receipts: sandbox.ReceiptsRead}); err != nil {
			t.Fatal(err)
		}
		to := friend + "@s.whatsapp.net"
		for _, text := range []instance.Text{{To: friend, Body: "hello"}, {To: friend, Body: "again", ID: "MINE-1"}, {To: to, Body: "🙂"}} {
			sent, err := a.SendText(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			if sent.Text != text.Body || sent.To != to || sent.Chat != to || sent.From != phone+"@s.whatsapp.net" || !sent.FromMe ||
				sent.ID == "" || text.ID != "" && sent.ID != text.ID || time.Since(sent.SentAt) > time.Minute {
				t.Errorf("sent %+v", sent)
			}
			synctest.Wait()
			got, err := r.network.Received(t.Context(), friend)
			if err != nil || len(got) == 0 || got[len(got)-1].Text != text.Body || got[len(got)-1].ID != sent.ID {
				t.Fatalf("received %+v, %v", got, err)
			}
			told := r.told()
			if len(told) != 2 {
				t.Fatalf("told %+v", told)
			}
			for i, want := range []string{"delivered", "read"} {
				m := told[i].Message
				if told[i].Kind != record.MessageReceipt || m.Type != want || len(m.Targets) != 1 || m.Targets[0] != sent.ID || m.From != to || m.Chat != to {
					t.Errorf("%s: told %s %+v", want, told[i].Kind, m)
				}
			}
		}
		if g := a.Gauges(); g.Chats != 1 {
			t.Errorf("gauges %+v", g)
		}
	})
}

func TestSendTextRefused(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for _, bad := range []instance.Text{{To: "nobody", Body: "x"}, {To: "120363000000000001@g.us", Body: "x"}, {To: friend}} {
			var invalid *instance.InvalidError
			if _, err := a.SendText(t.Context(), bad); !errors.As(err, &invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{RefuseWith: 479}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SendText(t.Context(), instance.Text{To: friend, Body: "x"}); err == nil || !strings.Contains(err.Error(), "479") || strings.Contains(err.Error(), friend) {
			t.Errorf("refused: %v", err)
		}
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{Silent: true}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := a.SendText(ctx, instance.Text{To: friend, Body: "x"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := r.network.Behave(t.Context(), friend, sandbox.Behaviour{}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SendText(t.Context(), instance.Text{To: friend, Body: "x"}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		a.Close()
		if _, err := a.SendText(t.Context(), instance.Text{To: friend, Body: "x"}); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("closed: %v", err)
		}
	})
}

// TestSendTextToNobody goes to the own phone only, and is no error.
func TestSendTextToNobody(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		sent, err := a.SendText(t.Context(), instance.Text{To: "15559998888", Body: "anybody?"})
		if err != nil || sent.ID == "" {
			t.Fatalf("sent %+v, %v", sent, err)
		}
		synctest.Wait()
		if got, err := r.network.Received(t.Context(), phone); err != nil || len(got) != 1 || !got[0].Own {
			t.Errorf("the own phone received %+v, %v", got, err)
		}
		if told := r.told(); len(told) != 0 {
			t.Errorf("told %+v", told)
		}
	})
}
