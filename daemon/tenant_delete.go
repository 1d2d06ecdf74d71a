package daemon

import (
	"context"
	"slices"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// DeleteTenant implements [api.Tenants].
func (t *tenants) DeleteTenant(ctx context.Context, nameOrID string) error {
	if err := t.enter(ctx); err != nil {
		return err
	}
	defer t.leave()
	if err := t.codes.enter(ctx); err != nil {
		return err
	}
	defer t.codes.leave()
	if err := t.book.enter(ctx); err != nil {
		return err
	}
	defer t.book.leave()
	ten, err := t.find(nameOrID)
	if err != nil {
		return err
	}
	reopen, ok := t.close(ten.Name)
	defer reopen()
	why := t.needed(ten)
	if !ok {
		why = "something is being put under the tenant at this moment: try again"
	}
	if why != "" {
		return &api.RefusedError{Problem: why}
	}
	ch := t.store.Change()
	ch.EraseTenant(ten.ID)
	profiles := t.accountsOf(ten.ID)
	for _, acc := range profiles {
		ch.EraseAccount(ten.ID, acc.ID)
	}
	ch.Append(tenantFact(record.TenantDeleted, ten, "", ""))
	if _, err := t.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	t.remove(ten)
	t.eraseStream(ctx, ten.ID)
	for _, acc := range profiles {
		t.accounts.remove(acc)
		t.book.closed(acc.ID)
		t.eraseStream(ctx, acc.ID)
	}
	return nil
}

// eraseStream ends the deliveries of a stream and erases its events.
func (t *tenants) eraseStream(ctx context.Context, stream string) {
	t.outbox.RemoveStream(stream)
	if err := t.store.EraseStream(ctx, stream); err != nil {
		t.log.Warn("the events of what was deleted could not be erased: they go when they are old", "stream", stream, "err", err)
	}
}

// told reports whether everyone has the last event of a stream who will.
func (t *tenants) told(stream string) bool { return t.store.Head(stream) == 0 || t.heard(stream) }

// close lets nothing be put under a tenant until reopen is called; false: one is
// just being.
func (t *tenants) close(name string) (reopen func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses[name] > 0 {
		return func() {}, false
	}
	t.leaving[name] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.leaving, name)
	}, true
}

// needed answers why a tenant cannot be deleted, empty if it can. The turns of tenants,
// codes and endpoints are held.
func (t *tenants) needed(ten record.Tenant) string {
	if ten.Name == record.DefaultTenant {
		return "the default tenant stays: it has the instances that are put under no other"
	}
	t.fleet.mu.RLock()
	for _, m := range t.members {
		if m.tenant == ten.Name {
			t.fleet.mu.RUnlock()
			return "the tenant has the instance " + m.name + ": delete it first, and wait until it is erased"
		}
	}
	t.fleet.mu.RUnlock()
	switch {
	case len(t.book.of(owner{tenant: ten.Name})) > 0:
		return "the tenant has endpoints: remove them first (switchhook endpoint list --tenant " + ten.Name + ")"
	case t.codes.count(ten.ID) > 0:
		return "the tenant has message QR codes: delete them first, with DeletePhoneMessageQrdl (switchhook tenant codes " + ten.Name + ")"
	}
	if !t.told(ten.ID) || slices.ContainsFunc(t.accountsOf(ten.ID), func(a record.Account) bool { return !t.told(a.ID) }) {
		return "events of the tenant are still on their way to endpoints or to NATS: try again when they are there (switchhook deliveries)"
	}
	return ""
}
