package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// TestKillKeepsProfiles kills the real daemon with SIGKILL while profiles are set and
// brought to WhatsApp. After each start each profile is what was answered last, or what
// was asked for behind it, whole in either case; its events are all there; and in the end
// WhatsApp has what the profiles say.
//
// SWITCHHOOK_TEST_PROFILE_KILLS sets how often (3), SWITCHHOOK_TEST_SEED repeats a run.
func TestKillKeepsProfiles(t *testing.T) {
	kills := envInt(t, "SWITCHHOOK_TEST_PROFILE_KILLS", 3)
	seed := envInt(t, "SWITCHHOOK_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("SWITCHHOOK_TEST_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 4))
	f := newCrashRig(t)
	listen := freePort(t)
	f.listen(listen)
	f.boot()
	made, err := f.admin.AddTenant(t.Context(), api.TenantSpec{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	c := chatClient{t, "http://" + listen, made.App, made.SecretKey}
	lives := []*profileLife{{name: "shop"}, {name: "desk"}, {name: "alone"}}
	for _, l := range lives[:2] {
		l.phone = f.pairUnder(l.name).Phone
	}
	c.command("im_open_login_svc/account_import", map[string]any{"UserID": "alone"})
	for n := range kills {
		goal := 5 + rng.IntN(60)
		enough := make(chan struct{}, len(lives))
		var work sync.WaitGroup
		for _, l := range lives {
			work.Go(func() { l.play(c, goal, enough) })
		}
		for range lives {
			select {
			case <-enough:
			case <-time.After(patience):
				t.Fatalf("kill %d: too little is answered", n+1)
			}
		}
		f.daemon.kill()
		work.Wait()
		web.CloseIdleConnections()
		f.boot()
		for _, l := range lives {
			l.judge(t, c, f.account(l.name))
		}
	}
	for _, l := range lives[:2] {
		f.brought(l.name, record.WishApplied, record.WishApplied)
		want := fmt.Sprint(l.answered)
		if got := f.says(l.phone); got.Name != want || got.About != want {
			t.Errorf("WhatsApp has %+v of %s, want %s", got, l.name, want)
		}
	}
	for _, l := range lives {
		acc := f.account(l.name)
		var seq uint64
		last := 0
		for _, ev := range f.events(acc.ID, 0) {
			if seq++; ev.Seq != seq {
				t.Fatalf("event %d of %s follows %d", ev.Seq, l.name, seq-1)
			}
			if ev.Type != record.ProfileUpdated {
				continue
			}
			fact := detail[record.ProfileFact](t, ev)
			var n int
			if _, err := fmt.Sscan(fact.Fields[0].Text, &n); err != nil || n <= last {
				t.Errorf("%s: %q is told after %d", l.name, fact.Fields[0].Text, last)
			}
			last = n
		}
		if last != l.answered {
			t.Errorf("of %s %d was told last, and %d set", l.name, last, l.answered)
		}
		t.Logf("%s: %d kills, %d changes, %d events", l.name, kills, l.answered, seq)
	}
}

// profileLife is one profile; one client changes it, to rising numbers.
type profileLife struct {
	name, phone string
	answered    int // that was set and answered, or is known to be set
	asked       int
}

// play sets the profile until the daemon is gone, and says when that was often enough.
func (l *profileLife) play(c chatClient, goal int, enough chan<- struct{}) {
	rate := time.NewTicker(time.Second / 60) // three accounts, 200 a second
	defer rate.Stop()
	for n := 1; ; n++ {
		<-rate.C
		l.asked++
		text := fmt.Sprint(l.asked)
		got, err := c.ask("profile/portrait_set", portrait(l.name, "Nick", text, "SelfSignature", text))
		switch {
		case err != nil: // the daemon is gone
			return
		case got.ErrorCode != 0:
			c.t.Errorf("%s: %+v", l.name, got)
			return
		}
		l.answered = l.asked
		if n == goal {
			enough <- struct{}{}
		}
	}
}

// judge holds a daemon that has started again to what was answered before.
func (l *profileLife) judge(t *testing.T, c chatClient, acc api.Account) {
	t.Helper()
	now := c.get(l.name, "Nick", "SelfSignature")
	if now["Nick"] != now["SelfSignature"] {
		t.Errorf("half a change of %s: %v", l.name, now)
	}
	switch now["Nick"] {
	case fmt.Sprint(l.answered):
	case fmt.Sprint(l.asked): // it was set, and nobody was told
		l.answered = l.asked
	default:
		t.Errorf("%s says %v, answered was %d and asked for %d", l.name, now, l.answered, l.asked)
	}
	l.asked = l.answered
	if len(acc.Wishes) != 2 || acc.Wishes[0].State == record.WishRefused || acc.Imported != (l.phone == "") {
		t.Errorf("%+v", acc)
	}
}
