package api_test

import (
	"testing"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestAccountsOfATenant(t *testing.T) {
	f, h := landlord(t)
	play(t, h, []exchange{
		{"GET", "tenants/beta/accounts", "", 200, `[]`},
		{"GET", "tenants/nobody/accounts", "", 404, `"code":"no_tenant"`},
		{"POST", "tenants/beta/accounts", "{}", 405, `use GET`},
	})
	if err := f.SetProfile(t.Context(), "t2", "shop", "administrator", []record.Field{{Tag: record.TagNick, Text: "b"}, {Tag: "Tag_Profile_IM_Role", Numeric: true}}); err != nil {
		t.Fatal(err)
	}
	if err := f.ImportAccount(t.Context(), "t2", "a/b", "administrator", nil); err != nil {
		t.Fatal(err)
	}
	play(t, h, []exchange{
		{"GET", "tenants/beta/accounts", "", 200, `[{"id":"a2","user_id":"a/b","imported":true,`},
		{"GET", "tenants/beta/accounts", "", 200, `"fields":[],"wishes":[],"seq":0}`},
		{"GET", "tenants/t2/accounts", "", 200, `{"id":"a1","user_id":"shop","imported":false,"instance":"i2",`},
		{"GET", "tenants/t2/accounts", "", 200, `"fields":[{"Tag":"Tag_Profile_IM_Nick","Value":"b"},{"Tag":"Tag_Profile_IM_Role","Value":0}],"wishes":[{"tag":"Tag_Profile_IM_Nick","state":"pending","at":`},
		{"GET", "tenants/default/accounts", "", 200, `[]`},
		{"GET", "instances/a/b/events", "", 404, `"code"`},
		{"GET", "instances/a9/events", "", 404, `"code":"not_found"`},
	})
	f.Fail(instance.ErrUnavailable)
	play(t, h, []exchange{{"GET", "tenants/beta/accounts", "", 503, `"code":"unavailable"`}})
}
