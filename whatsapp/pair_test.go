package whatsapp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

func TestPairByCode(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.open()
		a.fact(instance.FactCodes)
		code, err := a.PairPhone(t.Context(), phone)
		if err != nil || len(code) != 9 || code[4] != '-' {
			t.Fatalf("code %q: %v", code, err)
		}
		if _, err := r.network.TypeCode(t.Context(), phone, "AAAA-AAAA"); !errors.Is(err, sandbox.ErrWrongCode) {
			t.Errorf("a wrong code: %v", err)
		}
		if _, err := r.network.TypeCode(t.Context(), phone, code); err != nil {
			t.Fatal(err)
		}
		a.fact(instance.FactPaired)
		a.fact(instance.FactRedial)
		a.Close()
		b := r.login()
		defer b.Close()
		if !b.LoggedOn() || r.session.Phone() != phone {
			t.Errorf("session %+v", r.session)
		}
		if log := r.log.String(); strings.Contains(log, phone) || strings.Contains(log, code) {
			t.Errorf("in the log: %s", log)
		}
	})
}

func TestPairByCodeRefuses(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.open()
		defer a.Close()
		a.fact(instance.FactCodes)
		for _, bad := range []string{"", "+15550001111", "15550 001111", "123456", "1234567890123456", "05550001111", "desk"} {
			var invalid *instance.InvalidError
			if code, err := a.PairPhone(t.Context(), bad); !errors.As(err, &invalid) || invalid.Field != "phone" || code != "" {
				t.Errorf("%q: %q, %v", bad, code, err)
			}
		}
		if code, err := a.PairPhone(t.Context(), phone); err != nil || code == "" {
			t.Errorf("after that: %q, %v", code, err)
		}
	})
}
