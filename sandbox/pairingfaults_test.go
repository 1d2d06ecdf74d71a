package sandbox_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// showing is an unpaired client with its first code.
func (r *rig) showing(t *testing.T) (*session, sandbox.Target) {
	t.Helper()
	s, err := r.dialQuietly(t, newDevice())
	if err != nil {
		t.Fatal(err)
	}
	return s, sandbox.Target{Code: await[*events.QR](s).Codes[0]}
}

// shown is what a fault does to a client that shows a code.
type shown struct {
	at   []string
	open bool
}

var shownOutcomes = map[sandbox.FaultKind]shown{
	sandbox.FaultBadHMAC:            {open: true},
	sandbox.FaultBadSignature:       {open: true},
	sandbox.FaultNoRestart:          {open: true},
	sandbox.FaultCodesRunOut:        {open: true, at: []string{"QR"}},
	sandbox.FaultDowngradeWebclient: {open: true, at: []string{"QRScannedWithoutMultidevice"}},
	sandbox.FaultRefuse503Open:      {open: true},
	sandbox.FaultNoUpgrade:          {at: dropped},
	sandbox.FaultHangUpgrade:        {at: dropped},
	sandbox.FaultNoHello:            {at: dropped},
	sandbox.FaultWrongRoot:          {at: dropped},
}

func TestEveryFaultOfAClientThatShowsACode(t *testing.T) {
	for _, info := range sandbox.FaultKinds() {
		if !slices.Contains(info.Targets, sandbox.TargetCode) {
			continue
		}
		want, known := shownOutcomes[info.Kind]
		if !known { // as with a client that is logged in, or logs in
			row, known := outcomes[info.Kind]
			if !known {
				t.Errorf("%s: no row", info.Kind)
			}
			want = shown{at: row.at, open: row.open}
			if info.Stage == sandbox.StageLogin {
				want.at = row.login
			}
		}
		t.Run(string(info.Kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				s, target := r.showing(t)
				if err := r.network.Fault(t.Context(), target, info.Kind, sandbox.FaultOptions{}); err != nil {
					t.Fatal(err)
				}
				s.sees("fault", want.at...)
				if s.client.IsConnected() != want.open {
					t.Errorf("client is connected: %t", !want.open)
				}
				s.client.Disconnect()
			})
		})
	}
}

func TestQRChannelUnderFaults(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]string{
		sandbox.FaultDrop:               "timeout",
		sandbox.FaultWSInternalError:    "timeout",
		sandbox.FaultStream503:          "timeout",
		sandbox.FaultCodesRunOut:        "timeout",
		sandbox.FaultRefuse405:          "err-client-outdated",
		sandbox.FaultRefuse402:          "err-unexpected-state",
		sandbox.FaultRefuse400:          "err-unexpected-state",
		sandbox.FaultDowngradeWebclient: "err-scanned-without-multidevice",
	} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				s, codes := r.startShowing(t, newDevice())
				first := <-codes
				began := time.Now()
				err := r.network.Fault(t.Context(), sandbox.Target{Code: first.Code}, kind, sandbox.FaultOptions{})
				if err != nil {
					t.Fatal(err)
				}
				item := <-codes
				for item.Event == "code" {
					item = <-codes
				}
				if item.Event != want {
					t.Errorf("channel said %q, want %q", item.Event, want)
				}
				if took := time.Since(began); kind == sandbox.FaultCodesRunOut && took != 20*time.Second {
					t.Errorf("codes ran out after %v", took)
				}
				synctest.Wait()
				s.client.Disconnect()
			})
		})
	}
}

func TestRestartWhileACodeIsOnShow(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, err := r.prepare(t, newDevice(), func(c *whatsmeow.Client) error {
			c.DisableLoginAutoReconnect = false
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		first := await[*events.QR](s).Codes
		err = r.network.Fault(t.Context(), sandbox.Target{Code: first[0]}, sandbox.FaultStream515, sandbox.FaultOptions{})
		if err != nil {
			t.Fatal(err)
		}
		second := await[*events.QR](s).Codes
		if slices.Equal(first, second) {
			t.Error("the codes are the same")
		}
		if _, err := r.network.Scan(t.Context(), "", second[0]); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s.client.Disconnect()
	})
}

func TestSpoiltPairings(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]error{
		sandbox.FaultBadHMAC:      whatsmeow.ErrPairInvalidDeviceIdentityHMAC,
		sandbox.FaultBadSignature: whatsmeow.ErrPairInvalidDeviceSignature,
	} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				s, target := r.showing(t)
				if err := r.network.Fault(t.Context(), target, kind, sandbox.FaultOptions{}); err != nil {
					t.Fatal(err)
				}
				if _, err := r.network.Scan(t.Context(), "", target.Code); !errors.Is(err, sandbox.ErrPairingRefused) {
					t.Errorf("scan: %v", err)
				}
				if refused := await[*events.PairError](s); !errors.Is(refused.Error, want) {
					t.Errorf("client: %v, want %v", refused.Error, want)
				}
				r.none()
			})
		})
	}
}

func TestHealedPairing(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, target := r.showing(t)
		for _, kind := range []sandbox.FaultKind{
			sandbox.FaultBadHMAC, sandbox.FaultBadSignature, sandbox.FaultNoRestart, sandbox.FaultDeaf, sandbox.FaultHeal,
		} {
			if err := r.network.Fault(t.Context(), target, kind, sandbox.FaultOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.network.Scan(t.Context(), "", target.Code); err != nil {
			t.Fatal(err)
		}
		s.paired()
	})
}

func TestPairingWithoutARestart(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.start(t, device)
		target := sandbox.Target{Code: await[*events.QR](s).Codes[0]}
		if err := r.network.Fault(t.Context(), target, sandbox.FaultNoRestart, sandbox.FaultOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.network.Scan(t.Context(), "", target.Code); err != nil {
			t.Fatal(err)
		}
		s.sees("pairing", "PairSuccess")
		pass(10 * time.Minute)
		s.sees("afterwards")
		if !s.client.IsConnected() {
			t.Error("the socket was closed")
		}
		s.client.Disconnect()
		r.logIn(t, device).client.Disconnect()
	})
}

func TestCodesThatRanOutAreNoGood(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, target := r.showing(t)
		if err := r.network.Fault(t.Context(), target, sandbox.FaultCodesRunOut, sandbox.FaultOptions{}); err != nil {
			t.Fatal(err)
		}
		last := await[*events.QR](s).Codes
		if len(last) != 1 {
			t.Fatalf("%d codes", len(last))
		}
		for _, code := range []string{target.Code, last[0]} {
			if _, err := r.network.Scan(t.Context(), "", code); !errors.Is(err, sandbox.ErrCodeExpired) {
				t.Errorf("scan: %v", err)
			}
		}
		if _, err := s.pairPhone(); !errors.Is(err, whatsmeow.ErrIQForbidden) {
			t.Errorf("pair phone: %v", err)
		}
		s.client.Disconnect()
	})
}
