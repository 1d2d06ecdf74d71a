package daemon

import (
	"context"

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
		why = "an instance is being put under the tenant"
	}
	if why != "" {
		return &api.RefusedError{Problem: why}
	}
	ch := t.store.Change()
	ch.EraseTenant(ten.ID)
	ch.Append(tenantFact(record.TenantDeleted, ten, "", ""))
	if _, err := t.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	t.remove(ten)
	t.outbox.RemoveStream(ten.ID)
	if err := t.store.EraseStream(ctx, ten.ID); err != nil {
		t.log.Warn("events of a deleted tenant could not be erased: they go when they are old", "tenant", ten.ID, "err", err)
	}
	return nil
}

// close lets no instance be put under a tenant until reopen is called; false: one is
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
	if t.store.Head(ten.ID) > 0 && !t.heard(ten.ID) {
		return "events of the tenant are still on their way to endpoints or to NATS: try again when they are there (switchhook deliveries)"
	}
	return ""
}
