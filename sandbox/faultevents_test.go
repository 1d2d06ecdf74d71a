package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// told is everything the client has said since it was last asked, in a bubble.
func (s *session) told() []string {
	synctest.Wait()
	var all []string
	for {
		select {
		case event := <-s.events:
			all = append(all, named(event))
		default:
			return all
		}
	}
}

// named is an event in a word, with what tells it from others of its type.
func named(event any) string {
	switch e := event.(type) {
	case *events.LoggedOut:
		return fmt.Sprintf("LoggedOut %d at login %t", int(e.Reason), e.OnConnect)
	case *events.StreamError:
		return "StreamError " + e.Code
	case *events.ConnectFailure:
		return fmt.Sprintf("ConnectFailure %d %s", int(e.Reason), e.Message)
	case *events.TemporaryBan:
		return fmt.Sprintf("TemporaryBan %d %v", int(e.Code), e.Expire)
	case *events.PairError:
		return "PairError " + e.Error.Error()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", event), "*events.")
}

// sees compares what a client has said.
func (s *session) sees(what string, want ...string) {
	s.t.Helper()
	got := s.told()
	slices.Sort(got) // events of one cause come on goroutines of their own
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: client said %q, want %q", what, got, want)
	}
}

// outcome is what WHATSAPP.md §6 says of a fault, for a client that is logged in
// and does not reconnect by itself.
type outcome struct {
	at     []string // said when the fault strikes
	later  []string // said within pingFails
	open   bool     // the connection stays
	gone   bool     // the companion does not
	login  []string // said by the login after that, if not Connected
	dial   string   // in the error of that dial
	within time.Duration
}

var (
	dropped   = []string{"Disconnected"}
	connected = []string{"Connected"}
	pinged    = []string{"KeepAliveTimeout"}
)

func streamErrors(code string) outcome {
	return outcome{at: []string{"StreamError " + code, "Disconnected"}}
}

func refusals(said ...string) outcome { return outcome{at: dropped, login: said} }

func failures(code string) outcome { return refusals("ConnectFailure " + code + " sandbox fault") }

// outcomes has a row for every fault that can befall a client that is logged in.
var outcomes = map[sandbox.FaultKind]outcome{
	sandbox.FaultDrop:            {at: dropped},
	sandbox.FaultWSClose:         {at: dropped},
	sandbox.FaultWSGoingAway:     {at: dropped},
	sandbox.FaultWSInternalError: {at: dropped},
	sandbox.FaultStreamEnd:       {at: dropped},
	sandbox.FaultReplaced:        {at: []string{"StreamReplaced"}},
	sandbox.FaultLoggedOut:       {at: []string{"LoggedOut 401 at login false"}, gone: true, login: []string{"LoggedOut 401 at login true"}},
	sandbox.FaultStream401:       streamErrors("401"),
	sandbox.FaultStream500:       streamErrors("500"),
	sandbox.FaultStream503:       {at: dropped},
	sandbox.FaultStream503Open:   {open: true},
	sandbox.FaultStream515:       {at: []string{"ManualLoginReconnect", "Disconnected"}},
	sandbox.FaultStream516:       streamErrors("516"),
	sandbox.FaultStream599:       streamErrors("599"),
	sandbox.FaultUndecryptable:   {open: true, later: pinged},
	sandbox.FaultDeaf:            {open: true, later: pinged},
	sandbox.FaultHear:            {open: true},

	sandbox.FaultRefuse400:     failures("400"),
	sandbox.FaultRefuse401:     refusals("LoggedOut 401 at login true"),
	sandbox.FaultRefuse402:     refusals("TemporaryBan 101 1h0m0s"),
	sandbox.FaultRefuse403:     refusals("LoggedOut 403 at login true"),
	sandbox.FaultRefuse405:     refusals("ClientOutdated"),
	sandbox.FaultRefuse406:     refusals("LoggedOut 406 at login true"),
	sandbox.FaultRefuse409:     failures("409"),
	sandbox.FaultRefuse413:     refusals("CATRefreshError"),
	sandbox.FaultRefuse414:     refusals("CATRefreshError"),
	sandbox.FaultRefuse415:     failures("415"),
	sandbox.FaultRefuse418:     failures("418"),
	sandbox.FaultRefuse500:     refusals("Disconnected"),
	sandbox.FaultRefuse501:     failures("501"),
	sandbox.FaultRefuse503:     refusals("Disconnected"),
	sandbox.FaultRefuse503Open: refusals(),
	sandbox.FaultRefuse599:     failures("599"),
	sandbox.FaultNoAnswerLogin: refusals(),

	sandbox.FaultRefuseConnection: {at: dropped, dial: "EOF"},

	sandbox.FaultNoUpgrade:   {at: dropped, dial: "503"},
	sandbox.FaultHangUpgrade: {at: dropped, dial: "timeout awaiting response headers", within: patience},
	sandbox.FaultNoHello:     {at: dropped, dial: "timed out waiting for handshake", within: whatsmeow.NoiseHandshakeResponseTimeout},
	sandbox.FaultWrongRoot:   {at: dropped, dial: "failed to verify intermediate cert signature"},

	sandbox.FaultHeal: {open: true},
}

// silent are the logins that nothing ends but the client's pings.
var silent = map[sandbox.FaultKind]bool{sandbox.FaultRefuse503Open: true, sandbox.FaultNoAnswerLogin: true}

// pingFails is a time in which a client's first ping fails, and no second one: it
// pings after 20 to 30 s and waits 10 s.
const pingFails = 45 * time.Second

// tidied is what a client has said, in order, and failed pings once: how often it
// pings is its own dice.
func tidied(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	for i, word := range all {
		if slices.Contains(pinged, word) {
			first := i
			for i < len(all) && all[i] == word {
				i++
			}
			return slices.Delete(all, first+1, i)
		}
	}
	return all
}

func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble
	synctest.Wait()
}

// dialQuietly makes a client that gives up rather than panic when its access
// token is refused: whatsmeow calls RefreshCAT without looking.
func (r *rig) dialQuietly(t testing.TB, device *store.Device) (*session, error) {
	return r.prepare(t, device, func(c *whatsmeow.Client) error {
		c.RefreshCAT = refuseCAT
		return nil
	})
}

func TestEveryFaultOfALoggedInClient(t *testing.T) {
	for _, info := range sandbox.FaultKinds() {
		if !slices.Contains(info.Targets, sandbox.TargetPhone) {
			continue
		}
		want, known := outcomes[info.Kind]
		if !known {
			t.Errorf("%s: no row", info.Kind)
		}
		for _, noGap := range []bool{false, true} {
			if noGap && !slices.Contains(info.Options, sandbox.OptionNoGap) {
				continue
			}
			t.Run(fmt.Sprintf("%s/no_gap=%t", info.Kind, noGap), func(t *testing.T) {
				inBubble(t, sandbox.Config{Gap: 80 * time.Millisecond}, func(t *testing.T, r *rig) {
					r.playOnce(t, info, want, noGap)
				})
			})
		}
	}
}

func (r *rig) playOnce(t *testing.T, info sandbox.FaultInfo, want outcome, noGap bool) {
	device := newDevice()
	s := r.pair(t, someone, device)
	kept := copied(device)
	began := time.Now()
	err := r.network.Fault(t.Context(), sandbox.Target{Phone: someone}, info.Kind, sandbox.FaultOptions{NoGap: noGap})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	switch {
	case noGap && took != 0:
		t.Errorf("without a gap it took %v", took)
	case !noGap && info.Stage == sandbox.StageSocket && slices.Contains(info.Options, sandbox.OptionNoGap) && took < 80*time.Millisecond:
		t.Errorf("the gap was %v", took)
	}
	r.struck(s, info, want, noGap)
	if devices, err := r.network.Devices(t.Context()); err != nil || want.gone != (len(devices) == 0) {
		t.Errorf("devices: %+v, %v", devices, err)
	}
	if want.open {
		pass(pingFails)
		s.sees("later", want.later...)
		s.client.Disconnect()
	}
	if info.Stage == sandbox.StageLogin || info.Stage == sandbox.StageDial {
		r.nextAttempt(t, copied(kept), info, want, noGap)
	}
	if want.gone {
		r.start(t, kept).sees("login", want.login...)
		return
	}
	last := r.logIn(t, kept)
	last.client.Disconnect()
	if stats := r.network.Stats(); stats.Faults != 0 {
		t.Errorf("%d faults lie in wait still", stats.Faults)
	}
}

// struck looks at the client that was connected when the fault struck. Without a
// gap the last node may be lost, and then there is only the end of the connection.
func (r *rig) struck(s *session, info sandbox.FaultInfo, want outcome, noGap bool) {
	s.t.Helper()
	if noGap && info.Stage == sandbox.StageSocket {
		said := s.told()
		if len(said) == 0 {
			s.t.Error("the client noticed nothing")
		}
		for _, word := range said {
			if word != "Disconnected" && !slices.Contains(want.at, word) {
				s.t.Errorf("client said %q, want %q or less", said, want.at)
			}
		}
		return
	}
	s.sees("fault", want.at...)
	if d, err := r.network.Devices(s.t.Context()); err == nil && len(d) == 1 && d[0].Connected != want.open {
		s.t.Errorf("connected: %t, want %t", d[0].Connected, want.open)
	}
	if s.client.IsConnected() != want.open {
		s.t.Errorf("client is connected: %t", !want.open)
	}
	if info.Kind == sandbox.FaultStream503Open && s.client.IsLoggedIn() {
		s.t.Error("client is logged in")
	}
}

// nextAttempt dials, or logs in, into the fault that lies in wait.
func (r *rig) nextAttempt(t *testing.T, device *store.Device, info sandbox.FaultInfo, want outcome, noGap bool) {
	t.Helper()
	began := time.Now()
	s, err := r.dialQuietly(t, device)
	if info.Stage == sandbox.StageDial {
		if err == nil || !strings.Contains(err.Error(), want.dial) || time.Since(began) != want.within {
			t.Errorf("dial: %v after %v", err, time.Since(began))
		}
		s.sees("dial")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if silent[info.Kind] {
		s.sees("login")
		pass(pingFails)
		if !s.client.IsConnected() {
			t.Error("the socket was closed")
		}
		s.sees("a silent login", pinged...)
		s.client.Disconnect()
		return
	}
	if !noGap {
		pass(80 * time.Millisecond)
		s.sees("login", want.login...)
		if s.client.IsConnected() {
			t.Error("the client has a socket")
		}
		return
	}
	for _, word := range s.told() {
		if word != "Disconnected" && !slices.Contains(want.login, word) {
			t.Errorf("login: client said %q, want %q or less", word, want.login)
		}
	}
}

// TestFaultsThatClientsHealThemselves: what whatsmeow says and does with the
// reconnecting it has by default.
func TestFaultsThatClientsHealThemselves(t *testing.T) {
	again := append(slices.Clone(dropped), connected...)
	refusedOnce := append(slices.Clone(dropped), again...)
	for kind, want := range map[sandbox.FaultKind][]string{
		sandbox.FaultDrop:             again,
		sandbox.FaultWSClose:          again,
		sandbox.FaultWSGoingAway:      again,
		sandbox.FaultWSInternalError:  again,
		sandbox.FaultStreamEnd:        again,
		sandbox.FaultReplaced:         {"StreamReplaced"},
		sandbox.FaultStream401:        append([]string{"StreamError 401"}, again...),
		sandbox.FaultStream500:        append([]string{"StreamError 500"}, again...),
		sandbox.FaultStream503:        again,
		sandbox.FaultStream515:        connected,
		sandbox.FaultStream516:        append([]string{"StreamError 516"}, again...),
		sandbox.FaultStream599:        append([]string{"StreamError 599"}, again...),
		sandbox.FaultRefuse400:        append([]string{"ConnectFailure 400 sandbox fault"}, dropped...),
		sandbox.FaultRefuse402:        append([]string{"TemporaryBan 101 1h0m0s"}, dropped...),
		sandbox.FaultRefuse405:        append([]string{"ClientOutdated"}, dropped...),
		sandbox.FaultRefuse500:        refusedOnce,
		sandbox.FaultRefuse503:        refusedOnce,
		sandbox.FaultRefuseConnection: again,
		sandbox.FaultNoUpgrade:        again,
		sandbox.FaultHangUpgrade:      again,
		sandbox.FaultNoHello:          again,
		sandbox.FaultWrongRoot:        again,
		sandbox.FaultUndecryptable:    append(slices.Repeat(pinged, 6), connected...),
		sandbox.FaultDeaf:             append(slices.Repeat(pinged, 6), connected...),
		sandbox.FaultNoAnswerLogin:    append(append(slices.Clone(dropped), slices.Repeat(pinged, 6)...), connected...),
		sandbox.FaultRefuse503Open:    append(append(slices.Clone(dropped), slices.Repeat(pinged, 6)...), connected...),
	} {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				device := newDevice()
				r.pair(t, someone, device).client.Disconnect()
				s, err := r.prepare(t, copied(device), func(c *whatsmeow.Client) error {
					c.EnableAutoReconnect, c.DisableLoginAutoReconnect = true, false
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				await[*events.Connected](s)
				// whatsmeow takes its socket lock once more after it said Connected.
				// A dial of its own holds that lock, and to wait for a lock stops
				// the bubble's clock: the dial would never end.
				synctest.Wait()
				r.fault(t, kind)
				pass(5 * time.Minute)
				said := s.told()
				if !slices.Equal(tidied(said), tidied(want)) {
					t.Errorf("client said %q, want %q", said, want)
				}
				s.client.Disconnect()
			})
		})
	}
}
