package daemon

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func (f *fleet) mustAdd(t *testing.T, spec api.AddSpec) api.Entry {
	t.Helper()
	e, err := f.Add(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryInstanceHasAGreenID(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	token := regexp.MustCompile(`^[0-9a-f]{50}$`)
	seen := make(map[int64]bool)
	for _, name := range []string{"a", "b", "c"} {
		e := f.mustAdd(t, api.AddSpec{Name: name})
		if e.IDInstance < minGreenID || e.IDInstance > maxGreenID || seen[e.IDInstance] || !token.MatchString(e.APIToken) {
			t.Errorf("%s is %d with a token of %d bytes", name, e.IDInstance, len(e.APIToken))
		}
		seen[e.IDInstance] = true
		g, err := f.FindGreen(t.Context(), e.IDInstance)
		if err != nil || g.Instance != e.ID || g.Token != e.APIToken {
			t.Errorf("%s is found as %+v, %v", name, g, err)
		}
	}
	for _, id := range []int64{0, -1, minGreenID - 1} {
		if _, err := f.FindGreen(t.Context(), id); !errors.Is(err, instance.ErrNotFound) {
			t.Errorf("%d: %v", id, err)
		}
	}
}

func TestGreenIDIsKept(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	kept := api.AddSpec{Name: "shop", IDInstance: 1101000001, APIToken: strings.Repeat("k", 50)}
	e := f.mustAdd(t, kept)
	if e.IDInstance != kept.IDInstance || e.APIToken != kept.APIToken {
		t.Errorf("made %d", e.IDInstance)
	}
	invalidField := func(spec api.AddSpec, field string) {
		t.Helper()
		var invalid *instance.InvalidError
		if _, err := f.Add(t.Context(), spec); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", spec.Name, err)
		}
	}
	invalidField(api.AddSpec{Name: "twice", IDInstance: kept.IDInstance}, "id_instance")
	invalidField(api.AddSpec{Name: "long", IDInstance: maxGreenID + 1}, "id_instance")
	invalidField(api.AddSpec{Name: "negative", IDInstance: -1}, "id_instance")
	invalidField(api.AddSpec{Name: "short", APIToken: "secret"}, "api_token")
	invalidField(api.AddSpec{Name: "slash", APIToken: strings.Repeat("/", 50)}, "api_token")
	if got, err := f.FindGreen(t.Context(), kept.IDInstance); err != nil || got.Instance != e.ID {
		t.Errorf("after that it is %+v, %v", got, err)
	}
	// What was refused has reserved nothing, and a deletion frees what it had.
	if err := f.Delete(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.FindGreen(t.Context(), kept.IDInstance); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := f.RotateToken(t.Context(), e.ID, ""); !errors.Is(err, instance.ErrDeleted) {
		t.Errorf("a token for a deleted one: %v", err)
	}
	kept.Name = "again"
	f.mustAdd(t, kept)
}

func TestRotateToken(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	e := f.mustAdd(t, api.AddSpec{Name: "shop"})
	fresh, err := f.RotateToken(t.Context(), e.ID, "")
	if err != nil || fresh.APIToken == e.APIToken || len(fresh.APIToken) != 50 || fresh.IDInstance != e.IDInstance {
		t.Fatalf("%d, %v", fresh.IDInstance, err)
	}
	given := strings.Repeat("g", 20)
	if fresh, err = f.RotateToken(t.Context(), e.ID, given); err != nil || fresh.APIToken != given {
		t.Errorf("given: %v", err)
	}
	if _, err := f.RotateToken(t.Context(), e.ID, "short"); err == nil {
		t.Error("a short token is taken")
	}
	if _, err := f.RotateToken(t.Context(), "nobody", ""); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	stored, err := f.store.GreenAPIs()
	if err != nil || len(stored) != 1 || stored[0].Token != given {
		t.Errorf("stored: %d, %v", len(stored), err)
	}
}

// TestChangeGreenIsAllOrNothing: an address that is refused, and a change that is,
// leave no half behind; changes at once lose none of each other.
func TestChangeGreenIsAllOrNothing(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	f.check = func(url string) error {
		if strings.Contains(url, "//10.") {
			return errors.New("is private")
		}
		return nil
	}
	e := f.mustAdd(t, api.AddSpec{Name: "shop"})
	var bad *instance.InvalidError
	_, err := f.ChangeGreen(t.Context(), e.ID, func(s *record.GreenSettings) error {
		s.State, s.WebhookURL = true, "http://10.0.0.1/"
		return nil
	})
	if !errors.As(err, &bad) || bad.Field != "webhookUrl" {
		t.Errorf("a private address: %v", err)
	}
	refusal := errors.New("no")
	_, err = f.ChangeGreen(t.Context(), e.ID, func(s *record.GreenSettings) error {
		s.Incoming = true
		return refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	if g, err := f.FindGreen(t.Context(), e.IDInstance); err != nil || g.Settings.State || g.Settings.Incoming || g.Settings.WebhookURL != "" {
		t.Errorf("changed: %+v, %v", g.Settings, err)
	}
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			_, err := f.ChangeGreen(t.Context(), e.ID, func(s *record.GreenSettings) error {
				if s.Others == nil {
					s.Others = make(map[string]string)
				}
				s.Others[string(rune('a'+n))] = "1"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			g, err := f.FindGreen(t.Context(), e.IDInstance)
			for range g.Settings.Others { // the race detector watches
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if g, _ := f.FindGreen(t.Context(), e.IDInstance); len(g.Settings.Others) != 20 {
		t.Errorf("%d of 20 changes are left", len(g.Settings.Others))
	}
}

// TestImportedGreenID: a moved instance keeps its id, unless it is taken; a file from
// before there were any, or with nonsense, gets new ones.
func TestImportedGreenID(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	m := &mover{fleet: f}
	taken := f.mustAdd(t, api.AddSpec{Name: "here"})
	token := strings.Repeat("t", 50)
	for name, c := range map[string]struct {
		green *record.GreenAPI
		kept  bool
	}{
		"kept":      {&record.GreenAPI{ID: 7, Token: token, Settings: record.GreenSettings{State: true}}, true},
		"taken":     {&record.GreenAPI{ID: taken.IDInstance, Token: token, Settings: record.GreenSettings{State: true}}, false},
		"none":      {nil, false},
		"no token":  {&record.GreenAPI{ID: 8}, false},
		"too long":  {&record.GreenAPI{ID: maxGreenID + 1, Token: token}, false},
		"bad token": {&record.GreenAPI{ID: 8, Token: "../" + token}, false},
	} {
		p := newParcel()
		p.Green = c.green
		g, err := m.unpackGreen(p)
		if err != nil || g.Instance != p.Instance.ID || len(g.Token) != 50 || g.ID == taken.IDInstance {
			t.Errorf("%s: %d, %v", name, g.ID, err)
		}
		if kept := c.green != nil && g.ID == c.green.ID && g.Token == c.green.Token; kept != c.kept {
			t.Errorf("%s: kept %t", name, kept)
		}
		if (name == "kept" || name == "taken") && !g.Settings.State {
			t.Errorf("%s: the settings are lost", name)
		}
	}
}

// TestGreenIDsFromBefore: what cannot be stored at the start is made later, and nobody
// is told of it before.
func TestGreenIDsFromBefore(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	e := f.mustAdd(t, api.AddSpec{Name: "shop"})
	m := f.byID(e.ID)
	m.green.Store(nil)
	delete(f.greenIDs, e.IDInstance)
	var unready *instance.InvalidError
	if _, err := f.RotateToken(t.Context(), e.ID, ""); !errors.Is(err, instance.ErrUnavailable) || errors.As(err, &unready) {
		t.Errorf("without an id: %v", err)
	}
	if err := f.book.enter(t.Context()); err != nil { // and keep the turn
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.provideGreens(ctx); err == nil || m.green.Load() != nil || len(f.greenIDs) != 0 {
		t.Errorf("not stored: %v, and yet %+v", err, f.greenIDs)
	}
	f.book.leave()
	for range 2 { // the second time there is nothing to do
		if err := f.provideGreens(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	g := m.green.Load()
	if found, err := f.FindGreen(t.Context(), g.ID); err != nil || found.Instance != e.ID || len(f.greenIDs) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}
