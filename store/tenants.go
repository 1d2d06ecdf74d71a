package store

import "github.com/switchhook/switchhook/record"

// PutTenant stores a tenant.
func (c *Change) PutTenant(t record.Tenant) {
	c.putJSON(bucketTenants, c.key(t.ID), t)
}

// EraseTenant removes a tenant, its message QR codes and accounts, and the lanes and dead
// letters that endpoints have of its stream. Its events go with [Store.EraseStream].
func (c *Change) EraseTenant(id string) {
	c.delete(bucketTenants, c.key(id))
	c.deleteUnder(bucketQRDLs, id)
	c.deleteUnder(bucketAccounts, id)
	c.deleteStream(bucketLanes, id)
	c.deleteStream(bucketDead, id)
}

// PutQRDL stores a message QR code.
func (c *Change) PutQRDL(q record.QRDL) {
	c.putJSON(bucketQRDLs, c.key(q.Tenant, q.Code), q)
}

// DeleteQRDL removes one.
func (c *Change) DeleteQRDL(tenant, code string) {
	c.delete(bucketQRDLs, c.key(tenant, code))
}

// PutAccount stores an account.
func (c *Change) PutAccount(a record.Account) {
	c.putJSON(bucketAccounts, c.key(a.Tenant, a.ID), a)
}

// EraseAccount removes one, and the lanes and dead letters that endpoints have of its
// stream. Its events go with [Store.EraseStream].
func (c *Change) EraseAccount(tenant, id string) {
	c.delete(bucketAccounts, c.key(tenant, id))
	c.deleteStream(bucketLanes, id)
	c.deleteStream(bucketDead, id)
}

// Accounts answers every account, by tenant.
func (s *Store) Accounts() ([]record.Account, error) {
	return list[record.Account](s, bucketAccounts, nil)
}

// LinkKey is random and a new file's own. It outlives a restore: what was printed before
// is known after it.
func (s *Store) LinkKey() string { return s.meta(keyLinks) }

// Tenants answers every tenant, by id.
func (s *Store) Tenants() ([]record.Tenant, error) {
	return list[record.Tenant](s, bucketTenants, nil)
}

// QRDLs answers every message QR code, by tenant and code.
func (s *Store) QRDLs() ([]record.QRDL, error) {
	return list[record.QRDL](s, bucketQRDLs, nil)
}
