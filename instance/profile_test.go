//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// profiled is a rig that is connected, whose WhatsApp takes every name and text.
func profiled(r *rig) *conn {
	c := r.authenticated()
	c.onName = func(context.Context, string) error { return nil }
	c.onAbout = func(context.Context, string) error { return nil }
	return c
}

// wantName holds what the status says, and what is stored.
func (r *rig) wantName(want string) {
	r.t.Helper()
	synctest.Wait()
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	if got := r.Status().Info.PushName; got != want || r.journal.session == nil || r.journal.session.PushName != want {
		r.t.Errorf("the status says %q, stored is %+v, want %q", got, r.journal.session, want)
	}
}

func TestSetName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := profiled(r)
		var asked []string
		c.onName = func(_ context.Context, name string) error { asked = append(asked, name); return nil }
		info, err := r.SetName(t.Context(), "The Shop")
		if err != nil || info.PushName != "The Shop" {
			t.Fatalf("%+v, %v", info, err)
		}
		r.wantName("The Shop")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r.restart(fsm.CauseRestart)
		r.wantName("The Shop")
		c = r.connected()
		r.tell(c, up)
		events := r.journal.events
		if last := events[len(events)-1]; last.Info == nil || last.Info.PushName != "The Shop" {
			t.Errorf("the last event says %+v", last.Info)
		}
		if len(asked) != 1 || asked[0] != "The Shop" {
			t.Errorf("WhatsApp was asked for %q", asked)
		}
	})
}

func TestSetAbout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := profiled(r)
		var asked []string
		c.onAbout = func(_ context.Context, text string) error { asked = append(asked, text); return nil }
		for _, text := range []string{"Open from 9 to 5", ""} {
			if _, err := r.SetAbout(t.Context(), text); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if len(asked) != 2 || asked[0] != "Open from 9 to 5" || asked[1] != "" {
			t.Errorf("WhatsApp was asked for %q", asked)
		}
		r.wantName("Desk")
	})
}

// TestProfileChecked: what cannot be is refused before WhatsApp is asked, offline,
// too.
func TestProfileChecked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		name := func(s string) error { _, err := r.SetName(t.Context(), s); return err }
		about := func(s string) error { _, err := r.SetAbout(t.Context(), s); return err }
		for _, row := range []struct {
			set  func(string) error
			text string
			says string // empty: it is only the connection that lacks
		}{
			{name, "x", ""},
			{name, strings.Repeat("ü", 25), ""},
			{name, "👩‍🔧 Anna & Söhne", ""},
			{name, "", "name: must not be empty"},
			{name, " \u00a0", "name: must not be empty"},
			{name, strings.Repeat("ü", 26), "name: is longer than 25"},
			{name, "a\xff", "name: is not UTF-8"},
			{name, "a\nb", "name: holds a control character"},
			{name, "a\u0085b", "name: holds a control character"},
			{about, "", ""},
			{about, strings.Repeat("世", 139), ""},
			{about, strings.Repeat("世", 140), "about: is longer than 139"},
			{about, "\xc3", "about: is not UTF-8"},
			{about, "a\x00b", "about: holds a control character"},
		} {
			err := row.set(row.text)
			var invalid *instance.InvalidError
			switch {
			case row.says == "" && !errors.Is(err, instance.ErrNotConnected):
				t.Errorf("%q: %v", row.text, err)
			case row.says != "" && (!errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), row.says)):
				t.Errorf("%q: %v, want %q", row.text, err, row.says)
			}
		}
	})
}

// TestProfileNotTaken: each failure says whether something may have changed, and
// nothing is recorded.
func TestProfileNotTaken(t *testing.T) {
	for name, row := range map[string]struct {
		fails  error
		want   error
		unsure bool
	}{
		"refused":    {fmt.Errorf("code 429: %w", instance.ErrProfileRefused), instance.ErrProfileRefused, false},
		"no key":     {instance.ErrNoSettingsKey, instance.ErrNoSettingsKey, false},
		"not logged": {instance.ErrNotConnected, instance.ErrNotConnected, false},
		"one before": {instance.ErrBusy, instance.ErrBusy, false},
		"cut off":    {io.ErrUnexpectedEOF, instance.ErrNotReady, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := profiled(r)
				c.onName = func(context.Context, string) error { return row.fails }
				c.onAbout = c.onName
				_, err := r.SetName(t.Context(), "The Shop")
				_, err2 := r.SetAbout(t.Context(), "open")
				for _, err := range []error{err, err2} {
					var unsure *instance.ProfileError
					if !errors.Is(err, row.want) || errors.As(err, &unsure) != row.unsure {
						t.Errorf("got %v", err)
					}
				}
				r.wantName("Desk")
			})
		})
	}
}

// TestProfileEnds with who asked and with the daemon; and after
// its time.
func TestProfileEnds(t *testing.T) {
	type end struct {
		do   func(*rig, context.CancelFunc)
		want error
		took time.Duration
	}
	for name, row := range map[string]end{
		"nobody waits": {func(_ *rig, cancel context.CancelFunc) { cancel() }, instance.ErrNotReady, 0},
		"the time":     {func(*rig, context.CancelFunc) {}, instance.ErrNotReady, instance.DefaultTiming().Command},
		"the stop":     {func(r *rig, _ context.CancelFunc) { r.cancel() }, instance.ErrNotReady, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := profiled(r)
				under := make(chan struct{})
				c.onName = func(ctx context.Context, _ string) error {
					close(under)
					<-ctx.Done()
					return ctx.Err()
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				answered := make(chan error, 1)
				go func() { _, err := r.SetName(ctx, "The Shop"); answered <- err }()
				<-under
				began := time.Now()
				row.do(r, cancel)
				if err := <-answered; !errors.Is(err, row.want) && !errors.Is(err, instance.ErrStopping) || time.Since(began) != row.took {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				synctest.Wait()
			})
		})
	}
}

// TestNameOfAnAccountThatIsGone: WhatsApp took it, and then the phone logged the
// device out.
func TestNameOfAnAccountThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := profiled(r)
		taken := make(chan struct{})
		c.onName = func(context.Context, string) error { <-taken; return nil }
		answered := make(chan error, 1)
		go func() { _, err := r.SetName(t.Context(), "The Shop"); answered <- err }()
		synctest.Wait()
		r.tell(c, loggedOut)
		close(taken)
		if err := <-answered; !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("it got %v", err)
		}
		if got := r.Status().Info.PushName; got != "" || r.journal.session != nil {
			t.Errorf("an account that is gone is called %q", got)
		}
	})
}

// TestNameOfferedMeanwhile: the connection has offered the session with the name, or
// with one that the phone has set since; neither is undone.
func TestNameOfferedMeanwhile(t *testing.T) {
	for _, offered := range []string{"The Shop", "From the phone"} {
		inBubble(t, func(t *testing.T, r *rig) {
			c := profiled(r)
			c.onName = func(context.Context, string) error {
				s := newSession()
				s.PushName = offered
				return c.spec.Save(t.Context(), s)
			}
			info, err := r.SetName(t.Context(), "The Shop")
			if err != nil || info.PushName != offered {
				t.Errorf("%q, %v", info.PushName, err)
			}
			r.wantName(offered)
		})
	}
}

// TestProfileChangesAtOnce are made one after another; too many are told to come
// again.
func TestProfileChangesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := profiled(r)
		var mu sync.Mutex
		under := 0
		c.onName = func(context.Context, string) error {
			mu.Lock()
			if under++; under > 1 {
				t.Error("two at once")
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return nil
		}
		c.onAbout = c.onName
		var group sync.WaitGroup
		busy, made := 0, 0
		for n := range 8 {
			group.Go(func() {
				set := r.SetName
				if n%2 == 1 {
					set = r.SetAbout
				}
				_, err := set(t.Context(), fmt.Sprint("name ", n))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made++
				case errors.Is(err, instance.ErrBusy):
					busy++
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if made != 5 || busy != 3 {
			t.Errorf("%d were made and %d too many", made, busy)
		}
	})
}

// TestNameWaitsForTheStore: WhatsApp has taken it, so it is recorded however long
// that takes.
func TestNameWaitsForTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		profiled(r)
		r.journal.fail(errFull)
		answered := make(chan error, 1)
		go func() { _, err := r.SetName(t.Context(), "The Shop"); answered <- err }()
		time.Sleep(3 * time.Second)
		if r.Status().Degraded == "" {
			t.Error("the status does not say that nothing can be stored")
		}
		r.journal.fail(nil)
		if err := <-answered; err != nil {
			t.Error(err)
		}
		r.wantName("The Shop")
	})
}
