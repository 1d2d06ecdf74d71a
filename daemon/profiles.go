package daemon

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/picture"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/webhook"
)

// How what WhatsApp does not take is tried again: soon at first, then ever more rarely,
// and in the end not any more.
const (
	applyTime  = 2 * time.Minute // one try, the fetching of a picture included
	applyFirst = 30 * time.Second
	applySoon  = 2 * time.Second // of a phone that was just linked and shares its key in a moment
	applyMost  = time.Hour
	applyTries = 24
	applyLook  = 5 * time.Second // how often it is looked what is due
)

// applyAtOnce is how many accounts may be brought to WhatsApp at once.
const applyAtOnce = 32

// applying is which accounts are being brought to WhatsApp, or wait for their turn.
type applying struct {
	turns chan struct{} // one for each that is under way

	mu    sync.Mutex
	now   map[user]bool // guarded by mu; true: something has changed since it was looked at
	over  bool          // guarded by mu; nothing begins any more
	group sync.WaitGroup
}

func newApplying() *applying {
	return &applying{turns: make(chan struct{}, applyAtOnce), now: make(map[user]bool)}
}

// begin brings an account with work, which looks at one thing and reports whether there
// may be another. Where somebody is at it already they look once more.
func (a *applying) begin(ctx context.Context, u user, work func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, busy := a.now[u]; busy || a.over {
		if busy {
			a.now[u] = true
		}
		return
	}
	a.now[u] = false
	a.group.Go(func() {
		select {
		case a.turns <- struct{}{}:
			defer func() { <-a.turns }()
		case <-ctx.Done():
		}
		for {
			for work() {
			}
			if a.end(u) {
				return
			}
		}
	})
}

// stop waits until nobody is at it, and lets nobody begin.
func (a *applying) stop() {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
	a.group.Wait()
}

// end reports whether there is nothing more to look at.
func (a *applying) end(u user) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now[u] {
		a.now[u] = false
		return false
	}
	delete(a.now, u)
	return true
}

// apply brings to WhatsApp what an account wishes, as far as its instance is connected
// and it is due. It returns at once.
func (t *tenants) apply(u user) {
	t.fleet.mu.RLock()
	ctx := t.running
	t.fleet.mu.RUnlock()
	if ctx != nil {
		t.applying.begin(ctx, u, func() bool { return t.applyNext(ctx, u) })
	}
}

// applyDue looks after all that is due until ctx ends, and then until nobody is at it.
func (t *tenants) applyDue(ctx context.Context) {
	tick := time.NewTicker(applyLook)
	defer tick.Stop()
	for {
		for _, u := range t.toBring(time.Now()) {
			t.apply(u)
		}
		select {
		case <-ctx.Done():
			t.applying.stop()
			return
		case <-tick.C:
		}
	}
}

// toBring answers the accounts of which something is to be brought to WhatsApp at a
// moment.
func (t *tenants) toBring(now time.Time) (out []user) {
	for _, acc := range t.accounts.of(func(a record.Account) bool { return len(a.Wishes) > 0 }) {
		if m := t.instanceOf(userOf(acc)); m != nil {
			if _, _, there := next(m, acc, now); there {
				out = append(out, userOf(acc))
			}
		}
	}
	return out
}

// next answers what an account is to have now of what it wishes, and as which phone its
// instance is connected; false: nothing, or it is not.
func next(m *member, acc record.Account, now time.Time) (f record.Field, phone string, there bool) {
	st := m.live.Load().Status()
	if st.Record.State != fsm.Authenticated || !st.Record.DeletedAt.IsZero() {
		return f, "", false
	}
	f, there = acc.NextWish(now, st.Info.Phone)
	return f, st.Info.Phone, there
}

// connected looks after the account of an instance that is usable now.
func (t *tenants) connected(id string) {
	if m := t.fleet.byID(id); m != nil {
		if ten, err := t.find(m.tenant); err == nil {
			t.apply(user{ten.ID, m.name})
		}
	}
}

// applyNext brings one wish of an account to WhatsApp and records what came of it. It
// reports whether there may be another one.
func (t *tenants) applyNext(ctx context.Context, u user) bool {
	m := t.instanceOf(u)
	acc, there := t.accounts.get(u)
	if m == nil || !there || ctx.Err() != nil {
		return false
	}
	// Whoever is told of a connection by its event is faster than the status.
	i := m.live.Load()
	if err := i.Between(ctx, func() error { return nil }); err != nil {
		return false
	}
	field, phone, ok := next(m, acc, time.Now())
	if !ok {
		return false
	}
	trying, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	err := t.bring(trying, i, field)
	if waits(err) {
		return false // for a connection, which looks after it when it is there
	}
	return t.tried(ctx, u, m.id, field, record.Brought(phone, field), err)
}

// waits reports whether a wish has to wait for its connection.
func waits(err error) bool {
	for _, e := range []error{
		instance.ErrNotConnected, instance.ErrRestarting, instance.ErrFenced, instance.ErrStopping, instance.ErrDeleted, context.Canceled,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// bring gives a field to WhatsApp.
func (t *tenants) bring(ctx context.Context, i *instance.Instance, f record.Field) (err error) {
	switch f.Tag {
	case record.TagNick:
		_, err = i.SetName(ctx, f.Text)
	case record.TagSelfSignature:
		_, err = i.SetAbout(ctx, f.Text)
	case record.TagImage:
		if f.Text == "" {
			return &instance.InvalidError{Field: "image", Problem: "is empty: a picture can be replaced, not taken away"}
		}
		err = t.fetch(ctx, f.Text, picture.MaxFile+1, func(r io.Reader) error {
			made, err := t.maker.Make(ctx, r, picture.JPEG, picture.PNG, picture.WebP)
			if err != nil {
				return pictureProblem(err)
			}
			_, err = i.SetPicture(ctx, instance.Image{JPEG: made.JPEG, Thumbnail: made.Thumbnail})
			return err
		})
	}
	return err
}

// tried stores what has come of a field that was brought to WhatsApp. What was set
// meanwhile stays wished for.
func (t *tenants) tried(ctx context.Context, u user, id string, f record.Field, brought string, failed error) bool {
	done, err := t.useID(u.tenant) // or its account comes back without it
	if err != nil {
		return false
	}
	defer done()
	leave, err := t.accounts.enter(ctx, u)
	if err != nil {
		return false
	}
	defer leave()
	acc, there := t.accounts.get(u)
	ten, err := t.find(u.tenant)
	if !there || err != nil {
		return false
	}
	now := time.Now().UTC()
	current, _ := acc.Field(f.Tag)
	w := acc.Wish(f.Tag)
	ch := t.store.Change()
	if failed == nil {
		w.Applied = brought
	}
	if current == f {
		w = judged(w, now, failed)
		if w.State != record.WishPending {
			ch.Append(factOf(acc.ID, record.ProfileApplied, u.name, record.AppliedFact{
				Account: u.name, Tenant: ten.Name, Instance: id, Tag: f.Tag, State: w.State, Problem: w.Problem,
			}))
		}
	}
	next := acc.Wished(w)
	ch.PutAccount(next)
	if _, err := t.store.Commit(ctx, ch); err != nil {
		return false // it is brought once more, which changes nothing
	}
	t.accounts.put(next)
	return true
}

// judged is a wish after a try.
func judged(w record.Wish, now time.Time, failed error) record.Wish {
	if failed == nil {
		return record.Wish{Tag: w.Tag, State: record.WishApplied, At: now, Applied: w.Applied}
	}
	if w.State != record.WishPending { // another phone's account had it
		w.State, w.At = record.WishPending, now
	}
	w.Tries++
	w.Problem = failed.Error()
	_, invalid := errors.AsType[*instance.InvalidError](failed)
	fetching, fetched := errors.AsType[*webhook.FetchError](failed)
	if invalid || fetched && fetching.Final || w.Tries >= applyTries {
		w.State, w.At, w.NextAt = record.WishRefused, now, time.Time{}
		return w
	}
	first := applyFirst
	if errors.Is(failed, instance.ErrNoSettingsKey) {
		first = applySoon
	}
	wait := min(applyMost, first<<min(w.Tries-1, 10))
	w.NextAt = now.Add(wait)
	return w
}
