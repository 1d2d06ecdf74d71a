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

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

func (r *rig) isCalled(want sandbox.Profile) {
	r.t.Helper()
	synctest.Wait()
	if got, err := r.network.Profile(r.t.Context(), phone); err != nil || got != want {
		r.t.Errorf("WhatsApp has %+v, %v, want %+v", got, err, want)
	}
}

// called is the name in the session that was saved last.
func (r *rig) called() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session.PushName
}

func TestSetName(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		for _, name := range []string{"The Shop", "Köök 24/7", "The Shop"} {
			if err := a.SetName(t.Context(), name); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			if got := r.called(); got != name {
				t.Errorf("the session has %q", got)
			}
			r.isCalled(sandbox.Profile{Name: name, Announced: name})
		}
		a.Close()
		if err := a.SetName(t.Context(), "Closed"); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("closed: %v", err)
		}
		if log := r.log.String(); strings.Contains(log, "Köök") {
			t.Error("the log holds the name")
		}
	})
}

// TestNameAnnounced at each login, because the server cannot read it in the settings.
func TestNameAnnounced(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		r.pair().Close()
		r.mu.Lock()
		named := *r.session
		named.PushName = "From before"
		r.session = &named
		r.mu.Unlock()
		a := r.login()
		defer a.Close()
		r.isCalled(sandbox.Profile{Announced: "From before"})
	})
}

// TestNameSetOnThePhone reaches the session.
func TestNameSetOnThePhone(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		for _, name := range []string{"From the phone", "Once more"} {
			if err := r.network.Rename(t.Context(), phone, name); err != nil {
				t.Fatal(err)
			}
			if got := r.called(); got != name {
				t.Errorf("the session has %q, want %q", got, name)
			}
		}
		// Also while nobody is connected.
		a.Close()
		if err := r.network.Rename(t.Context(), phone, "Meanwhile"); err != nil {
			t.Fatal(err)
		}
		a = r.login()
		defer a.Close()
		if got := r.called(); got != "Meanwhile" {
			t.Errorf("the session has %q after the login", got)
		}
	})
}

func TestSetAbout(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for _, about := range []string{"Open from 9 to 5", "0123456789", "away", strings.Repeat("世", 139), ""} {
			if err := a.SetAbout(t.Context(), about); err != nil {
				t.Errorf("%q: %v", about, err)
			}
			r.isCalled(sandbox.Profile{About: about})
		}
	})
}

// changes are the two ways to change a profile.
func changes(a *attempt) map[string]func(context.Context, string) error {
	return map[string]func(context.Context, string) error{"name": a.SetName, "about": a.SetAbout}
}

func TestProfileRefused(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		for _, row := range []struct {
			how  sandbox.Profiles
			what string
			says string
		}{
			{sandbox.ProfilesRefused, "name", "too often"},
			{sandbox.ProfilesRefused, "about", "too often"},
			{sandbox.ProfilesUnacceptable, "name", "with code 400"},
			{sandbox.ProfilesUnacceptable, "about", "does not take this text"},
		} {
			r.behave(phone, sandbox.Behaviour{Profiles: row.how})
			err := changes(a)[row.what](t.Context(), "Anything")
			if !errors.Is(err, instance.ErrProfileRefused) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "<") {
				t.Errorf("%s, %s: %v", row.how, row.what, err)
			}
		}
		r.isCalled(sandbox.Profile{})
		if got := r.called(); got != "" {
			t.Errorf("the session has %q", got)
		}
	})
}

// TestProfileSilent: nobody waits longer than they want to; and who comes next while
// the library still waits is told so, and nothing of theirs was asked.
func TestProfileSilent(t *testing.T) {
	for _, what := range []string{"name", "about"} {
		inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
			a := r.pair()
			defer a.Close()
			set := changes(a)[what]
			r.behave(phone, sandbox.Behaviour{Profiles: sandbox.ProfilesSilent})
			within := func(text string, want error) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if err := set(ctx, text); !errors.Is(err, want) || errors.Is(err, instance.ErrProfileRefused) || time.Since(began) != 3*time.Second {
					t.Errorf("%s: %v after %v", what, err, time.Since(began))
				}
			}
			within("first", context.DeadlineExceeded)
			r.behave(phone, sandbox.Behaviour{})
			within("second", instance.ErrBusy)
			r.isCalled(sandbox.Profile{})
			// The library gives up after 75 s.
			if err := set(t.Context(), "third"); err != nil {
				t.Error(err)
			}
			if got, err := r.network.Profile(t.Context(), phone); err != nil || got.Name+got.About != "third" {
				t.Errorf("WhatsApp has %+v, %v", got, err)
			}
		})
	}
}

// TestProfileCutOff: the connection is lost, or closed, before the answer comes: it
// may have been changed, and nobody waits long to hear that.
func TestProfileCutOff(t *testing.T) {
	for name, cut := range map[string]func(*testing.T, *rig, *attempt){
		"lost": func(t *testing.T, r *rig, _ *attempt) {
			if err := r.network.Fault(t.Context(), sandbox.Target{Phone: phone}, sandbox.FaultDrop, sandbox.FaultOptions{}); err != nil {
				t.Error(err)
			}
		},
		"closed": func(_ *testing.T, _ *rig, a *attempt) { a.Close() },
	} {
		for _, what := range []string{"name", "about"} {
			t.Run(name+" "+what, func(t *testing.T) {
				inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
					a := r.pair()
					defer a.Close()
					r.behave(phone, sandbox.Behaviour{Profiles: sandbox.ProfilesSilent})
					failed := make(chan error, 1)
					go func() { failed <- changes(a)[what](t.Context(), "Anything") }()
					synctest.Wait()
					began := time.Now()
					cut(t, r, a)
					err := <-failed
					for _, certain := range []error{nil, instance.ErrProfileRefused, instance.ErrNotConnected, instance.ErrBusy} {
						if errors.Is(err, certain) {
							t.Errorf("it claims to know: %v", err)
						}
					}
					if time.Since(began) > 10*time.Second {
						t.Errorf("after %v", time.Since(began))
					}
					if err := changes(a)[what](t.Context(), "Anything"); !errors.Is(err, instance.ErrNotConnected) {
						t.Errorf("afterwards: %v", err)
					}
				})
			})
		}
	}
}

// TestNameWithoutAKey: the phone has not shared it yet. Once it has, all is well.
func TestNameWithoutAKey(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		r.behave(phone, sandbox.Behaviour{Profiles: sandbox.ProfilesKeyless})
		a := r.pair()
		if err := a.SetName(t.Context(), "The Shop"); !errors.Is(err, instance.ErrNoSettingsKey) {
			t.Errorf("without a key: %v", err)
		}
		if err := a.SetAbout(t.Context(), "open"); err != nil {
			t.Errorf("the about text needs none: %v", err)
		}
		r.behave(phone, sandbox.Behaviour{})
		a.Close()
		a = r.login()
		defer a.Close()
		if err := a.SetName(t.Context(), "The Shop"); err != nil {
			t.Error(err)
		}
		r.isCalled(sandbox.Profile{Name: "The Shop", Announced: "The Shop", About: "open"})
	})
}

// TestNameConflict: the phone has changed the settings, and the instance was not told.
func TestNameConflict(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		r.behave(phone, sandbox.Behaviour{Profiles: sandbox.ProfilesUntold})
		a := r.pair()
		defer a.Close()
		for round := range 3 {
			theirs, ours := fmt.Sprint("theirs ", round), fmt.Sprint("ours ", round)
			if err := r.network.Rename(t.Context(), phone, theirs); err != nil {
				t.Fatal(err)
			}
			if err := a.SetName(t.Context(), ours); err != nil {
				t.Fatal(err)
			}
			if got := r.called(); got != ours {
				t.Errorf("the session has %q", got)
			}
			r.isCalled(sandbox.Profile{Name: ours, Announced: ours})
		}
	})
}

// TestProfileAtOnce: who asks for what at the same time, and the phone too, ends with
// one name that all agree on.
func TestProfileAtOnce(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				var err error
				switch i % 3 {
				case 0:
					err = a.SetName(t.Context(), fmt.Sprint("name ", i))
				case 1:
					err = a.SetAbout(t.Context(), fmt.Sprint("about ", i))
				case 2:
					err = r.network.Rename(t.Context(), phone, fmt.Sprint("phone ", i))
				}
				if err != nil && !errors.Is(err, instance.ErrProfileRefused) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		synctest.Wait()
		got, err := r.network.Profile(t.Context(), phone)
		if err != nil || got.Name == "" || !strings.HasPrefix(got.About, "about ") {
			t.Fatalf("WhatsApp has %+v, %v", got, err)
		}
		if name := r.called(); name != got.Name {
			t.Errorf("the session has %q, WhatsApp %q", name, got.Name)
		}
	})
}
