package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
)

// Tenants answers every tenant, by name.
func (c *Client) Tenants(ctx context.Context) (all []api.Tenant, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/tenants", nil, &all)
	return all, err
}

// Tenant answers one tenant, by its name or id.
func (c *Client) Tenant(ctx context.Context, tenant string) (t api.Tenant, err error) {
	err = c.do(ctx, http.MethodGet, tenantPath(tenant), nil, &t)
	return t, err
}

// AddTenant makes a tenant with an access key and an app, whose secrets are told here
// only.
func (c *Client) AddTenant(ctx context.Context, spec api.TenantSpec) (t api.NewTenant, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/tenants", spec, &t)
	return t, err
}

// ChangeTenant sets what is not nil.
func (c *Client) ChangeTenant(ctx context.Context, tenant string, ch api.TenantChange) (t api.Tenant, err error) {
	err = c.do(ctx, http.MethodPatch, tenantPath(tenant), ch, &t)
	return t, err
}

// RotateAppSecret makes another secret key of the tenant's app, which is told here only.
// The one before signs no more.
func (c *Client) RotateAppSecret(ctx context.Context, tenant string) (s api.NewSecret, err error) {
	err = c.do(ctx, http.MethodPost, tenantPath(tenant, "secret", "rotate"), nil, &s)
	return s, err
}

// DeleteTenant removes a tenant that has nothing any more.
func (c *Client) DeleteTenant(ctx context.Context, tenant string) (d api.Deleted, err error) {
	err = c.do(ctx, http.MethodDelete, tenantPath(tenant), nil, &d)
	return d, err
}

// AddNumber registers a phone number, digits with or without a plus.
func (c *Client) AddNumber(ctx context.Context, tenant, number string) (api.Tenant, error) {
	return c.number(ctx, number, tenantPath(tenant, "numbers"))
}

// RemoveNumber takes a registered number back. Its message QR codes stay.
func (c *Client) RemoveNumber(ctx context.Context, tenant, number string) (api.Tenant, error) {
	return c.number(ctx, number, tenantPath(tenant, "numbers", "remove"))
}

func (c *Client) number(ctx context.Context, number, path string) (t api.Tenant, err error) {
	in := struct {
		Number string `json:"number"`
	}{number}
	err = c.do(ctx, http.MethodPost, path, in, &t)
	return t, err
}

// AddKey makes a further access key, whose secret is told here only.
func (c *Client) AddKey(ctx context.Context, tenant string) (k api.NewKey, err error) {
	err = c.do(ctx, http.MethodPost, tenantPath(tenant, "keys"), nil, &k)
	return k, err
}

// RotateAccessKey makes a key in place of another, which ends when grace is over.
func (c *Client) RotateAccessKey(ctx context.Context, tenant, key string, grace time.Duration) (k api.NewKey, err error) {
	span := api.Span(grace)
	err = c.do(ctx, http.MethodPost, tenantPath(tenant, "keys", key, "rotate"), api.KeyRotation{Grace: &span}, &k)
	return k, err
}

// ChangeKey sets what is not nil and answers the tenant.
func (c *Client) ChangeKey(ctx context.Context, tenant, key string, ch api.KeyChange) (t api.Tenant, err error) {
	err = c.do(ctx, http.MethodPatch, tenantPath(tenant, "keys", key), ch, &t)
	return t, err
}

// DeleteKey forgets an access key and answers the tenant.
func (c *Client) DeleteKey(ctx context.Context, tenant, key string) (t api.Tenant, err error) {
	err = c.do(ctx, http.MethodDelete, tenantPath(tenant, "keys", key), nil, &t)
	return t, err
}

// TenantQRDLs answers the message QR codes of a tenant, the newest first.
func (c *Client) TenantQRDLs(ctx context.Context, tenant string) (all []api.QRDL, err error) {
	err = c.do(ctx, http.MethodGet, tenantPath(tenant, "qrdls"), nil, &all)
	return all, err
}

// tenantPath is the path of a tenant and what is below it.
func tenantPath(tenant string, below ...string) string {
	path := []string{"/api/v1/tenants", url.PathEscape(tenant)}
	for _, segment := range below {
		path = append(path, url.PathEscape(segment))
	}
	return strings.Join(path, "/")
}

// TenantAccounts answers the accounts of a tenant that were imported or have a profile.
func (c *Client) TenantAccounts(ctx context.Context, tenant string) (all []api.Account, err error) {
	err = c.do(ctx, http.MethodGet, tenantPath(tenant, "accounts"), nil, &all)
	return all, err
}
