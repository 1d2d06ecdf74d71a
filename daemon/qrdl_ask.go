package daemon

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// owned answers the tenant of an id, or [cams.ErrNotOwned] where the number is not its.
func (t *tenants) owned(tenant, number string) (record.Tenant, error) {
	ten, err := t.find(tenant)
	switch {
	case err != nil:
		return ten, cams.ErrNotOwned // it was deleted since its key was found
	case !t.owns(ten, number):
		return ten, cams.ErrNotOwned
	}
	return ten, nil
}

// CreateQRDL implements [api.Tenants].
func (t *tenants) CreateQRDL(ctx context.Context, tenant, number string, c cams.Content) (out record.QRDL, err error) {
	err = t.changeCode(ctx, tenant, number, func(ten record.Tenant) error {
		if t.codes.countOf(place{tenant, number}) >= cams.MaxCodes {
			return cams.ErrTooMany
		}
		code, err := t.codes.newCode()
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		out = record.QRDL{
			Tenant: tenant, Code: code, Number: number, Message: c.Message, Image: c.Image,
			Revision: 1, Token: t.codes.newToken(), CreatedAt: now, UpdatedAt: now,
		}
		return t.storeCode(ctx, t.store.Change(), ten, record.QRDLCreated, out)
	})
	return out, err
}

// UpdateQRDL implements [api.Tenants].
func (t *tenants) UpdateQRDL(ctx context.Context, tenant, number, code string, c cams.Content) (out record.QRDL, err error) {
	err = t.changeCode(ctx, tenant, number, func(ten record.Tenant) error {
		was, there := t.codes.get(place{tenant, number}, code)
		if !there {
			return cams.ErrNoQRDL
		}
		ch := t.store.Change()
		was = t.tell(ch, ten, was)
		out = was.Next(c.Message, c.Image, t.codes.newToken(), time.Now().UTC())
		return t.storeCode(ctx, ch, ten, record.QRDLUpdated, out)
	})
	return out, err
}

// storeCode stores a code that is new or has changed, with what a change has already. The
// turn is held.
func (t *tenants) storeCode(ctx context.Context, ch *store.Change, ten record.Tenant, kind record.Kind, code record.QRDL) error {
	ch.PutQRDL(code)
	ch.Append(factOf(ten.ID, kind, ten.Name, code.Fact(ten.Name)))
	if _, err := t.store.Commit(ctx, ch); err != nil {
		return unavailable(err)
	}
	t.codes.put(code)
	return nil
}

// ListQRDL implements [api.Tenants].
func (t *tenants) ListQRDL(_ context.Context, tenant, number string) ([]record.QRDL, error) {
	if _, err := t.owned(tenant, number); err != nil {
		return nil, err
	}
	return t.codes.which(func(p place) bool { return p == place{tenant, number} }), nil
}

// DeleteQRDL implements [api.Tenants].
func (t *tenants) DeleteQRDL(ctx context.Context, tenant, number, code string) error {
	return t.changeCode(ctx, tenant, number, func(ten record.Tenant) error {
		if _, there := t.codes.get(place{tenant, number}, code); !there {
			return cams.ErrNoQRDL
		}
		if err := t.countScans(ctx, false); err != nil {
			return err // those of this code could not be counted later
		}
		was, _ := t.codes.get(place{tenant, number}, code)
		ch := t.store.Change()
		was = t.tell(ch, ten, was)
		ch.DeleteQRDL(tenant, code)
		ch.Append(factOf(ten.ID, record.QRDLDeleted, ten.Name, was.Fact(ten.Name)))
		if _, err := t.store.Commit(ctx, ch); err != nil {
			return unavailable(err)
		}
		t.codes.remove(was)
		return nil
	})
}

// changeCode lets with change codes of a number that is the tenant's.
func (t *tenants) changeCode(ctx context.Context, tenant, number string, with func(record.Tenant) error) error {
	if !t.started() {
		return instance.ErrStopping
	}
	if err := t.codes.enter(ctx); err != nil {
		return err
	}
	defer t.codes.leave()
	ten, err := t.owned(tenant, number)
	if err != nil {
		return err
	}
	return with(ten)
}

// TenantQRDLs implements [api.Tenants].
func (t *tenants) TenantQRDLs(_ context.Context, nameOrID string) ([]record.QRDL, error) {
	ten, err := t.find(nameOrID)
	if err != nil {
		return nil, err
	}
	return t.codes.which(func(p place) bool { return p.tenant == ten.ID }), nil
}

// FindQRDL implements [api.Tenants].
func (t *tenants) FindQRDL(_ context.Context, token string) (record.QRDL, error) {
	return t.codes.find(token)
}
