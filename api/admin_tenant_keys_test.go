package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

func TestLifeOfAnAccessKey(t *testing.T) {
	f, h := landlord(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Now = func() time.Time { return now }
	play(t, h, []exchange{
		{"POST", "tenants/beta/keys", "", 201, `{"access_key_id":"AKID2","access_key_secret":"secret2"}`},
		{"POST", "tenants/beta/keys", `{"id":"AKIDX"}`, 400, `"code":"bad_json"`},
		{"POST", "tenants/nobody/keys", "", 404, `"code":"no_tenant"`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"disabled":true}`, 200, `"disabled":true}`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"disabled":false}`, 200, `{"access_key_id":"AKID1","created_at":"`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"deny":["cams:DeletePhoneMessageQrdl","CAMS:updatephonemessageqrdl","UpdatePhoneMessageQrdl"]}`, 200, `"deny":["cams:DeletePhoneMessageQrdl","cams:UpdatePhoneMessageQrdl"]}`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"deny":["cams:Delete*"]}`, 400, `cams:CreatePhoneMessageQrdl, cams:UpdatePhoneMessageQrdl, cams:ListPhoneMessageQrdl, cams:DeletePhoneMessageQrdl, cams:*`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"deny":["*"]}`, 400, `"field":"deny"`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"deny":[""]}`, 400, `"field":"deny"`},
		{"PATCH", "tenants/beta/keys/AKID1", `{"secret":"mine"}`, 400, `"code":"bad_json"`},
		{"PATCH", "tenants/beta/keys/AKID9", `{"disabled":true}`, 404, `"code":"no_key"`},
		{"PATCH", "tenants/default/keys/AKID1", `{"disabled":true}`, 404, `"code":"no_key"`},
		{"PATCH", "tenants/nobody/keys/AKID1", `{"disabled":true}`, 404, `"code":"no_tenant"`},
		{"POST", "tenants/beta/keys/AKID1/rotate", "", 201, `{"access_key_id":"AKID3","access_key_secret":"secret3","deny":["cams:DeletePhoneMessageQrdl","cams:UpdatePhoneMessageQrdl"]}`},
		{"GET", "tenants/beta", "", 200, `"until":"2026-05-02T12:00:00Z"`},
		{"POST", "tenants/beta/keys/AKID2/rotate", `{"grace":"720h"}`, 201, `"access_key_id":"AKID4"`},
		{"GET", "tenants/beta", "", 200, `"until":"2026-05-31T12:00:00Z"`},
		{"POST", "tenants/beta/keys/AKID3/rotate", `{"grace":"0s"}`, 201, `"access_key_id":"AKID5"`},
		{"GET", "tenants/beta", "", 200, `"until":"2026-05-01T12:00:00Z"`},
		{"POST", "tenants/beta/keys/AKID5/rotate", `{"grace":"720h0m1s"}`, 400, `"field":"grace"`},
		{"POST", "tenants/beta/keys/AKID5/rotate", `{"grace":"-1s"}`, 400, `"field":"grace"`},
		{"POST", "tenants/beta/keys/AKID5/rotate", `{"grace":"a day"}`, 400, `"code":"bad_json"`},
		{"POST", "tenants/beta/keys/AKID9/rotate", "", 404, `"code":"no_key"`},
		{"POST", "tenants/nobody/keys/AKID1/rotate", "", 404, `"code":"no_tenant"`},
		{"PATCH", "tenants/beta/keys/AKID4", `{"deny":["cams:*"]}`, 200, `"deny":["cams:*"]`},
		{"PATCH", "tenants/beta/keys/AKID4", `{"deny":[]}`, 200, `{"access_key_id":"AKID4","created_at":"2026-05-01T12:00:00Z"}`},
		{"DELETE", "tenants/beta/keys/AKID1", "", 200, `"keys":[{"access_key_id":"AKID2"`},
		{"DELETE", "tenants/beta/keys/AKID1", "", 404, `"code":"no_key"`},
		{"DELETE", "tenants/nobody/keys/AKID1", "", 404, `"code":"no_tenant"`},
		{"GET", "tenants/beta/keys", "", 405, `use POST`},
	})
}

func TestActions(t *testing.T) {
	for text, want := range map[string]string{
		"cams:CreatePhoneMessageQrdl": "cams:CreatePhoneMessageQrdl",
		"deletephonemessageqrdl":      "cams:DeletePhoneMessageQrdl",
		"CAMS:*":                      "cams:*",
		"*":                           "",
		"":                            "",
		"cams:":                       "",
		"ram:ListPhoneMessageQrdl":    "",
		"cams:GetPhoneMessageQrdl":    "",
	} {
		got, err := api.ParseAction(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "they are cams:CreatePhoneMessageQrdl, ") {
			t.Errorf("%q: %v lists nothing", text, err)
		}
	}
	k := record.AccessKey{Deny: []string{"cams:*"}}
	for _, action := range api.Actions[:4] {
		if !k.Denied(action) {
			t.Errorf("cams:* does not deny %s", action)
		}
	}
}
