package apitest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/record"
)

// token makes the next token of a link: 24 characters, the first are "a" and the last
// one of the first token is "b". f.mu is held.
func (f *Fake) token() string {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	f.tokens++
	out := []byte(strings.Repeat("a", 24))
	for i, n := len(out)-1, f.tokens; n > 0; i, n = i-1, n/len(digits) {
		out[i] = digits[n%len(digits)]
	}
	return string(out)
}

// owning finds a tenant whose keys may use the number. f.mu is held.
func (f *Fake) owning(id, number string) (*tenant, error) {
	if f.err != nil {
		return nil, f.err
	}
	for _, t := range f.tenants {
		if t.ID == id && slices.ContainsFunc(f.numbers(t), func(n api.Number) bool { return n.Number == number }) {
			return t, nil
		}
	}
	return nil, cams.ErrNotOwned
}

// code finds a message QR code of a number.
func (t *tenant) code(number, code string) (*record.QRDL, error) {
	for _, q := range t.codes {
		if q.Number == number && q.Code == code {
			return q, nil
		}
	}
	return nil, cams.ErrNoQRDL
}

// tellQRDL appends an event about a message QR code to its tenant's stream. f.mu is held.
func (f *Fake) tellQRDL(kind record.Kind, t *tenant, q *record.QRDL, count int64) {
	about := q.Fact(t.Name)
	about.Count = count
	f.append(&t.own, record.Event{Kind: kind, Data: fact(about)})
}

// copied shares nothing with q.
func copied(q *record.QRDL) record.QRDL {
	out := *q
	out.Past = slices.Clone(q.Past)
	return out
}

// CreateQRDL implements api.Tenants. The first code is QRDL0000000001.
func (f *Fake) CreateQRDL(_ context.Context, id, number string, c cams.Content) (record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.owning(id, number)
	if err != nil {
		return record.QRDL{}, err
	}
	has := 0
	for _, o := range f.tenants {
		for _, q := range o.codes {
			if q.Number == number {
				has++
			}
		}
	}
	if has >= cams.MaxCodes {
		return record.QRDL{}, cams.ErrTooMany
	}
	f.coded++
	now := f.Now()
	q := &record.QRDL{
		Tenant: t.ID, Code: fmt.Sprintf("QRDL%010d", f.coded), Number: number, Message: c.Message, Image: c.Image,
		Revision: 1, Token: f.token(), CreatedAt: now, UpdatedAt: now,
	}
	t.codes = append(t.codes, q)
	f.tellQRDL(record.QRDLCreated, t, q, 0)
	return copied(q), nil
}

// UpdateQRDL implements api.Tenants.
func (f *Fake) UpdateQRDL(_ context.Context, id, number, code string, c cams.Content) (record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.owning(id, number)
	if err != nil {
		return record.QRDL{}, err
	}
	q, err := t.code(number, code)
	if err != nil {
		return record.QRDL{}, err
	}
	f.dead[q.Token] = true
	*q = q.Next(c.Message, c.Image, f.token(), f.Now())
	f.tellQRDL(record.QRDLUpdated, t, q, 0)
	return copied(q), nil
}

// ListQRDL implements api.Tenants.
func (f *Fake) ListQRDL(_ context.Context, id, number string) ([]record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.owning(id, number)
	if err != nil {
		return nil, err
	}
	var all []record.QRDL
	for _, q := range slices.Backward(t.codes) {
		if q.Number == number {
			all = append(all, copied(q))
		}
	}
	return all, nil
}

// DeleteQRDL implements api.Tenants.
func (f *Fake) DeleteQRDL(_ context.Context, id, number, code string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.owning(id, number)
	if err != nil {
		return err
	}
	q, err := t.code(number, code)
	if err != nil {
		return err
	}
	f.dead[q.Token] = true
	t.codes = slices.DeleteFunc(t.codes, func(o *record.QRDL) bool { return o == q })
	f.tellQRDL(record.QRDLDeleted, t, q, 0)
	return nil
}

// TenantQRDLs implements api.Tenants.
func (f *Fake) TenantQRDLs(_ context.Context, nameOrID string) ([]record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, err := f.tenant(nameOrID)
	if err != nil {
		return nil, err
	}
	var all []record.QRDL
	for _, q := range slices.Backward(t.codes) {
		all = append(all, copied(q))
	}
	return all, nil
}

// FindQRDL implements api.Tenants.
func (f *Fake) FindQRDL(_ context.Context, token string) (record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, q, err := f.linked(token)
	if err != nil {
		return record.QRDL{}, err
	}
	return copied(q), nil
}

// ScanQRDL implements api.Tenants.
func (f *Fake) ScanQRDL(_ context.Context, token string) (record.QRDL, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, q, err := f.linked(token)
	if err != nil {
		return record.QRDL{}, err
	}
	q.Scans++
	f.tellQRDL(record.QRDLScanned, t, q, 1)
	return copied(q), nil
}

// linked is what a token leads to. f.mu is held.
func (f *Fake) linked(token string) (*tenant, *record.QRDL, error) {
	switch {
	case f.err != nil:
		return nil, nil, f.err
	case f.dead[token]:
		return nil, nil, api.ErrQRDLGone
	}
	for _, t := range f.tenants {
		for _, q := range t.codes {
			if q.Token == token {
				return t, q, nil
			}
		}
	}
	return nil, nil, cams.ErrNoQRDL
}
