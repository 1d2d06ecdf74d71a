package daemon_test

import (
	"errors"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
)

// setName sets an account's name once its phone has shared the key.
func (d door) setName(name, to string) api.Entry {
	d.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		e, err := d.admin.SetName(d.t.Context(), name, to)
		if err == nil {
			return e
		}
		if !errors.Is(err, instance.ErrNoSettingsKey) {
			d.t.Fatal(err)
		}
	}
	d.t.Fatalf("%s gets no key", name)
	return api.Entry{}
}

// TestNameAndAbout sets both through the whole daemon: WhatsApp has them, events tell
// the name, and it is still there after a restart; what the phone changes is told,
// too.
func TestNameAndAbout(t *testing.T) {
	url := sharedSandbox(t)
	network := sandbox.NewClient(url)
	dir := shortDir(t)
	d := runDaemon(t, dir, onSandbox(url))
	if _, err := d.admin.SetName(t.Context(), d.add("idle", "").Name, "The Shop"); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	d.pair("shop", "")
	phone := d.find("shop").Phone
	if e := d.setName("shop", "Köök & Söhne"); e.PushName != "Köök & Söhne" {
		t.Errorf("it is called %q", e.PushName)
	}
	if _, err := d.admin.SetAbout(t.Context(), "shop", "Open from 9 to 5"); err != nil {
		t.Fatal(err)
	}
	got, err := network.Profile(t.Context(), phone)
	if err != nil || got.Name != "Köök & Söhne" || got.About != "Open from 9 to 5" {
		t.Errorf("WhatsApp has %+v, %v", got, err)
	}

	before := d.find("shop").Seq
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, onSandbox(url))
	d.reach("shop", fsm.Authenticated)
	if e := d.find("shop"); e.PushName != "Köök & Söhne" {
		t.Errorf("after a restart it is called %q", e.PushName)
	}
	told := d.event("shop", before, "the way back", func(e client.Event) bool {
		return e.Data.Transition != nil && e.Data.Transition.To == fsm.Authenticated
	})
	if told.Data.Connection == nil || told.Data.Connection.PushName != "Köök & Söhne" {
		t.Errorf("told %+v", told.Data.Connection)
	}

	if _, err := d.admin.Rename(t.Context(), phone, "From the phone"); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); d.find("shop").PushName != "From the phone"; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it is called %q", d.find("shop").PushName)
		}
	}
	d.setName("shop", "The Shop")
	if got, err := d.admin.Profile(t.Context(), phone); err != nil || got.Name != "The Shop" || got.About != "Open from 9 to 5" {
		t.Errorf("the phone has %+v, %v", got, err)
	}
	for how, want := range map[string]string{"refused": "too often", "unacceptable": "refused"} {
		if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: phone, Profiles: how}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.admin.SetName(t.Context(), "shop", "Another"); !says(want)(err) {
			t.Errorf("%s: %v", how, err)
		}
		if _, err := d.admin.SetAbout(t.Context(), "shop", "closed"); err == nil {
			t.Errorf("%s: it was taken", how)
		}
	}
	if e := d.find("shop"); e.PushName != "The Shop" {
		t.Errorf("after refusals it is called %q", e.PushName)
	}
}
