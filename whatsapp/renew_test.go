package whatsapp_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestOutdated is refused, renews the version and is taken.
func TestOutdated(t *testing.T) {
	const wanted = "2.3000.4000000000"
	file := filepath.Join(t.TempDir(), "version")
	config := whatsapp.Config{VersionFile: file}
	inRig(t, config, func(t *testing.T, r *rig) {
		r.pair().Close()
		if err := r.network.SetMinimumVersion(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		a := r.open()
		if f := a.fact(instance.FactRefused); f.Cause != fsm.CauseClientOutdated {
			t.Errorf("refused: %+v", f)
		}
		a.Close()
		if renewed, err := a.Renew(t.Context()); !renewed || err != nil {
			t.Fatalf("renewed %v, %v", renewed, err)
		}
		b := r.login()
		if renewed, err := b.Renew(t.Context()); renewed || err != nil {
			t.Errorf("renewed again: %v, %v", renewed, err)
		}
		b.Close()
	})
	// Another process announces it at once.
	inRig(t, config, func(t *testing.T, r *rig) {
		if err := r.network.SetMinimumVersion(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		a := r.pair()
		defer a.Close()
		if d, err := r.network.Devices(t.Context()); err != nil || d[0].Client.AppVersion != wanted {
			t.Errorf("announced %+v, %v", d, err)
		}
	})
}

// TestOutdatedWithoutRemedy hears that there is no newer version.
func TestOutdatedWithoutRemedy(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if renewed, err := a.Renew(t.Context()); renewed || err != nil {
			t.Errorf("renewed %v, %v", renewed, err)
		}
	})
}

// TestRenewBeforeDial has nothing to compare with.
func TestRenewBeforeDial(t *testing.T) {
	d, err := whatsapp.New(whatsapp.Config{Latest: func(context.Context) (string, error) { return "2.3000.4000000000", nil }})
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Open(instance.Spec{Instance: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if renewed, err := c.Renew(t.Context()); renewed || err != nil {
		t.Errorf("renewed %v, %v", renewed, err)
	}
}
