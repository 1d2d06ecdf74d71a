package api

// tenantAccounts answers the accounts of a tenant, by their UserIDs.
func (a *API) tenantAccounts(c *call) (any, error) {
	return array(a.cfg.Tenants.TenantAccounts(c.Context(), c.tenant))
}
