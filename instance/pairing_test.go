//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

const desk = "5511999990000"

type codeAnswer struct {
	code record.Code
	err  error
}

// linkPhone asks for a code to type, in the background.
func (r *rig) linkPhone(digits string) <-chan codeAnswer {
	out := make(chan codeAnswer, 1)
	go func() {
		code, err := r.LinkPhone(r.t.Context(), digits, nil)
		out <- codeAnswer{code, err}
	}()
	synctest.Wait()
	return out
}

func TestLinkPhone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		answer := r.linkPhone(desk)
		c := r.connected()
		c.codeTyped <- phoneCode{"ABCD-EFGH", nil}
		r.tell(c, codes("q1", "q2"))
		got := <-answer
		if got.err != nil || got.code.Text != "ABCD-EFGH" || got.code.TTL != r.timing.PhoneCode {
			t.Fatalf("%+v", got)
		}
		if asked := <-c.wanted; asked != desk {
			t.Errorf("asked for %s", asked)
		}
		st := r.Status()
		if st.PairingCode == nil || st.PairingCode.Text != "ABCD-EFGH" || st.Code == nil || st.Code.Text != "q1" {
			t.Errorf("on show: %+v, %+v", st.PairingCode, st.Code)
		}
		// The same wish again is answered with the same code, at once.
		if again := <-r.linkPhone(desk); again.err != nil || again.code.Text != "ABCD-EFGH" {
			t.Errorf("again: %+v", again)
		}
		// QR codes that are used up do not cost the code its connection.
		time.Sleep(3 * r.timing.CodeShown)
		synctest.Wait()
		if n := len(r.driver.conns()); n != 1 || r.Status().PairingCode == nil || r.Status().Code != nil {
			t.Fatalf("%d connections, %+v", n, r.Status())
		}
		if err := r.save(c, newSession()); err != nil {
			t.Fatal(err)
		}
		if st := r.Status(); st.Record.State != fsm.Starting || st.PairingCode != nil {
			t.Errorf("after the code was typed: %+v", st)
		}
		issued := 0
		for _, e := range r.journal.events {
			if e.Kind == record.PairingCodeIssued && e.Code.Text == "ABCD-EFGH" {
				issued++
			}
		}
		if issued != 1 {
			t.Errorf("%d events about the code", issued)
		}
	})
}

// TestLinkPhoneRenews: a code that is over is replaced while somebody asks, and
// the pairing ends when nobody does.
func TestLinkPhoneRenews(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		answer := r.linkPhone(desk)
		c := r.connected()
		c.codeTyped <- phoneCode{"AAAA-AAAA", nil}
		r.tell(c, codes("q1"))
		<-answer
		time.Sleep(r.timing.PhoneCode - time.Second)
		r.linkPhone(desk)
		time.Sleep(time.Second)
		next := r.connected()
		if next == c {
			t.Fatal("no new connection for a new code")
		}
		next.codeTyped <- phoneCode{"BBBB-BBBB", nil}
		r.tell(next, codes("q2"))
		if got := <-r.linkPhone(desk); got.err != nil || got.code.Text != "BBBB-BBBB" {
			t.Fatalf("%+v", got)
		}
		time.Sleep(r.timing.PhoneCode)
		r.tell(r.connected(), codes("q3"))
		time.Sleep(r.timing.CodeIdle - r.timing.PhoneCode)
		synctest.Wait()
		if st := r.Status(); st.Record.State != fsm.NoConnection || st.Record.Cause != fsm.CauseQRTimeout || st.PairingCode != nil {
			t.Errorf("nobody asks: %+v", st)
		}
	})
}

func TestLinkPhoneRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		var invalid *instance.InvalidError
		for _, bad := range []string{"", "1234567", "0551199999000", "+5511999990000", "55 11", "5511999990000123"} {
			if _, err := r.LinkPhone(t.Context(), bad, nil); !errors.As(err, &invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if n := len(r.driver.conns()); n != 0 {
			t.Fatalf("%d connections for bad numbers", n)
		}
		answer := r.linkPhone(desk)
		c := r.connected()
		c.codeTyped <- phoneCode{"", io.ErrUnexpectedEOF}
		r.tell(c, codes("q1", "q2"))
		var pairing *instance.PairingError
		if got := <-answer; !errors.As(got.err, &pairing) {
			t.Errorf("refused by WhatsApp: %v", got.err)
		}
		if st := r.Status(); st.Record.State != fsm.AwaitingScan || st.Code == nil {
			t.Errorf("the QR code is gone as well: %+v", st)
		}
		c.codeTyped <- phoneCode{"AAAA-AAAA", nil}
		if got := <-r.linkPhone(desk); got.err != nil {
			t.Errorf("the next try: %v", got.err)
		}
		// Another number takes the place of the first.
		c.codeTyped <- phoneCode{"CCCC-CCCC", nil}
		if got := <-r.linkPhone("4915112345678"); got.err != nil || got.code.Text != "CCCC-CCCC" {
			t.Errorf("another number: %+v", got)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		r.authenticated()
		if _, err := r.LinkPhone(t.Context(), desk, nil); !errors.Is(err, instance.ErrEstablished) {
			t.Errorf("in 10: %v", err)
		}
		if _, err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.LinkPhone(t.Context(), desk, nil); !errors.Is(err, instance.ErrSavedSession) {
			t.Errorf("in 0 with a session: %v", err)
		}
	})
}

// TestGenerateTakesOverFromAPhone: whoever wants a QR code gets one, though only
// a code to type is left of the connection.
func TestGenerateTakesOverFromAPhone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		answer := r.linkPhone(desk)
		c := r.connected()
		c.codeTyped <- phoneCode{"AAAA-AAAA", nil}
		r.tell(c, codes("q1"))
		<-answer
		time.Sleep(r.timing.CodeShown + time.Second)
		got := make(chan codeAnswer, 1)
		go func() {
			code, err := r.Generate(t.Context(), nil)
			got <- codeAnswer{code, err}
		}()
		next := r.connected()
		r.tell(next, codes("q9"))
		if a := <-got; a.err != nil || a.code.Text != "q9" {
			t.Errorf("%+v", a)
		}
		if len(next.wanted) != 0 {
			t.Error("a code to type was asked for that nobody wants")
		}
	})
}
