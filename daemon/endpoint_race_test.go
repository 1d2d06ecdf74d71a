package daemon

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// TestEndpointChangesRace: whoever changes endpoints at once, in memory and on
// disk they are the same in the end, and a webhook is as its instance has it.
func TestEndpointChangesRace(t *testing.T) {
	f := newTestFleet(t, &badDriver{})
	f.test = nil
	if _, err := f.tenants.AddTenant(t.Context(), api.TenantSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	shop, err := f.Add(t.Context(), api.AddSpec{Name: "shop", Webhook: "http://127.0.0.1/", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 6 {
		rng := rand.New(rand.NewPCG(1, uint64(worker)))
		wg.Go(func() {
			for range 60 {
				if err := f.anyChange(t, shop.ID, rng); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stored, err := f.store.Endpoints()
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Concat(f.book.of(owner{}), f.book.of(owner{tenant: "acme"}), f.book.of(owner{stream: shop.ID}))
	byID := func(a, b record.Endpoint) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(stored, byID)
	slices.SortFunc(known, byID)
	if !reflect.DeepEqual(stored, known) {
		t.Errorf("stored  %+v\nin mind %+v", stored, known)
	}
	m := f.byID(shop.ID)
	if c := m.live.Load().Status().Record.Config; !inStep(m.webhook(), c) {
		t.Errorf("the webhook is %+v, the configuration %+v", m.webhook(), c)
	}
	var lanes []string
	for _, st := range f.outbox.Endpoints("") {
		lanes = append(lanes, st.ID)
	}
	var want []string
	for _, ep := range known {
		if ep.URL != "" {
			want = append(want, ep.ID)
		}
	}
	slices.Sort(lanes)
	if !slices.Equal(lanes, want) {
		t.Errorf("the outbox serves %v, want %v", lanes, want)
	}
}

// anyChange does something to some endpoint. That there is none any more, or one
// too many, is no error.
func (f *fleet) anyChange(t *testing.T, shop string, rng *rand.Rand) (err error) {
	ctx := t.Context()
	all := f.book.all()
	var ep record.Endpoint
	if len(all) > 0 {
		ep = all[rng.IntN(len(all))]
	}
	url := "http://127.0.0.1/" + string(rune('a'+rng.IntN(26)))
	switch rng.IntN(11) {
	case 0, 1:
		spec := api.EndpointSpec{Name: "e" + url[len(url)-1:], EndpointChange: api.EndpointChange{URL: &url}}
		switch rng.IntN(3) {
		case 0:
			spec.Instance = shop
		case 1:
			spec.Tenant = "acme"
		}
		_, err = f.AddEndpoint(ctx, spec)
	case 2:
		err = f.RemoveEndpoint(ctx, ep.ID)
	case 3:
		_, err = f.ChangeEndpoint(ctx, ep.ID, api.EndpointChange{URL: &url, Bulk: &api.Bulk{Most: rng.IntN(3)}})
	case 4:
		_, err = f.ChangeEndpoint(ctx, ep.ID, api.EndpointChange{Format: new([]string{"standard", "witi"}[rng.IntN(2)])})
	case 5:
		_, err = f.PauseEndpoint(ctx, ep.ID, "")
	case 6:
		_, err = f.ResumeEndpoint(ctx, ep.ID)
	case 7:
		f.endpointGone(ep, "410")
	case 8:
		_, err = f.RotateSecret(ctx, ep.ID, "", time.Duration(rng.IntN(2))*time.Hour)
	case 9:
		p := instance.Patch{APIVersion: new([]string{"1.0", "1.1"}[rng.IntN(2)]), CanBulk: new(rng.IntN(2) == 0)}
		if rng.IntN(2) == 0 {
			p.Webhook = &url
		}
		_, err = f.Configure(ctx, shop, p)
	case 10:
		if rng.IntN(3) == 0 {
			url = ""
		}
		_, err = f.tenants.ChangeTenant(ctx, "acme", api.TenantChange{Callback: &url})
	}
	if errors.Is(err, api.ErrNoEndpoint) || errors.Is(err, api.ErrEndpointTaken) {
		return nil
	}
	// Too many older secrets; a callback with another format or in bulk.
	if invalid, ok := errors.AsType[*instance.InvalidError](err); ok && slices.Contains([]string{"keep", "format", "bulk"}, invalid.Field) {
		return nil
	}
	return err
}
