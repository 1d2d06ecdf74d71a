package client_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

func TestTenantAccounts(t *testing.T) {
	ctx := t.Context()
	f, c := landlord(t)
	if _, err := c.AddTenant(ctx, api.TenantSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if all, err := c.TenantAccounts(ctx, "acme"); err != nil || all == nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	fields := []record.Field{{Tag: record.TagNick, Text: "7"}, {Tag: record.TagSelfSignature}, {Tag: "Tag_Profile_IM_Level", Number: 1<<32 - 1, Numeric: true}}
	acme, err := c.Tenant(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ImportAccount(ctx, acme.ID, "shop", "administrator", fields); err != nil {
		t.Fatal(err)
	}
	all, err := c.TenantAccounts(ctx, "acme")
	if err != nil || len(all) != 1 || all[0].UserID != "shop" || !all[0].Imported || len(all[0].Wishes) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, want := range fields {
		found := false
		for _, got := range all[0].Fields {
			found = found || reflect.DeepEqual(got, want)
		}
		if !found {
			t.Errorf("%+v is not among %+v", want, all[0].Fields)
		}
	}
	if _, err := c.TenantAccounts(ctx, "nobody"); !errors.Is(err, api.ErrNoTenant) {
		t.Error(err)
	}
}
