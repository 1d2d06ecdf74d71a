package api

import "net/http"

// tenantRoutes are there where tenants are. A phone number stands in a body and never in
// a path, because proxies log what is in the address.
func (a *API) tenantRoutes() []route {
	if a.cfg.Tenants == nil {
		return nil
	}
	one := func(what ...string) []string { return append([]string{"tenants", "{tenant}"}, what...) }
	key := func(what ...string) []string { return append(one("keys", "{key}"), what...) }
	return []route{
		{http.MethodGet, []string{"tenants"}, a.tenants},
		{http.MethodPost, []string{"tenants"}, a.addTenant},
		{http.MethodGet, one(), a.showTenant},
		{http.MethodPatch, one(), a.changeTenant},
		{http.MethodDelete, one(), a.deleteTenant},
		{http.MethodPost, one("secret", "rotate"), a.rotateAppSecret},
		{http.MethodPost, one("numbers"), a.addNumber},
		{http.MethodPost, one("numbers", "remove"), a.removeNumber},
		{http.MethodPost, one("keys"), a.addKey},
		{http.MethodPatch, key(), a.changeKey},
		{http.MethodDelete, key(), a.deleteKey},
		{http.MethodPost, key("rotate"), a.rotateTenantKey},
		{http.MethodGet, one("qrdls"), a.tenantQRDLs},
		{http.MethodGet, one("accounts"), a.tenantAccounts},
	}
}

func (a *API) tenants(c *call) (any, error) {
	return array(a.cfg.Tenants.Tenants(c.Context()))
}

func (a *API) addTenant(c *call) (any, error) {
	var spec TenantSpec
	if err := c.decode(&spec); err != nil {
		return nil, err
	}
	made, err := a.cfg.Tenants.AddTenant(c.Context(), spec)
	if err != nil {
		return nil, err
	}
	return created{made}, nil
}

func (a *API) showTenant(c *call) (any, error) {
	return a.cfg.Tenants.Tenant(c.Context(), c.tenant)
}

func (a *API) changeTenant(c *call) (any, error) {
	var ch TenantChange
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	return a.cfg.Tenants.ChangeTenant(c.Context(), c.tenant, ch)
}

func (a *API) deleteTenant(c *call) (any, error) {
	t, err := a.cfg.Tenants.Tenant(c.Context(), c.tenant)
	if err != nil {
		return nil, err
	}
	if err := a.cfg.Tenants.DeleteTenant(c.Context(), t.ID); err != nil {
		return nil, err
	}
	return Deleted{ID: t.ID, Name: t.Name, Deleted: true}, nil
}

// number reads which phone number a request is about.
func (c *call) number() (string, error) {
	var body struct {
		Number string `json:"number"`
	}
	err := c.decode(&body)
	return body.Number, err
}

func (a *API) addNumber(c *call) (any, error) {
	number, err := c.number()
	if err != nil {
		return nil, err
	}
	return a.cfg.Tenants.AddNumber(c.Context(), c.tenant, number)
}

func (a *API) removeNumber(c *call) (any, error) {
	number, err := c.number()
	if err != nil {
		return nil, err
	}
	return a.cfg.Tenants.RemoveNumber(c.Context(), c.tenant, number)
}
