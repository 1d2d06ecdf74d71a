package sandbox_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// pairPhone asks for a code to be typed on someone's phone.
func (s *session) pairPhone() (string, error) {
	return s.client.PairPhone(s.t.Context(), someone, true, whatsmeow.PairClientChrome, "Chrome (Linux)")
}

// asking is an unpaired client with a code for someone that waits to be typed.
func (r *rig) asking(t *testing.T, device *store.Device) (*session, string) {
	t.Helper()
	s := r.start(t, device)
	await[*events.QR](s)
	code, err := s.pairPhone()
	if err != nil {
		t.Fatal(err)
	}
	return s, code
}

func TestPairByTypingTheCode(t *testing.T) {
	for name, typed := range map[string]func(string) string{
		"as shown":         func(code string) string { return code },
		"without a hyphen": func(code string) string { return strings.ReplaceAll(code, "-", "") },
		"in lower case":    strings.ToLower,
		"with spaces":      func(code string) string { return " " + strings.Join(strings.Split(code, ""), " ") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				device := newDevice()
				s, code := r.asking(t, device)
				d, err := r.network.TypeCode(t.Context(), someone, typed(code))
				if err != nil {
					t.Fatal(err)
				}
				success := s.paired()
				if success.ID.String() != d.JID || d.Phone != someone || d.Number != 1 {
					t.Errorf("paired as %s, typed %+v", success.ID, d)
				}
				r.logIn(t, device).client.Disconnect()
			})
		})
	}
}

func TestTypeTheWrongCode(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s, code := r.asking(t, device)
		wrong := "1" + code[1:]
		if code[0] == '1' {
			wrong = "2" + code[1:]
		}
		for range 2 {
			if _, err := r.network.TypeCode(t.Context(), someone, wrong); !errors.Is(err, sandbox.ErrWrongCode) {
				t.Errorf("type: %v", err)
			}
		}
		s.sees("a wrong code")
		r.none()
		d, err := r.network.TypeCode(t.Context(), someone, code)
		if err != nil || d.Number != 1 {
			t.Fatalf("the right code: %+v, %v", d, err)
		}
		s.paired()
		r.logIn(t, device).client.Disconnect()
	})
}

func TestTypeCodeRefusals(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, code := r.asking(t, newDevice())
		for _, test := range []struct {
			name, digits, code string
			want               error
		}{
			{"no phone", "", code, sandbox.ErrBadPhone},
			{"bad phone", "+" + someone, code, sandbox.ErrBadPhone},
			{"other phone", another, code, sandbox.ErrNotAsked},
			{"no code", someone, "", sandbox.ErrBadCode},
			{"short code", someone, code[1:], sandbox.ErrBadCode},
			{"long code", someone, code + "1", sandbox.ErrBadCode},
			{"endless code", someone, strings.Repeat("-", 100) + code, sandbox.ErrBadCode},
			{"a letter there is not", someone, "O" + code[1:], sandbox.ErrBadCode},
		} {
			if _, err := r.network.TypeCode(t.Context(), test.digits, test.code); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
		}
		s.client.Disconnect()
		synctest.Wait()
		if _, err := r.network.TypeCode(t.Context(), someone, code); !errors.Is(err, sandbox.ErrNotAsked) {
			t.Errorf("client has gone: %v", err)
		}
	})
}

func TestPairPhoneRefusals(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		unpaired := r.start(t, newDevice())
		await[*events.QR](unpaired)
		paired := r.pair(t, someone, newDevice())
		ask := func(s *session, digits, display string) error {
			_, err := s.client.PairPhone(t.Context(), digits, false, whatsmeow.PairClientChrome, display)
			return err
		}
		for _, test := range []struct {
			name string
			err  error
			want error
		}{
			{"a number that no phone has", ask(unpaired, "1234567", "Chrome (Linux)"), whatsmeow.ErrIQNotFound},
			{"a name of no form", ask(unpaired, someone, "Chrome"), whatsmeow.ErrIQBadRequest},
			{"a name without a system", ask(unpaired, someone, "Chrome ()"), whatsmeow.ErrIQBadRequest},
			{"a client that is paired", ask(paired, another, "Chrome (Linux)"), whatsmeow.ErrIQForbidden},
		} {
			if !errors.Is(test.err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, test.err, test.want)
			}
		}
		unpaired.client.Disconnect()
		paired.client.Disconnect()
	})
}

func TestTheLastToAskIsTyped(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		first, firstCode := r.asking(t, newDevice())
		second, secondCode := r.asking(t, newDevice())
		if _, err := r.network.TypeCode(t.Context(), someone, firstCode); !errors.Is(err, sandbox.ErrWrongCode) {
			t.Errorf("the first code: %v", err)
		}
		if _, err := r.network.TypeCode(t.Context(), someone, secondCode); err != nil {
			t.Error(err)
		}
		second.paired()
		first.client.Disconnect()
	})
}

func TestScanWhileACodeWaitsToBeTyped(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.start(t, newDevice())
		qr := await[*events.QR](s).Codes[0]
		code, err := s.pairPhone()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.network.Scan(t.Context(), someone, qr); err != nil {
			t.Fatal(err)
		}
		if _, err := r.network.TypeCode(t.Context(), someone, code); !errors.Is(err, sandbox.ErrNotAsked) {
			t.Errorf("type: %v", err)
		}
		s.paired()
	})
}

func TestSpoiltPairingByTyping(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.start(t, newDevice())
		target := sandbox.Target{Code: await[*events.QR](s).Codes[0]}
		code, err := s.pairPhone()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.network.Fault(t.Context(), target, sandbox.FaultBadHMAC, sandbox.FaultOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.network.TypeCode(t.Context(), someone, code); !errors.Is(err, sandbox.ErrPairingRefused) {
			t.Errorf("type: %v", err)
		}
		await[*events.PairError](s)
	})
}

func TestTypingOutlivesNobody(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, code := r.asking(t, newDevice())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.network.TypeCode(ctx, someone, code); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("type: %v", err)
		}
		synctest.Wait()
		s.client.Disconnect()
	})
}

// A client may say anything: what it finishes must have been begun.
func TestFinishThatNobodyWaitsFor(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, _ := r.asking(t, newDevice())
		_, err := s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
			Namespace: "md", Type: "set", To: types.ServerJID, Content: linkFinishNodes(),
		})
		if !errors.Is(err, whatsmeow.ErrIQForbidden) {
			t.Errorf("finish: %v", err)
		}
		s.client.Disconnect()
	})
}
