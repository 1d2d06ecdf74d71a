//nolint:forbidigo // its sleeps are in bubbles
package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// faces is a network of accounts that are connected at once and take what they are
// told, or fail with what the test says.
type faces struct {
	mu    sync.Mutex
	fails error                     // guarded by mu
	asked []string                  // guarded by mu; names and texts, in order
	hold  func(ctx context.Context) // guarded by mu; what a call waits for; nil: nothing
}

func (f *faces) Open(spec instance.Spec) (instance.Conn, error) {
	return &face{f: f, badConn: badConn{dial: func(context.Context) error {
		spec.Report(instance.Fact{Kind: instance.FactUp})
		return nil
	}}}, nil
}

// take is one call.
func (f *faces) take(ctx context.Context, text string) error {
	f.mu.Lock()
	f.asked = append(f.asked, text)
	hold, err := f.hold, f.fails
	f.mu.Unlock()
	if hold != nil {
		hold(ctx)
	}
	return err
}

// was answers what was asked for since it was last asked, and sets what fails.
func (f *faces) was(fails error) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.asked
	f.asked, f.fails = nil, fails
	return out
}

type face struct {
	badConn
	f *faces
}

func (c *face) LoggedOn() bool                                   { return true }
func (c *face) SetName(ctx context.Context, name string) error   { return c.f.take(ctx, name) }
func (c *face) SetAbout(ctx context.Context, about string) error { return c.f.take(ctx, about) }

// shopOf is the instance shop of the tenant acme, as it was stored when it was connected,
// and what its account wishes.
func shopOf(phone string, wishes ...record.Wish) func(*store.Change) {
	return func(ch *store.Change) {
		ch.PutTenant(record.Tenant{ID: "t1", Name: "acme", Chat: &record.Chat{App: 1400000001, SecretKey: "k", Admins: []string{"administrator"}}})
		ch.PutInstance(record.Instance{ID: "i1", Name: "shop", WID: "w1", Tenant: "acme", State: fsm.Authenticated})
		ch.PutSession("i1", record.Session{ID: "s1", JID: phone + ":1@s.whatsapp.net", PushName: "Desk"})
		if len(wishes) > 0 {
			ch.PutAccount(record.Account{
				ID: "a1", Tenant: "t1", UserID: "shop",
				Fields: []record.Field{{Tag: record.TagNick, Text: "The Shop"}}, Wishes: wishes,
			})
		}
	}
}

func nick(text string) record.Field  { return record.Field{Tag: record.TagNick, Text: text} }
func about(text string) record.Field { return record.Field{Tag: record.TagSelfSignature, Text: text} }

// wished is the wish for the name of shop as it is now.
func (f *fleet) wished(t *testing.T) record.Wish {
	t.Helper()
	synctest.Wait()
	acc, ok := f.tenants.accounts.get(user{"t1", "shop"})
	if !ok {
		t.Fatal("shop has no account")
	}
	return acc.Wish(record.TagNick)
}

// TestJudged: what a try makes of a wish.
func TestJudged(t *testing.T) {
	before := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	now := before.Add(time.Hour)
	busy := fmt.Errorf("%w: it was changed too often, try again later", instance.ErrProfileRefused)
	wish := func(state record.WishState, tries int) record.Wish {
		return record.Wish{Tag: record.TagNick, State: state, At: before, Tries: tries, Problem: "old", Applied: "hash"}
	}
	for name, c := range map[string]struct {
		was    record.Wish
		failed error
		state  record.WishState
		wait   time.Duration // zero: there is no next try
	}{
		"taken":                       {wish(record.WishPending, 0), nil, record.WishApplied, 0},
		"taken at last":               {wish(record.WishPending, 23), nil, record.WishApplied, 0},
		"taken by another phone":      {wish(record.WishApplied, 0), nil, record.WishApplied, 0},
		"not now":                     {wish(record.WishPending, 0), busy, record.WishPending, 30 * time.Second},
		"not by another phone now":    {wish(record.WishApplied, 0), busy, record.WishPending, 30 * time.Second},
		"not now, again":              {wish(record.WishPending, 1), busy, record.WishPending, time.Minute},
		"not now, the seventh time":   {wish(record.WishPending, 6), busy, record.WishPending, 32 * time.Minute},
		"not now, the eighth time":    {wish(record.WishPending, 7), busy, record.WishPending, time.Hour},
		"not now, the last but one":   {wish(record.WishPending, 22), busy, record.WishPending, time.Hour},
		"not now, the last time":      {wish(record.WishPending, 23), busy, record.WishRefused, 0},
		"never":                       {wish(record.WishPending, 0), &instance.InvalidError{Field: "name", Problem: "is bad"}, record.WishRefused, 0},
		"never by another phone":      {wish(record.WishApplied, 0), fmt.Errorf("x: %w", &instance.InvalidError{Field: "name", Problem: "is bad"}), record.WishRefused, 0},
		"no picture there":            {wish(record.WishPending, 0), &webhook.FetchError{Err: errors.New("status 404"), Final: true}, record.WishRefused, 0},
		"no picture there now":        {wish(record.WishPending, 0), &webhook.FetchError{Err: errors.New("status 500")}, record.WishPending, 30 * time.Second},
		"no key to the settings":      {wish(record.WishPending, 0), instance.ErrNoSettingsKey, record.WishPending, 2 * time.Second},
		"no key, the fourth time":     {wish(record.WishPending, 3), instance.ErrNoSettingsKey, record.WishPending, 16 * time.Second},
		"nobody knows whether it was": {wish(record.WishPending, 0), &instance.ProfileError{Err: errors.New("no answer")}, record.WishPending, 30 * time.Second},
	} {
		got := judged(c.was, now, c.failed)
		want := record.Wish{Tag: record.TagNick, State: c.state, At: now, Applied: "hash"}
		if c.failed != nil {
			want.Tries, want.Problem = c.was.Tries+1, c.failed.Error()
		}
		if c.wait > 0 {
			want.NextAt = now.Add(c.wait)
		}
		if c.was.State == c.state && c.failed != nil {
			want.At = before
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		acc := record.Account{Fields: []record.Field{{Tag: record.TagNick, Text: "x"}}, Wishes: []record.Wish{got}}
		if _, next := acc.NextWish(now.Add(c.wait-1), "15550001111"); next && c.failed != nil {
			t.Errorf("%s: it is tried again before %v are over", name, c.wait)
		}
		if _, next := acc.NextWish(now.Add(c.wait), "15550001111"); next != (c.wait > 0) && c.failed != nil {
			t.Errorf("%s: it is tried again after %v: %t", name, c.wait, next)
		}
	}
}

// TestProfileOfAnotherPhone: what one account of WhatsApp has taken is brought to another
// that the instance is linked with since, as soon as that is connected, and when it does
// not take it at once, no faster than anything else.
func TestProfileOfAnotherPhone(t *testing.T) {
	taken := record.Wish{Tag: record.TagNick, State: record.WishApplied, Applied: record.Brought("15550001111", nick("The Shop"))}
	synctest.Test(t, func(t *testing.T) {
		d := &faces{}
		newTestFleet(t, d, shopOf("15550001111", taken))
		time.Sleep(time.Minute)
		if asked := d.was(nil); len(asked) > 0 {
			t.Errorf("the same phone was asked for %q", asked)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &faces{}
		began := time.Now()
		f := newTestFleet(t, d, shopOf("15550002222", taken))
		for f.wished(t).Applied == taken.Applied && time.Since(began) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		if asked := d.was(nil); !slices.Equal(asked, []string{"The Shop"}) || time.Since(began) > 2*time.Second {
			t.Errorf("the other phone was asked for %q, after %v", asked, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &faces{fails: fmt.Errorf("%w: too often", instance.ErrProfileRefused)}
		f := newTestFleet(t, d, shopOf("15550002222", taken))
		time.Sleep(20 * time.Second)
		if w := f.wished(t); w.State != record.WishPending || w.Tries != 1 || len(d.was(d.fails)) != 1 || f.store.Head("a1") != 0 {
			t.Errorf("after a first try: %+v, %d events", w, f.store.Head("a1"))
		}
		d.was(nil)
		time.Sleep(time.Minute)
		if w := f.wished(t); w.State != record.WishApplied || w.Tries != 0 || f.store.Head("a1") != 1 {
			t.Errorf("after a second try: %+v, %d events", w, f.store.Head("a1"))
		}
	})
}

// TestProfileIsTriedAgain: as often and as late as is promised, and not any more then.
func TestProfileIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &faces{fails: fmt.Errorf("%w: too often", instance.ErrProfileRefused)}
		f := newTestFleet(t, d, shopOf("15550001111"))
		set := func(fields ...record.Field) {
			t.Helper()
			if err := f.tenants.SetProfile(t.Context(), "t1", "shop", "administrator", fields); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		set(nick("One"))
		var waits []time.Duration
		var last time.Time
		for range 3 * 24 * 3600 / 5 {
			time.Sleep(5 * time.Second)
			if len(d.was(d.fails)) > 0 {
				waits = append(waits, time.Since(last))
				last = time.Now()
			}
		}
		if len(waits) != applyTries {
			t.Errorf("it was tried %d times: %v", len(waits), waits)
		}
		for n, wait := range waits[1:] {
			want := min(applyFirst<<min(n, 10), applyMost)
			if wait < want-applyLook || wait > want+2*applyLook { // as it is looked here
				t.Errorf("try %d came after %v, want %v", n+2, wait, want)
			}
		}
		if w := f.wished(t); w.State != record.WishRefused || w.Tries != applyTries {
			t.Errorf("in the end: %+v", w)
		}
		d.was(nil)
		set(nick("One")) // wished for anew
		if w := f.wished(t); w.State != record.WishApplied {
			t.Errorf("set anew: %+v", w)
		}
	})
}

// TestProfileIsSetMeanwhile: what is set while the value before is on its way comes after
// it, once, and only that counts.
func TestProfileIsSetMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &faces{}
		f := newTestFleet(t, d, shopOf("15550001111"))
		synctest.Wait()
		free := make(chan struct{})
		d.mu.Lock()
		d.hold = func(context.Context) { <-free }
		d.mu.Unlock()
		for n := range 100 {
			if err := f.tenants.SetProfile(t.Context(), "t1", "shop", "administrator", []record.Field{nick(fmt.Sprint(n)), about(fmt.Sprint(n))}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		close(free)
		if w := f.wished(t); w.State != record.WishApplied {
			t.Errorf("%+v", w)
		}
		if asked := d.was(nil); !slices.Equal(asked, []string{"0", "99", "99"}) {
			t.Errorf("WhatsApp was asked for %q", asked)
		}
		acc, _ := f.tenants.accounts.get(user{"t1", "shop"})
		if n := f.store.Head(acc.ID); n != 102 {
			t.Errorf("%d events, want 100 changes and 2 applications", n)
		}
	})
}

// TestTenantStaysWhileItsProfilesAreBrought: a tenant cannot go between what WhatsApp has
// answered and the record of it, which would come back without its tenant.
func TestTenantStaysWhileItsProfilesAreBrought(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newTestFleet(t, &faces{}, shopOf("15550001111"))
		u := user{"t1", "desk"}
		for f.tenants.accounts.turn(u) == f.tenants.accounts.turn(user{"t1", "shop"}) {
			u.name += "2" // whose turn is another: the one that goes is not to wait for it
		}
		if err := f.tenants.ImportAccount(t.Context(), "t1", u.name, "administrator", []record.Field{nick("Desk")}); err != nil {
			t.Fatal(err)
		}
		leave, err := f.tenants.accounts.enter(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan bool)
		go func() { done <- f.tenants.tried(t.Context(), u, "i9", nick("Desk"), "hash", nil) }()
		synctest.Wait() // it waits for its turn, behind somebody
		if err := f.Delete(t.Context(), "i1"); err != nil {
			t.Fatal(err)
		}
		if err := f.erase(t.Context(), f.byID("i1")); err != nil {
			t.Fatal(err)
		}
		var refused *api.RefusedError
		if err := f.tenants.DeleteTenant(t.Context(), "acme"); !errors.As(err, &refused) {
			t.Errorf("the tenant goes: %v", err)
		}
		leave()
		if !<-done {
			t.Error("what WhatsApp has answered was not stored")
		}
		if err := f.tenants.DeleteTenant(t.Context(), "acme"); err != nil {
			t.Error(err)
		}
		if f.tenants.tried(t.Context(), u, "i9", nick("Desk"), "hash", nil) {
			t.Error("an account that is gone was stored")
		}
		if all, err := f.store.Accounts(); err != nil || len(all) > 0 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestManyAccountsWait: accounts that have nothing to be brought to hold nothing, however
// many there are.
func TestManyAccountsWait(t *testing.T) {
	const many = 10_000
	synctest.Test(t, func(t *testing.T) {
		d := &faces{}
		f := newTestFleet(t, d, shopOf("15550001111"), func(ch *store.Change) {
			for n := range many {
				id := fmt.Sprintf("a%05d", n)
				acc := record.Account{ID: id, Tenant: "t1", UserID: id, Imported: true}
				ch.PutAccount(acc.With(time.Now(), nick("x")))
			}
		})
		time.Sleep(time.Minute)
		if all := f.tenants.toBring(time.Now()); len(all) > 0 || len(d.was(nil)) > 0 {
			t.Errorf("%d accounts without an instance are looked after", len(all))
		}
	})
}

// TestEventsNameTheAccount: they bear the name by which people call what it is about.
func TestEventsNameTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newTestFleet(t, &faces{}, shopOf("15550001111"))
		if err := f.tenants.SetProfile(t.Context(), "t1", "shop", "administrator", []record.Field{nick("One")}); err != nil {
			t.Fatal(err)
		}
		f.wished(t)
		acc, _ := f.tenants.accounts.get(user{"t1", "shop"})
		events, err := f.store.Events(acc.ID, 0, 10)
		if err != nil || len(events) != 2 {
			t.Fatalf("%+v, %v", events, err)
		}
		for _, ev := range events {
			if ev.Name != "shop" {
				t.Errorf("%s is about %q", ev.Kind, ev.Name)
			}
		}
	})
}

// TestProfileOfADeletedInstance: it is nobody's from then on, is there for whoever takes
// the name, and goes with the instance otherwise, but not before everyone has its events.
// An erasure that fails holds nobody up.
func TestProfileOfADeletedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newTestFleet(t, &faces{}, shopOf("15550001111"))
		role := record.Field{Tag: "Tag_Profile_IM_Role", Number: 3, Numeric: true}
		set := func(name string) error {
			return f.tenants.SetProfile(t.Context(), "t1", name, "administrator", []record.Field{role})
		}
		if err := set("shop"); err != nil {
			t.Fatal(err)
		}
		acc, _ := f.tenants.accounts.get(user{"t1", "shop"})
		m := f.byID("i1")
		if err := f.Delete(t.Context(), "i1"); err != nil {
			t.Fatal(err)
		}
		if err := set("shop"); !errors.Is(err, tencent.ErrNoAccount) {
			t.Errorf("its profile is set: %v", err)
		}
		if got, err := f.tenants.ChatAccount(t.Context(), "t1", "shop"); !errors.Is(err, tencent.ErrNoAccount) {
			t.Errorf("its profile is read: %+v, %v", got, err)
		}
		if got, goes := f.tenants.leavesWith(m); !goes || got.ID != acc.ID {
			t.Errorf("%q goes with it, want %q", got.ID, acc.ID)
		}
		closed, err := files.Open(t.TempDir(), files.Options{})
		if err != nil || closed.Close() != nil {
			t.Fatal(err)
		}
		whole := f.files
		f.files = closed
		if err := f.erase(t.Context(), m); err == nil {
			t.Error("it is erased without its files")
		}
		f.files = whole
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if leave, err := f.tenants.accounts.enter(ctx, user{"t1", "shop"}); err != nil {
			t.Error("nobody can change the account any more")
		} else {
			leave()
		}
		if err := f.erase(t.Context(), m); err != nil {
			t.Error(err)
		}
		if all, err := f.store.Accounts(); err != nil || len(all) > 0 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
