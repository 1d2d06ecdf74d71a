//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// TestRotation shows each code for its time, with one event each.
func TestRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		r.command("generate")
		c := r.connected()
		began := time.Now()
		r.tell(c, codes("one", "two", "three"))
		for n, want := range []string{"one", "two", "three"} {
			st := r.Status()
			if st.Code == nil || st.Code.Text != want || !st.Code.ExpiresAt.Equal(began.Add(time.Duration(n+1)*20*time.Second)) {
				t.Fatalf("on show %+v, want %s", st.Code, want)
			}
			time.Sleep(20*time.Second - 1)
			synctest.Wait()
			if got := r.Status().Code.Text; got != want {
				t.Fatalf("%s gave way to %s early", want, got)
			}
			r.command("generate").wantErr(t, nil)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
		}
		r.wantTrail("0>1 operator, 1>2 progress, 2>3 progress, code one, code two, code three, 3>1 qr_refresh")
		for _, e := range r.journal.events {
			if e.Kind != record.QRIssued {
				continue
			}
			if e.Info == nil || e.Info.State != fsm.AwaitingScan || e.Name != "desk" || e.Code.TTL != 20*time.Second || !e.Code.ExpiresAt.Equal(e.At.Add(20*time.Second)) {
				t.Errorf("event %+v", e)
			}
		}
	})
}

// TestRefresh goes 3→1→2→3 while somebody still asks, and to 0 when nobody has
// for three minutes, however often the codes were renewed.
func TestRefresh(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first := r.showing()
		r.trail()
		began := time.Now()
		time.Sleep(time.Minute)
		r.want(fsm.Connecting, fsm.CauseQRRefresh)
		if r.Status().Code != nil || first.closed.Load() != 1 {
			t.Fatal("the old code or its connection is still there")
		}
		again := r.command("generate") // 1 min
		c := r.connected()
		if !again.waits() {
			t.Fatal("answered without a code")
		}
		r.tell(c, codes("four", "five"))
		again.wantErr(t, nil)
		if again.value.(record.Code).Text != "four" {
			t.Fatalf("answer %+v", again.value)
		}
		time.Sleep(40 * time.Second)
		r.tell(r.connected(), codes("six", "seven", "eight", "nine", "ten", "eleven", "twelve"))
		for time.Since(began) < 4*time.Minute-1 {
			r.want(fsm.AwaitingScan, fsm.CauseProgress)
			time.Sleep(time.Second)
			if time.Since(began) == 4*time.Minute {
				break
			}
		}
		r.want(fsm.NoConnection, fsm.CauseQRTimeout)
		r.wantTrail("code two, code three, 3>1 qr_refresh, 1>2 progress, 2>3 progress, code four, code five, " +
			"3>1 qr_refresh, 1>2 progress, 2>3 progress, code six, code seven, code eight, code nine, code ten, code eleven, code twelve, 3>0 qr_timeout")
	})
}

// TestIdleClock starts anew with each question, wherever the codes stand.
func TestIdleClock(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.showing()
		r.tell(c, codes("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"))
		time.Sleep(7 * time.Second)
		r.command("generate").wantErr(t, nil)
		time.Sleep(r.timing.CodeIdle - 1)
		r.want(fsm.AwaitingScan, fsm.CauseProgress)
		time.Sleep(time.Nanosecond)
		r.want(fsm.NoConnection, fsm.CauseQRTimeout)
	})
}

// TestAskingKeepsTheCodes asks every two minutes for an hour.
func TestAskingKeepsTheCodes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.showing()
		for range 30 {
			r.command("generate").wantErr(t, nil)
			r.tell(c, codes("a", "b", "c", "d", "e", "f", "g"))
			time.Sleep(2 * time.Minute)
		}
		r.want(fsm.AwaitingScan, fsm.CauseProgress)
	})
}

func TestGenerateJoins(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		agent := "Desk/1.0"
		other := "Other/2.0"
		calls := []*call{r.call(func(ctx context.Context) (any, error) { return r.Generate(ctx, &agent) })}
		r.want(fsm.Connecting, fsm.CauseOperator)
		calls = append(calls, r.call(func(ctx context.Context) (any, error) { return r.Generate(ctx, &other) }))
		c := r.connected()
		r.want(fsm.SocketOpen, fsm.CauseProgress)
		calls = append(calls, r.command("generate"))
		r.tell(c, codes("one", "two"))
		calls = append(calls, r.command("generate"))
		for _, call := range calls {
			call.wantErr(t, nil)
			if got := call.value.(record.Code).Text; got != "one" {
				t.Errorf("answer %s", got)
			}
		}
		if len(r.driver.conns()) != 1 || c.spec.UserAgent != agent || r.Status().Record.Config.UserAgent != agent {
			t.Errorf("%d connections, user agent %q, stored %q", len(r.driver.conns()), c.spec.UserAgent, r.Status().Record.Config.UserAgent)
		}
		time.Sleep(20 * time.Second)
		next := r.command("generate")
		next.wantErr(t, nil)
		if got := next.value.(record.Code).Text; got != "two" {
			t.Errorf("answer %s", got)
		}
	})
}

// TestUserAgent refuses a bad one in every state and changes nothing.
func TestUserAgent(t *testing.T) {
	long := string(slices.Repeat([]byte("x"), 513))
	for _, bad := range []string{long, "a\nb", "\xff", "\x00"} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.start(newRecord(fsm.NoConnection), nil)
			ask := func() {
				t.Helper()
				_, err := r.Generate(t.Context(), &bad)
				if invalid, ok := err.(*instance.InvalidError); !ok || invalid.Field != "user_agent" { //nolint:errorlint // exactly this
					t.Fatalf("%q: %v", bad, err)
				}
			}
			ask()
			r.want(fsm.NoConnection, "")
			r.wantTrail("")
			r.showing()
			r.trail()
			ask()
			r.wantTrail("")
		})
	}
}

// TestWhatsAppRenews takes new codes that come without being asked for.
func TestWhatsAppRenews(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.showing()
		time.Sleep(5 * time.Second)
		r.trail()
		r.tell(c, codes("new", "newer"))
		if got := r.Status().Code; got.Text != "new" || time.Until(got.ExpiresAt) != 20*time.Second {
			t.Fatalf("on show %+v", got)
		}
		time.Sleep(20 * time.Second)
		r.wantTrail("code new, code newer")
	})
}

// TestCallersGone forgets who asked and went, and still has its code.
func TestCallersGone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		ctx, cancel := context.WithCancel(t.Context())
		gone := r.call(func(context.Context) (any, error) { return r.Generate(ctx, nil) })
		cancel()
		gone.wantErr(t, instance.ErrNotReady)
		r.tell(r.connected(), codes("one"))
		r.want(fsm.AwaitingScan, fsm.CauseProgress)
		release := r.hold()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Close(ctx); !errors.Is(err, instance.ErrNotReady) {
			t.Fatalf("answer %v", err)
		}
		release()
		r.want(fsm.AwaitingScan, fsm.CauseProgress)
	})
}
