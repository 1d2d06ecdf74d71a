package sandbox_test

import (
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"

	"github.com/switchhook/switchhook/sandbox"
)

// refused fails unless the session was turned away at login.
func (s *session) refused() {
	s.t.Helper()
	out := await[*events.LoggedOut](s)
	if !out.OnConnect || out.Reason != events.ConnectFailureLoggedOut {
		s.t.Errorf("logged out: %+v", out)
	}
}

func TestRestore(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.pair(t, "", device)
		s.client.Disconnect()
		for want := 2; want <= 3; want++ {
			s := r.logIn(t, copied(device))
			if d := r.only(); d.Logins != want || d.PreKeys != 812 {
				t.Errorf("login %d: %+v", want, d)
			}
			s.client.Disconnect()
		}
	})
}

func TestLoginNeedsTheNoiseKeyOfPairing(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.pair(t, "", device)
		thief := copied(device)
		thief.NoiseKey = keys.NewKeyPair()
		r.start(t, thief).refused()

		// The companion has noticed nothing, and is still welcome.
		if d := r.only(); !d.Connected {
			t.Errorf("device: %+v", d)
		}
		s.client.Disconnect()
		r.logIn(t, device)
	})
}

func TestLoginOfAStranger(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		r.pair(t, "", device).client.Disconnect()
		for _, change := range []func(*types.JID){
			func(id *types.JID) { id.Device = 2 },
			func(id *types.JID) { id.User = "5511900000002" },
		} {
			stranger := copied(device)
			change(stranger.ID)
			r.start(t, stranger).refused()
		}
		if stats := r.network.Stats(); stats.Refused != 2 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

func TestLogoutByTheCompanion(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.pair(t, "", device)
		kept := copied(device)
		if err := s.client.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.none()
		r.start(t, kept).refused()
	})
}

func TestCompanionCannotLogOutAnother(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		first, second := newDevice(), newDevice()
		r.pair(t, "5511900000001", first)
		s := r.pair(t, "5511900000001", second)
		_, err := s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
			Namespace: "md", Type: "set", To: types.ServerJID,
			Content: []waBinary.Node{{Tag: "remove-companion-device", Attrs: waBinary.Attrs{"jid": *first.ID}}},
		})
		if !errors.Is(err, whatsmeow.ErrIQForbidden) {
			t.Errorf("removal: %v", err)
		}
		if stats := r.network.Stats(); stats.Devices != 2 {
			t.Errorf("stats: %+v", stats)
		}
	})
}

func TestSecondLoginReplacesTheFirst(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		first := r.pair(t, "", device)
		second := r.logIn(t, copied(device))
		await[*events.StreamReplaced](first)
		if d := r.only(); !d.Connected || d.Logins != 2 {
			t.Errorf("device: %+v", d)
		}
		second.client.Disconnect()
	})
}

func TestUnreachable(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		r.pair(t, "", device).client.Disconnect()
		r.network.RefuseConnections(true)
		if _, err := r.dialIn(t, copied(device)); err == nil {
			t.Error("connected to an unreachable network")
		}
		r.network.RefuseConnections(false)
		r.logIn(t, copied(device))
	})
}

func TestRequestsNobodyKnows(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.pair(t, "", newDevice())
		_, err := s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
			Namespace: "w:unheard-of", Type: "get", To: types.ServerJID,
		})
		if answer := new(whatsmeow.IQError); !errors.As(err, &answer) || answer.Code != 501 {
			t.Errorf("unknown namespace: %v", err)
		}
		_, err = s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
			Namespace: "encrypt", Type: "get", To: types.ServerJID, Content: []waBinary.Node{{Tag: "unheard-of"}},
		})
		if answer := new(whatsmeow.IQError); !errors.As(err, &answer) || answer.Code != 501 {
			t.Errorf("unknown request: %v", err)
		}
		if !r.only().Connected {
			t.Error("the session did not go on")
		}
	})
}

func TestUploadOfAnotherIdentity(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.pair(t, "", newDevice())
		_, err := s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
			Namespace: "encrypt", Type: "set", To: types.ServerJID, Content: []waBinary.Node{
				{Tag: "identity", Content: keys.NewKeyPair().Pub[:]},
				{Tag: "list", Content: []waBinary.Node{}},
			},
		})
		if !errors.Is(err, whatsmeow.ErrIQBadRequest) {
			t.Errorf("upload: %v", err)
		}
	})
}

func TestUnpairedClientsMayOnlyPing(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.start(t, newDevice())
		await[*events.QR](s)
		for namespace, want := range map[string]error{"w:p": nil, "encrypt": whatsmeow.ErrIQForbidden} {
			_, err := s.client.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{
				Namespace: namespace, Type: "get", To: types.ServerJID,
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", namespace, err, want)
			}
		}
	})
}

func TestStateSurvives(t *testing.T) {
	t.Parallel()
	file := stateFile(t)
	device := newDevice()
	var code string
	var before sandbox.Device
	t.Run("first life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file}))
		r.pair(t, "5511900000007", device)
		before = r.only()
		s := r.start(t, newDevice())
		code = await[*events.QR](s).Codes[0]
	})
	t.Run("second life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file}))
		after := r.only()
		if after.JID != before.JID || after.LID != before.LID || !after.PairedAt.Equal(before.PairedAt) ||
			after.PreKeys != before.PreKeys || after.Connected || after.Logins != 0 {
			t.Errorf("device was %+v, is %+v", before, after)
		}
		if _, err := r.network.Scan(t.Context(), "", code); !errors.Is(err, sandbox.ErrCodeExpired) {
			t.Errorf("scan of a code from before: %v", err)
		}
		s := r.logIn(t, copied(device))
		s.client.Disconnect()
		second := newDevice()
		r.pair(t, "5511900000007", second)
		if second.ID.Device != 2 || second.LID.User != device.LID.User {
			t.Errorf("second companion is %s, %s", second.ID, second.LID)
		}
	})
}

func TestSeveralListeners(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		first := r.pair(t, "", device)
		second := servePipe(t, r.network).logIn(t, copied(device))
		await[*events.StreamReplaced](first)
		second.client.Disconnect()
	})
}

func TestServerRestart(t *testing.T) {
	t.Parallel()
	n := openNetwork(t, sandbox.Config{})
	device := newDevice()
	r := serveTCP(t, n)
	s := r.pair(t, "", device)
	r.stop()
	await[*events.Disconnected](s)
	if _, err := r.dialIn(t, copied(device)); err == nil {
		t.Error("connected to a stopped server")
	}
	serveTCP(t, n).logIn(t, copied(device))
}
