package sandbox_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

const someone = "5511900000001"

func (r *rig) fault(t *testing.T, kind sandbox.FaultKind) {
	t.Helper()
	err := r.network.Fault(t.Context(), sandbox.Target{Phone: someone}, kind, sandbox.FaultOptions{})
	if err != nil {
		t.Fatalf("fault %s: %v", kind, err)
	}
}

func TestFaultsThatLeaveTheSession(t *testing.T) {
	for _, test := range []struct {
		kind   sandbox.FaultKind
		expect func(*session)
	}{
		{sandbox.FaultDrop, func(s *session) { await[*events.Disconnected](s) }},
		{sandbox.FaultStreamEnd, func(s *session) { await[*events.Disconnected](s) }},
		{sandbox.FaultReplaced, func(s *session) { await[*events.StreamReplaced](s) }},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				device := newDevice()
				s := r.pair(t, someone, device)
				r.fault(t, test.kind)
				if d := r.only(); d.Connected {
					t.Errorf("after the fault: %+v", d)
				}
				test.expect(s)
				r.logIn(t, copied(device))
			})
		})
	}
}

func TestLoggedOutByThePhone(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.pair(t, someone, device)
		kept := copied(device)
		r.fault(t, sandbox.FaultLoggedOut)
		out := await[*events.LoggedOut](s)
		if out.OnConnect || out.Reason != events.ConnectFailureLoggedOut {
			t.Errorf("logged out: %+v", out)
		}
		r.none()
		r.start(t, kept).refused()
	})
}

func TestLoggedOutWhileAway(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		first, second := newDevice(), newDevice()
		r.pair(t, someone, first).client.Disconnect()
		here := r.pair(t, someone, second)
		r.fault(t, sandbox.FaultLoggedOut)
		await[*events.LoggedOut](here)
		r.none()
		r.start(t, copied(first)).refused()
	})
}

func TestFaultRefusals(t *testing.T) {
	var log bytes.Buffer
	said := slog.New(slog.NewTextHandler(&log, nil))
	inBubble(t, sandbox.Config{Log: said}, func(t *testing.T, r *rig) {
		unpaired := r.start(t, newDevice())
		code := await[*events.QR](unpaired).Codes[0]
		r.pair(t, someone, newDevice()).client.Disconnect()
		gone := r.pair(t, "5511900000002", newDevice())
		if err := gone.client.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name   string
			target sandbox.Target
			kind   sandbox.FaultKind
			want   error
		}{
			{"no target", sandbox.Target{}, sandbox.FaultDrop, sandbox.ErrBadTarget},
			{"two targets", sandbox.Target{Phone: someone, Code: code}, sandbox.FaultDrop, sandbox.ErrBadTarget},
			{"bad phone", sandbox.Target{Phone: "1"}, sandbox.FaultDrop, sandbox.ErrBadPhone},
			{"unknown phone", sandbox.Target{Phone: "5511999999999"}, sandbox.FaultDrop, sandbox.ErrUnknownPhone},
			{"no companion", sandbox.Target{Phone: "5511900000002"}, sandbox.FaultLoggedOut, sandbox.ErrNotPaired},
			{"bad code", sandbox.Target{Code: "x"}, sandbox.FaultDrop, sandbox.ErrBadCode},
			{"unknown code", sandbox.Target{Code: "x" + code}, sandbox.FaultDrop, sandbox.ErrUnknownCode},
			{"replaced without a session", sandbox.Target{Code: code}, sandbox.FaultReplaced, sandbox.ErrNotPaired},
			{"logged out without a session", sandbox.Target{Code: code}, sandbox.FaultLoggedOut, sandbox.ErrNotPaired},
			{"unknown kind", sandbox.Target{Phone: someone}, "meteor", sandbox.ErrUnknownFault},
		} {
			err := r.network.Fault(t.Context(), test.target, test.kind, sandbox.FaultOptions{})
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
		}

		err := r.network.Fault(t.Context(), sandbox.Target{Phone: someone}, "meteor", sandbox.FaultOptions{})
		for _, known := range sandbox.FaultKinds() {
			if !strings.Contains(err.Error(), string(known.Kind)) || known.About == "" {
				t.Errorf("%q is not in %q, or about nothing", known.Kind, err)
			}
		}
		r.stop()
		if strings.Contains(log.String(), "msg=fault ") {
			t.Errorf("faults that were refused are logged as played: %s", log.String())
		}
	})
}
