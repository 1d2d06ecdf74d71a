package cli_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
)

func TestAppOfATenant(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"tenant add acme", 0, "sdkappid           1400000002\nsecret key         appkey2\n", ""},
		{"tenant show acme", 0, "sdkappid          1400000002\nadmins            administrator\ncustom fields     none\ncallback          none\n", ""},
		{"tenant set acme --admins administrator,backend", 0, "admins            administrator, backend\n", ""},
		{"tenant set acme --admins backend", 0, "admins            backend\n", ""},
		{"tenant set acme --admins=", 1, "", "acme: admins: must be 1 to 32 identifiers, such as administrator"},
		{"tenant set acme --admins a,a", 1, "", "acme: admins: must each be there once"},
		{"tenant set acme --custom vip=admin,level=readonly", 0, "custom fields     level=readonly, vip=admin\n", ""},
		{"tenant set acme --custom vip=readonly", 0, "custom fields     vip=readonly\n", ""},
		{"tenant set acme --custom vip", 2, "", `--custom takes NAME=admin or NAME=readonly, with commas in between, and not "vip"`},
		{"tenant set acme --custom vip=user", 2, "", `and not "vip=user"`},
		{"tenant set acme --custom =admin", 2, "", `and not "=admin"`},
		{"tenant set acme --custom level=admin,vip", 2, "", `and not "vip": see switchhook tenant set --help`},
		{"tenant set acme --custom vip_1=admin", 1, "", "acme: custom: must have names of 1 to 8 letters"},
		{"tenant show acme", 0, "custom fields     vip=readonly\n", ""},
		{"tenant set acme --custom=", 0, "custom fields     none\n", ""},
		{"tenant set acme --callback https://u:hunter2@erp.example/hook?key=hunter2", 0, "callback          https://…@erp.example/hook?… (@acme/callback)\n", ""},
		{"endpoint show @acme/callback", 0, "format           tencent\n", ""},
		{"endpoint pause @acme/callback", 0, "", ""},
		{"tenant show acme", 0, "(@acme/callback), paused\n", ""},
		{"tenant set acme --callback http://10.0.0.1/", 1, "", "acme: callback: leads to a private network"},
		{"tenant set acme --callback https://erp.example/new", 0, "callback          https://erp.example/new (@acme/callback)", ""},
		{"tenant set acme --callback=", 0, "callback          none\n", ""},
		{"tenant set acme --callback=", 0, "callback          none\n", ""},
		{"tenant set nobody --callback https://erp.example/", 1, "", "nobody: there is no such tenant"},
		{"tenant secret rotate acme", 0, "tenant      acme\nsdkappid    1400000002\nsecret key  appkey3\nKeep the secret: it is not shown again.\n", ""},
		{"tenant secret rotate nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant secret rotate", 2, "", "NAME is missing"},
		{"tenant secret rotate acme x", 2, "", `"x" is one argument too many`},
		{"events daemon", 0, "tenant.changed acme (t2): secret_rotated\n", ""},
	})
	for _, args := range []string{"tenant show acme", "tenant list", "events daemon"} {
		if out, _, _ := r.run(t, strings.Fields(args)...); strings.Contains(out, "hunter2") || strings.Contains(out, "appkey") {
			t.Errorf("%s: %s", args, out)
		}
	}
}

func TestWishesAreShown(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"tenant add acme", 0, "\nKeep the access key secret and the secret key: they are not shown again.\n", ""},
		{"tenant accounts acme", 0, "acme has no account: portrait_set makes one for an instance of its, account_import any other.\n", ""},
		{"tenant accounts nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant accounts", 2, "", "NAME is missing"},
		{"instance add till --tenant acme", 0, "", ""},
		{"instance show till", 0, "profile          none\n", ""},
	})
	nick, about := record.Field{Tag: record.TagNick, Text: "hunter2"}, record.Field{Tag: record.TagSelfSignature, Text: "hunter2"}
	if err := r.SetProfile(t.Context(), "acme", "till", "administrator", []record.Field{nick, about}); err != nil {
		t.Fatal(err)
	}
	if err := r.ImportAccount(t.Context(), "acme", "desk", "administrator", nil); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{
		{"tenant accounts acme", 0, "  INSTANCE  IMPORTED  FIELDS  WHATSAPP\n" +
			"desk     a2  none      yes       0       none\n" +
			"till     a1  i2        no        2       nick pending, signature pending\n", ""},
		{"instance show till", 0, "profile          nick pending\nprofile          signature pending\nwid ", ""},
	})
	for _, args := range []string{"tenant accounts acme", "instance show till"} {
		if out, _, _ := r.run(t, strings.Fields(args)...); strings.Contains(out, "hunter2") {
			t.Errorf("%s shows what the profile says: %s", args, out)
		}
	}
	if out, _, _ := r.run(t, "tenant", "accounts", "acme", "--json"); strings.Count(out, "hunter2") != 2 {
		t.Errorf("--json does not: %s", out)
	}
}
