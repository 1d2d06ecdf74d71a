package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// AddNumber implements [api.Tenants].
func (t *tenants) AddNumber(ctx context.Context, nameOrID, number string) (api.Tenant, error) {
	number = strings.TrimPrefix(number, "+")
	if !instance.PhoneDigits(number) {
		return api.Tenant{}, errNumber
	}
	return t.changed(ctx, nameOrID, func(ten *record.Tenant) (what, key string, err error) {
		at, there := slices.BinarySearch(ten.Numbers, number)
		switch other := t.registrar(number); {
		case there:
			return "", "", errNoChange
		case other != "":
			return "", "", &api.RefusedError{Problem: fmt.Sprintf("the number is registered for the tenant %s: take it back there first", other)}
		case len(ten.Numbers) >= maxNumbers:
			return "", "", &api.RefusedError{Problem: fmt.Sprintf("the tenant has %d numbers already", maxNumbers)}
		}
		ten.Numbers = slices.Insert(ten.Numbers, at, number)
		return "number_added", "", nil
	})
}

var errNumber = invalid("number", instance.PhoneRule)

// registrar is the name of the tenant that a number is registered for, empty without
// one.
func (t *tenants) registrar(number string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, ten := range t.byID {
		if _, has := slices.BinarySearch(ten.Numbers, number); has {
			return ten.Name
		}
	}
	return ""
}

// RemoveNumber implements [api.Tenants].
func (t *tenants) RemoveNumber(ctx context.Context, nameOrID, number string) (api.Tenant, error) {
	number = strings.TrimPrefix(number, "+")
	if !instance.PhoneDigits(number) {
		return api.Tenant{}, errNumber
	}
	return t.changed(ctx, nameOrID, func(ten *record.Tenant) (what, key string, err error) {
		at, there := slices.BinarySearch(ten.Numbers, number)
		if !there {
			return "", "", errNoChange
		}
		ten.Numbers = slices.Delete(ten.Numbers, at, at+1)
		return "number_removed", "", nil
	})
}

// linked answers the instances of each tenant, by its name, and the phone each is paired
// with.
func (t *tenants) linked() map[string]map[string]string {
	t.fleet.mu.RLock()
	defer t.fleet.mu.RUnlock()
	out := make(map[string]map[string]string)
	for _, m := range t.members {
		phone, there := m.live.Load().Linked()
		if !there {
			continue
		}
		if out[m.tenant] == nil {
			out[m.tenant] = make(map[string]string)
		}
		out[m.tenant][m.name] = phone
	}
	return out
}

// owns reports whether a tenant's keys may use a number.
func (t *tenants) owns(ten record.Tenant, number string) bool {
	if _, has := slices.BinarySearch(ten.Numbers, number); has {
		return true
	}
	t.fleet.mu.RLock()
	defer t.fleet.mu.RUnlock()
	for _, m := range t.members {
		if m.tenant != ten.Name {
			continue
		}
		if phone, there := m.live.Load().Linked(); there && phone == number {
			return true
		}
	}
	return false
}
