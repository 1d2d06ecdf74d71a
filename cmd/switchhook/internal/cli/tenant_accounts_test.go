package cli_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

func TestAccountsOfATenant(t *testing.T) {
	r := newRig(t)
	if _, err := r.AddTenant(t.Context(), api.TenantSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{
		{"tenant accounts acme", 0, "acme has no account: portrait_set makes one for an instance of its, account_import any other.\n", ""},
		{"tenant accounts acme --json", 0, "[]\n", ""},
		{"instance add till --tenant acme", 0, "till", ""},
		{"instance show till", 0, "profile          none\n", ""},
		{"tenant accounts nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant accounts", 2, "", "NAME is missing"},
	})
	secret := record.Field{Tag: record.TagNick, Text: "hunter2"}
	for _, name := range []string{"till", "b/c", "e\u202edcba", " ", "a b", `say "x"`} {
		set := r.ImportAccount
		if name == "till" {
			set = r.SetProfile
		}
		if err := set(t.Context(), "t2", name, "administrator", []record.Field{secret, {Tag: "Tag_Profile_IM_Level", Numeric: true}}); err != nil {
			t.Fatal(err)
		}
	}
	r.play(t, []line{
		{"tenant accounts acme", 0, "  INSTANCE  IMPORTED  FIELDS  WHATSAPP\n", ""},
		{"tenant accounts acme", 0, "\n\" \"            a4  none      yes       2       nick pending\n", ""},
		{"tenant accounts acme", 0, "\na b            a5  none      yes       2       nick pending\n", ""},
		{"tenant accounts acme", 0, "\nb/c            a2  none      yes       2       nick pending\n", ""},
		{"tenant accounts acme", 0, "\n\"e\\u202edcba\"  a3  none      yes       2       nick pending\n", ""},
		{"tenant accounts acme", 0, "\n\"say \\\"x\\\"\"    a6  none      yes       2       nick pending\n", ""},
		{"tenant accounts acme", 0, "\ntill           a1  i2        no        2       nick pending\n", ""},
		{"tenant accounts acme --json", 0, `"Tag": "Tag_Profile_IM_Level",`, ""},
		{"tenant accounts acme --json", 0, `"hunter2"`, ""},
		{"instance show till", 0, "profile          nick pending\n", ""},
	})
	for _, args := range []string{"tenant accounts acme", "instance show till", "tenant show acme", "instance list"} {
		if out, _, _ := r.run(t, strings.Fields(args)...); strings.Contains(out, "hunter2") || strings.Contains(out, "\u202e") {
			t.Errorf("%s: %s", args, out)
		}
	}
}
