package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"regexp"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// The ids that GREEN-API's clients know instances by. Those we make have ten digits;
// those that come from elsewhere may have fewer.
const (
	minGreenID = 1_000_000_000
	maxGreenID = 9_999_999_999
)

// greenToken is what a token may be: something that stands in a path as it is.
var greenToken = regexp.MustCompile(`^[0-9A-Za-z_-]{16,128}$`)

const greenTokenRule = "must be 16 to 128 letters, digits, dashes and underscores" //nolint:gosec // no credential

// errGreenTaken is about an id that somebody wants to keep.
var errGreenTaken = invalid("id_instance", "another instance has it: leave it out to have one made")

// newGreenToken makes a token as the hosted service makes them: 50 hexadecimal
// digits.
func newGreenToken() string {
	var b [25]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func checkGreenKeys(id int64, token string) error {
	switch {
	case id < 0 || id > maxGreenID:
		return invalid("id_instance", "must be a number of at most 10 digits")
	case token != "" && !greenToken.MatchString(token):
		return invalid("api_token", greenTokenRule)
	}
	return nil
}

// newGreen makes what an instance is to GREEN-API's clients; what is given of id and
// token is kept. The id is reserved from then on: it is the instance's when that is
// registered, or is given back by [fleet.dropGreen].
func (f *fleet) newGreen(of string, id int64, token string) (record.GreenAPI, error) {
	if token == "" {
		token = newGreenToken()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, taken := f.greenIDs[id]; taken && id != 0 {
		return record.GreenAPI{}, errGreenTaken
	}
	for taken := id == 0; taken; {
		n, err := rand.Int(rand.Reader, big.NewInt(maxGreenID-minGreenID+1))
		if err != nil {
			return record.GreenAPI{}, fmt.Errorf("make an idInstance: %w", err)
		}
		id = n.Int64() + minGreenID
		_, taken = f.greenIDs[id]
	}
	f.greenIDs[id] = nil
	return record.GreenAPI{Instance: of, ID: id, Token: token}, nil
}

// dropGreen gives an id back that no instance came to have.
func (f *fleet) dropGreen(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.greenIDs[id] == nil {
		delete(f.greenIDs, id)
	}
}

// loadGreens reads what the instances are to GREEN-API's clients.
func (f *fleet) loadGreens() (map[string]*record.GreenAPI, error) {
	stored, err := f.store.GreenAPIs()
	if err != nil {
		return nil, err
	}
	of := make(map[string]*record.GreenAPI, len(stored))
	for i := range stored {
		of[stored[i].Instance] = &stored[i]
	}
	return of, nil
}

// provideGreens gives an id and a token to the instances from before there were any,
// in one change: there may be thousands, and the daemon is not ready before.
func (f *fleet) provideGreens(ctx context.Context) error {
	if err := f.book.enter(ctx); err != nil { // none is erased meanwhile
		return err
	}
	defer f.book.leave()
	made := make(map[*member]record.GreenAPI)
	ch := f.store.Change()
	for _, m := range f.withoutGreen() {
		g, err := f.newGreen(m.id, 0, "")
		if err != nil {
			return err
		}
		made[m] = g
		ch.PutGreenAPI(g)
	}
	if len(made) == 0 {
		return nil
	}
	_, err := f.store.Commit(ctx, ch)
	for m, g := range made {
		if err != nil {
			f.dropGreen(g.ID)
			continue
		}
		m.green.Store(&g)
		f.mu.Lock()
		f.greenIDs[g.ID] = m
		f.mu.Unlock()
	}
	return err
}

// withoutGreen answers the instances that are nothing to GREEN-API's clients yet.
func (f *fleet) withoutGreen() (out []*member) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, m := range f.members {
		if m.green.Load() == nil && m.live.Load().Status().Record.DeletedAt.IsZero() {
			out = append(out, m)
		}
	}
	return out
}

// storeGreen replaces what a member is to GREEN-API's clients. with is given what it
// is now, nil if it is nothing yet. One change at a time is made.
func (f *fleet) storeGreen(ctx context.Context, m *member, with func(*record.GreenAPI) (record.GreenAPI, error)) error {
	if err := f.greenTurn.enter(ctx); err != nil {
		return err
	}
	defer f.greenTurn.leave()
	next, err := with(m.green.Load())
	if err != nil {
		return err
	}
	ch := f.store.Change()
	ch.PutGreenAPI(next)
	return f.commitGreen(ctx, ch, m.id, next.Settings, func() { m.green.Store(&next) })
}

// FindGreen implements [api.Instances].
func (f *fleet) FindGreen(_ context.Context, id int64) (record.GreenAPI, error) {
	f.mu.RLock()
	m := f.greenIDs[id]
	f.mu.RUnlock()
	if m == nil {
		return record.GreenAPI{}, instance.ErrNotFound
	}
	return *m.green.Load(), nil
}

// ChangeGreen implements [api.Instances].
func (f *fleet) ChangeGreen(ctx context.Context, id string, change func(*record.GreenSettings) error) (out record.GreenAPI, err error) {
	err = f.editGreen(ctx, id, func(g *record.GreenAPI) error {
		g.Settings.Others = maps.Clone(g.Settings.Others) // readers hold the old one
		err := change(&g.Settings)
		out = *g
		return err
	})
	return out, err
}

// RotateToken implements [api.Instances].
func (f *fleet) RotateToken(ctx context.Context, id, token string) (api.Entry, error) {
	if err := checkGreenKeys(0, token); err != nil {
		return api.Entry{}, err
	}
	if token == "" {
		token = newGreenToken()
	}
	err := f.editGreen(ctx, id, func(g *record.GreenAPI) error {
		g.Token = token
		return nil
	})
	if err != nil {
		return api.Entry{}, err
	}
	f.log.Info("GREEN-API token replaced", "instance", id)
	return f.Find(ctx, id)
}

// editGreen lets with change a copy of what an instance is, and stores it.
func (f *fleet) editGreen(ctx context.Context, id string, with func(*record.GreenAPI) error) error {
	m := f.byID(id)
	if m == nil {
		return instance.ErrNotFound
	}
	return f.storeGreen(ctx, m, func(was *record.GreenAPI) (record.GreenAPI, error) {
		if was == nil {
			return record.GreenAPI{}, fmt.Errorf("%w: the instance has no GREEN-API id yet", instance.ErrUnavailable)
		}
		next := *was
		err := with(&next)
		return next, err
	})
}
