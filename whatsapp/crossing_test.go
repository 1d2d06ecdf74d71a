package whatsapp_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestFirstTextsCross: the first text to somebody leaves while their first ones
// arrive. Both sides have begun a session, and neither asks for anything again.
func TestFirstTextsCross(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		const people, each = 20, 4
		for p := range people {
			who := fmt.Sprintf("1555300%04d", p)
			if err := r.network.Behave(t.Context(), who, sandbox.Behaviour{}); err != nil { // there is such a phone
				t.Fatal(err)
			}
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := a.SendText(t.Context(), instance.Text{To: who, Body: "ours"}); err != nil {
					t.Errorf("%d: %v", p, err)
				}
			})
			both.Go(func() {
				for n := range each {
					if _, err := r.network.Send(t.Context(), sandbox.SendSpec{
						From: who, To: phone, ID: fmt.Sprintf("P%dN%d", p, n), Text: "theirs", NoWait: true,
					}); err != nil {
						t.Errorf("%d: %v", p, err)
					}
				}
			})
			both.Wait()
			synctest.Wait()
			if got, err := r.network.Received(t.Context(), who); err != nil || len(got) != 1 || got[0].Text != "ours" {
				t.Errorf("person %d received %+v, %v", p, got, err)
			}
			for n := range each {
				if mail := r.mail(fmt.Sprintf("P%dN%d", p, n)); mail.Retries != 0 {
					t.Errorf("message %d of person %d was asked for again %d times", n, p, mail.Retries)
				}
			}
		}
		if told := r.told(); len(told) < people*each {
			t.Errorf("%d were told", len(told))
		}
	})
}
