package sandbox_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

const another = "5511900000002"

// play is Fault for a phone, or for the network if there is none.
func (r *rig) play(t *testing.T, phone string, kind sandbox.FaultKind, opts sandbox.FaultOptions) {
	t.Helper()
	if err := r.network.Fault(t.Context(), sandbox.Target{Phone: phone}, kind, opts); err != nil {
		t.Fatalf("fault %s: %v", kind, err)
	}
}

// tryLogin says what a login comes to.
func (r *rig) tryLogin(t *testing.T, device *store.Device) []string {
	t.Helper()
	s, err := r.dialQuietly(t, copied(device))
	if err != nil {
		return []string{"error"}
	}
	pass(time.Second)
	said := s.told()
	s.client.Disconnect()
	return said
}

func (r *rig) logins(t *testing.T, device *store.Device, want ...string) {
	t.Helper()
	for i, word := range want {
		if got := r.tryLogin(t, device); !slices.Equal(got, []string{word}) {
			t.Errorf("login %d: %q, want %q", i+1, got, word)
		}
	}
}

// away pairs a phone and lets its companion go.
func (r *rig) away(t *testing.T, phone string) *store.Device {
	t.Helper()
	device := newDevice()
	r.pair(t, phone, device).client.Disconnect()
	return device
}

func TestFaultsStrikeAsOftenAsAsked(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  sandbox.FaultKind
		times int
		want  []string
	}{
		{"once", sandbox.FaultRefuse405, 0, []string{"ClientOutdated", "Connected"}},
		{"twice", sandbox.FaultRefuse405, 2, []string{"ClientOutdated", "ClientOutdated", "Connected"}},
		{"for ever", sandbox.FaultRefuse405, sandbox.Forever, slices.Repeat([]string{"ClientOutdated"}, 10)},
		{"dial once", sandbox.FaultNoUpgrade, 1, []string{"error", "Connected"}},
		{"dial thrice", sandbox.FaultNoUpgrade, 3, []string{"error", "error", "error", "Connected"}},
		{"dial for ever", sandbox.FaultWrongRoot, sandbox.Forever, slices.Repeat([]string{"error"}, 10)},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				device := r.away(t, someone)
				r.play(t, someone, test.kind, sandbox.FaultOptions{Times: test.times})
				r.logins(t, device, test.want...)
				r.play(t, "", sandbox.FaultHeal, sandbox.FaultOptions{})
				r.logins(t, device, "Connected")
			})
		})
	}
}

func TestFaultsWaitForTheirPhone(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		one, two := r.away(t, someone), r.away(t, another)
		r.play(t, "", sandbox.FaultRefuse400, sandbox.FaultOptions{Times: 2})
		r.play(t, someone, sandbox.FaultRefuse405, sandbox.FaultOptions{Times: 2})
		r.logins(t, one, "ClientOutdated") // its own fault goes first
		r.logins(t, two, "ConnectFailure 400 sandbox fault")
		r.play(t, someone, sandbox.FaultHeal, sandbox.FaultOptions{})
		if stats := r.network.Stats(); stats.Faults != 1 {
			t.Errorf("%d faults lie in wait", stats.Faults)
		}
		r.logins(t, one, "ConnectFailure 400 sandbox fault", "Connected")
		r.logins(t, two, "Connected")
	})
}

// TestHealCallsOffWhatWasLaidForThePhone: dial faults strike whoever dials, and
// yet the phone they were laid for heals them, and only those.
func TestHealCallsOffWhatWasLaidForThePhone(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		one, two := r.away(t, someone), r.away(t, another)
		r.play(t, someone, sandbox.FaultNoUpgrade, sandbox.FaultOptions{Times: sandbox.Forever})
		r.logins(t, one, "error")
		r.logins(t, two, "error")
		r.play(t, another, sandbox.FaultHeal, sandbox.FaultOptions{})
		r.logins(t, two, "error")
		r.play(t, someone, sandbox.FaultHeal, sandbox.FaultOptions{})
		r.logins(t, one, "Connected")
		r.logins(t, two, "Connected")
		r.play(t, "", sandbox.FaultNoUpgrade, sandbox.FaultOptions{Times: sandbox.Forever})
		r.play(t, someone, sandbox.FaultHeal, sandbox.FaultOptions{})
		r.logins(t, one, "error")
	})
}

func TestNetworkFaultsStrikeClientsWithoutAPhone(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.play(t, "", sandbox.FaultNoAnswerLogin, sandbox.FaultOptions{})
		r.play(t, "", sandbox.FaultRefuse405, sandbox.FaultOptions{})
		s := r.start(t, newDevice())
		s.sees("no answer")
		s.client.Disconnect()
		r.start(t, newDevice()).sees("refused", "ClientOutdated")
		s = r.start(t, newDevice())
		s.sees("healed", "QR")
		s.client.Disconnect()
	})
}

func TestLaterLeavesTheConnection(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.FaultRefuse405, sandbox.FaultNoUpgrade} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				device := newDevice()
				s := r.pair(t, someone, device)
				r.play(t, someone, kind, sandbox.FaultOptions{Later: true})
				pass(pingFails)
				s.sees("later")
				if !r.only().Connected {
					t.Error("the connection was cut")
				}
				s.client.Disconnect()
				if got := r.tryLogin(t, device); slices.Equal(got, connected) {
					t.Error("the fault did not strike")
				}
				r.logins(t, device, "Connected")
			})
		})
	}
}

func TestBans(t *testing.T) {
	for _, test := range []struct {
		opts sandbox.FaultOptions
		want string
	}{
		{sandbox.FaultOptions{}, "TemporaryBan 101 1h0m0s"},
		{sandbox.FaultOptions{Expire: 90 * time.Second, Code: 104}, "TemporaryBan 104 1m30s"},
		{sandbox.FaultOptions{Expire: 100 * time.Millisecond}, "TemporaryBan 101 1s"},
		{sandbox.FaultOptions{Expire: -1}, "TemporaryBan 101 0s"},
	} {
		inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
			device := r.away(t, someone)
			r.play(t, someone, sandbox.FaultRefuse402, test.opts)
			r.logins(t, device, test.want, "Connected")
		})
	}
}

func TestDeafUntilHeard(t *testing.T) {
	for _, heals := range []sandbox.FaultKind{sandbox.FaultHear, sandbox.FaultHeal} {
		inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
			s := r.pair(t, someone, newDevice())
			r.play(t, someone, sandbox.FaultDeaf, sandbox.FaultOptions{})
			pass(pingFails)
			s.sees("deaf", pinged...)
			r.play(t, someone, heals, sandbox.FaultOptions{})
			pass(pingFails)
			s.sees(string(heals), "KeepAliveRestored")
			s.client.Disconnect()
		})
	}
}

func TestHangingDialsEndWithTheServer(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.play(t, "", sandbox.FaultHangUpgrade, sandbox.FaultOptions{})
		began := time.Now()
		failed := make(chan error, 1)
		go func() {
			_, err := r.dialIn(t, newDevice())
			failed <- err
		}()
		pass(patience - time.Second)
		if stats := r.network.Stats(); stats.Faults != 0 || stats.Accepted != 0 {
			t.Errorf("stats: %+v", stats)
		}
		if err := r.network.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err == nil || time.Since(began) != patience-time.Second {
			t.Errorf("dial: %v after %v", err, time.Since(began))
		}
	})
}

func TestFaultTargets(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, target := r.showing(t)
		r.away(t, someone)
		for _, info := range sandbox.FaultKinds() {
			if info.About == "" || info.Stage == "" || len(info.Targets) == 0 {
				t.Errorf("%+v says too little", info)
			}
			for name, wrong := range map[string]struct {
				target sandbox.Target
				want   error
			}{
				sandbox.TargetNetwork: {sandbox.Target{}, sandbox.ErrBadTarget},
				sandbox.TargetPhone:   {sandbox.Target{Phone: someone}, sandbox.ErrNotShowing},
				sandbox.TargetCode:    {target, sandbox.ErrNotPaired},
			} {
				if slices.Contains(info.Targets, name) {
					continue
				}
				err := r.network.Fault(t.Context(), wrong.target, info.Kind, sandbox.FaultOptions{})
				if !errors.Is(err, wrong.want) {
					t.Errorf("%s for a %s: %v, want %v", info.Kind, name, err, wrong.want)
				}
			}
		}
		s.client.Disconnect()
	})
}

func TestMinimumVersion(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		device := newDevice()
		s := r.pair(t, someone, device)
		announced := r.only().Client.AppVersion
		set := func(version string) {
			t.Helper()
			if err := r.network.SetMinimumVersion(t.Context(), version); err != nil {
				t.Fatal(err)
			}
		}
		set("99")
		pass(pingFails)
		s.sees("the connection that stands")
		s.client.Disconnect()
		r.logins(t, device, "ClientOutdated")
		r.start(t, newDevice()).sees("pairing", "ClientOutdated")
		for version, want := range map[string]string{
			"": "Connected", announced: "Connected", "2.3000.4294967295": "ClientOutdated", "2.3000": "Connected",
			"2.2999.999": "Connected", "2.3001": "ClientOutdated", "3": "ClientOutdated",
		} {
			set(version)
			r.logins(t, device, want)
		}
		set("2.3000.7")
		if info, err := r.network.Info(t.Context()); err != nil || info.Minimum != "2.3000.7" {
			t.Errorf("info: %+v, %v", info, err)
		}
		for _, bad := range []string{"x", "2.3000.x", "1.2.3.4", "1..2", "-1", "4294967296", "1.", " 1"} {
			if err := r.network.SetMinimumVersion(t.Context(), bad); !errors.Is(err, sandbox.ErrBadVersion) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		fresh := r.start(t, newDevice())
		await[*events.QR](fresh)
		fresh.client.Disconnect()
	})
}
