package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
)

const allActions = "cams:CreatePhoneMessageQrdl, cams:UpdatePhoneMessageQrdl, cams:ListPhoneMessageQrdl, cams:DeletePhoneMessageQrdl, cams:*"

// draw makes a message QR code of the tenant acme, t2, which has the number.
func (r *rig) draw(t *testing.T, message string) string {
	t.Helper()
	q, err := r.CreateQRDL(t.Context(), "t2", "5511999990000", cams.Content{Message: message, Image: "PNG"})
	if err != nil {
		t.Fatal(err)
	}
	return q.Token
}

func TestLifeOfATenant(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.play(t, []line{
		{"tenant list", 0, "default  t1  cams-t1   1          1        0     0      yes\n", ""},
		{"tenant add acme --space-id cams-8c8", 0, "space id           cams-8c8\n", ""},
		{"tenant add acme", 1, "", "acme: there is a tenant of that name already"},
		{"tenant add beta", 0, "access key id      AKID2\naccess key secret  secret2\nsdkappid           1400000003\nsecret key         appkey3\nnext               switchhook instance add NAME --tenant beta\n", ""},
		{"tenant add beta2 --data " + r.dir, 0, "switchhook tenant number add beta2 DIGITS --data " + r.dir, ""},
		{"tenant add a/b", 1, "", "a/b: name: must be letters"},
		{"tenant add gamma --space-id a/b", 1, "", "gamma: space_id: must be letters"},
		{"tenant add", 2, "", "NAME is missing: see switchhook tenant add --help"},
		{"instance add till --tenant acme", 0, "till", ""},
		{"instance show till", 0, "tenant           acme", ""},
		{"instance show shop", 0, "tenant           default", ""},
		{"tenant show acme", 0, "acme (t2)", ""},
		{"tenant show acme", 0, "instances         till\n", ""},
		{"tenant show beta", 0, "instances         none\n", ""},
		{"tenant show t1", 0, "number            …1234, of the instance shop\n", ""},
		{"tenant show acme", 0, "key               AKID1, active\n", ""},
		{"tenant show acme", 0, "events            0: switchhook events t2 shows them\n", ""},
		{"tenant show nobody", 1, "", "nobody: there is no such tenant: switchhook tenant list shows"},
		{"tenant show", 2, "", "NAME is missing"},
		{"tenant set acme --subscribed=false", 0, "subscribed        no\n", ""},
		{"tenant set acme --space-id cams-9", 0, "space id          cams-9\nsubscribed        no\n", ""},
		{"tenant set acme --subscribed", 0, "subscribed        yes\n", ""},
		{"tenant set acme --space-id=", 1, "", "acme: space_id: must be letters"},
		{"tenant set acme --subscribed=maybe", 2, "", "it takes true or false"},
		{"tenant set acme", 2, "", "nothing to set: see switchhook tenant set --help"},
		{"tenant set nobody --subscribed", 1, "", "no such tenant"},
		{"tenant number add acme +5511999990000", 0, "…0000 is a number of acme\n", ""},
		{"tenant number add acme 5511999990000", 0, "…0000 is a number of acme\n", ""},
		{"tenant show acme", 0, "number            …0000, registered\n", ""},
		{"tenant number add default 15550001234", 0, "…1234 is a number of default\n", ""},
		{"tenant show default", 0, "number            …1234, of the instance shop, and registered\n", ""},
		{"tenant number remove default 15550001234", 0, "…1234 is not registered with default, but it is the number of its instance shop\n", ""},
		{"tenant number add acme 0800", 1, "", "acme: number: must be a number in international form, 8 to 15 digits"},
		{"tenant number add acme 005511999990000", 1, "", "no 0 before the country code"},
		{"tenant number add nobody 5511999990000", 1, "", "no such tenant"},
		{"tenant number add acme", 2, "", "DIGITS is missing"},
		{"tenant number remove acme 5511999990000", 0, "…0000 is no number of acme\n", ""},
		{"tenant number remove acme 5511999990000", 0, "…0000 is no number of acme\n", ""},
		{"tenant number remove acme x", 1, "", "acme: number: must be"},
		{"tenant number remove nobody 5511999990000", 1, "", "no such tenant"},
		{"tenant delete acme", 1, "", "acme: acme has instances: delete them first"},
		{"tenant delete default", 1, "", "is always there"},
		{"tenant delete beta", 0, "beta (t3) is deleted; its keys sign no more\n", ""},
		{"tenant delete beta", 1, "", "beta: there is no such tenant"},
		{"tenant bogus", 2, "", `there is no command "bogus"`},
		{"events daemon", 0, "tenant.created acme (t2)\n", ""},
		{"events daemon", 0, "tenant.changed acme (t2): settings\n", ""},
	})
	if out, _, _ := r.run(t, "tenant", "number", "add", "acme", "+55 11 99999-0000", "--json"); !strings.Contains(out, `"number": "5511999990000"`) {
		t.Errorf("spaces and dashes: %s", out)
	}
}

func TestLifeOfAnAccessKey(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"tenant key list default", 0, "default has no access key: switchhook tenant key add default makes one.\n", ""},
		{"tenant add acme", 0, "AKID1", ""},
		{"tenant key add acme", 0, "access key id      AKID2\naccess key secret  secret2\n", ""},
		{"tenant key add nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant key list acme", 0, "AKID2  active  20", ""},
		{"tenant key list nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant key disable acme AKID1", 0, "AKID1 of acme is disabled\n", ""},
		{"tenant key list acme", 0, "AKID1  disabled  20", ""},
		{"tenant key enable acme AKID1", 0, "AKID1 of acme is active\n", ""},
		{"tenant key disable acme AKID9", 1, "", "acme: AKID9: the tenant has no such access key: switchhook tenant key list acme shows which there are"},
		{"tenant key enable nobody AKID1", 1, "", "nobody: there is no such tenant"},
		{"tenant key disable acme", 2, "", "KEY is missing"},
		{"tenant key deny acme AKID1 UpdatePhoneMessageQrdl cams:deletephonemessageqrdl", 0, "AKID1 of acme is active, denied cams:UpdatePhoneMessageQrdl, cams:DeletePhoneMessageQrdl\n", ""},
		{"tenant key deny acme AKID1 UpdatePhoneMessageQrdl", 0, "denied cams:UpdatePhoneMessageQrdl, cams:DeletePhoneMessageQrdl\n", ""},
		{"tenant key list acme", 0, "cams:UpdatePhoneMessageQrdl, cams:DeletePhoneMessageQrdl\n", ""},
		{"tenant key rotate acme AKID1", 0, "denied             cams:UpdatePhoneMessageQrdl, cams:DeletePhoneMessageQrdl\nthe one before     AKID1, active until 20", ""},
		{"tenant key list acme", 0, "AKID1  active until 20", ""},
		{"tenant key allow acme AKID1 UpdatePhoneMessageQrdl", 0, ", denied cams:DeletePhoneMessageQrdl\n", ""},
		{"tenant key deny acme AKID2 cams:*", 0, "AKID2 of acme is active, denied cams:*\n", ""},
		{"tenant key allow acme AKID2 ListPhoneMessageQrdl", 1, "", "acme: it is denied cams:*: allow that, and deny what it may not do"},
		{"tenant key allow acme AKID2 cams:*", 0, "AKID2 of acme is active\n", ""},
		{"tenant key deny acme AKID2 bogus", 2, "", `"bogus" is no action: they are ` + allActions},
		{"tenant key deny acme AKID2 cams:Delete*", 2, "", allActions},
		{"tenant key allow acme AKID2 *", 2, "", allActions},
		{"tenant key deny acme AKID2", 2, "", "ACTION is missing: see switchhook tenant key deny --help"},
		{"tenant key deny acme AKID9 cams:*", 1, "", "AKID9: the tenant has no such access key"},
		{"tenant key allow acme AKID9 cams:*", 1, "", "AKID9: the tenant has no such access key"},
		{"tenant key deny nobody AKID1 cams:*", 1, "", "nobody: there is no such tenant"},
		{"tenant key rotate acme AKID2 --grace 0s", 0, "the one before     AKID2, ended\n", ""},
		{"tenant key rotate acme AKID2", 0, "the one before     AKID2, ended\n", ""},
		{"tenant key enable acme AKID2", 1, "", "acme: AKID2 was rotated and its grace is over: use the key that came in its place, or switchhook tenant key add acme makes one"},
		{"tenant key enable acme AKID2 --json", 1, "", "its grace is over"},
		{"tenant key disable acme AKID3", 0, "AKID3 of acme is disabled, denied ", ""},
		{"tenant key rotate acme AKID3", 0, "the one before     AKID3, disabled\n", ""},
		{"tenant key list acme", 0, "AKID2  ended  ", ""},
		{"tenant key rotate acme AKID3 --grace 721h", 1, "", "acme: grace: must be 0s to 720h"},
		{"tenant key rotate acme AKID3 --grace soon", 2, "", "--grace"},
		{"tenant key rotate acme AKID9", 1, "", "AKID9: the tenant has no such access key"},
		{"tenant key rotate nobody AKID1", 1, "", "nobody: there is no such tenant"},
		{"tenant key delete acme AKID1", 0, "AKID1 is deleted; acme has 5 keys\n", ""},
		{"tenant key delete acme AKID1", 1, "", "AKID1: the tenant has no such access key"},
		{"tenant key delete nobody AKID1", 1, "", "nobody: there is no such tenant"},
		{"tenant key list acme x", 2, "", `"x" is one argument too many`},
		{"events daemon", 0, "tenant.changed acme (t2): key_rotated AKID2\n", ""},
	})
}

// A secret is shown where it is made, once.
func TestSecretsOfTenantsAreHidden(t *testing.T) {
	r := newRig(t)
	for i, args := range []string{"tenant add acme", "tenant key add acme", "tenant key rotate acme AKID1", "tenant add beta --json", "tenant key add acme --json"} {
		secret := fmt.Sprintf("secret%d", i+1)
		if out, _, code := r.run(t, strings.Fields(args)...); code != 0 || strings.Count(out, secret) != 1 {
			t.Errorf("%s: exit %d, %s", args, code, out)
		}
	}
	if out, _, _ := r.run(t, "tenant", "secret", "rotate", "acme", "--json"); out != "{\n  \"sdkappid\": 1400000002,\n  \"secret_key\": \"appkey4\"\n}\n" {
		t.Error(out)
	}
	for _, args := range []string{
		"tenant list", "tenant show acme", "tenant set acme --subscribed", "tenant set acme --admins backend", "tenant number add acme 5511999990000", "tenant key list acme",
		"tenant key disable acme AKID1", "tenant key deny acme AKID1 cams:*", "tenant key delete acme AKID2", "tenant codes acme", "events daemon", "tenant delete beta",
	} {
		for _, args := range []string{args, args + " --json"} {
			out, errs, _ := r.run(t, strings.Fields(args)...)
			if shown := strings.ReplaceAll(out+errs, "secret_rotated", ""); strings.Contains(shown, "secret") || strings.Contains(shown, "appkey") {
				t.Errorf("%s: %s%s", args, out, errs)
			}
		}
	}
}

func TestTenantsInJSON(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		args string
		want map[string]any
	}{
		{"tenant add acme", map[string]any{"id": "t2", "name": "acme", "space_id": "cams-t2", "access_key_id": "AKID1", "access_key_secret": "secret1", "sdkappid": 1400000002.0, "secret_key": "appkey2"}},
		{"tenant secret rotate acme", map[string]any{"sdkappid": 1400000002.0, "secret_key": "appkey3"}},
		{"tenant set acme --callback https://erp.example/hook", map[string]any{"sdkappid": 1400000002.0, "callback": "@acme/callback"}},
		{"tenant set acme --callback=", map[string]any{"callback": nil}},
		{"tenant show acme", map[string]any{"id": "t2", "subscribed": true}},
		{"tenant set acme --space-id x", map[string]any{"space_id": "x"}},
		{"tenant number add acme 5511999990000", map[string]any{"id": "t2"}},
		{"tenant number remove acme 5511999990000", map[string]any{"id": "t2"}},
		{"tenant key add acme", map[string]any{"access_key_id": "AKID2", "access_key_secret": "secret2"}},
		{"tenant key rotate acme AKID2", map[string]any{"access_key_id": "AKID3", "access_key_secret": "secret3"}},
		{"tenant key disable acme AKID1", map[string]any{"access_key_id": "AKID1", "disabled": true}},
		{"tenant key enable acme AKID1", map[string]any{"access_key_id": "AKID1"}},
		{"tenant key deny acme AKID1 cams:*", map[string]any{"access_key_id": "AKID1"}},
		{"tenant key allow acme AKID1 cams:*", map[string]any{"access_key_id": "AKID1"}},
		{"tenant key delete acme AKID1", map[string]any{"id": "t2"}},
		{"tenant delete acme", map[string]any{"id": "t2", "deleted": true}},
	} {
		out, errs, code := r.run(t, append(strings.Fields(c.args), "--json")...)
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
			t.Errorf("%s: exit %d, %v: %s%s", c.args, code, err, out, errs)
		}
		for k, v := range c.want {
			if got[k] != v {
				t.Errorf("%s: %s is %v in %s", c.args, k, got[k], out)
			}
		}
	}
	for args, want := range map[string]int{"tenant list": 1, "tenant key list default": 0, "tenant codes default": 0} {
		out, _, _ := r.run(t, append(strings.Fields(args), "--json")...)
		var got []map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil || got == nil || len(got) != want {
			t.Errorf("%s: %v %s", args, err, out)
		}
	}
}

func TestTenantCodes(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"tenant add acme", 0, "", ""},
		{"tenant number add acme 5511999990000", 0, "", ""},
		{"tenant codes acme", 0, "acme has no message QR code.", ""},
		{"tenant codes nobody", 1, "", "nobody: there is no such tenant"},
		{"tenant codes", 2, "", "NAME is missing"},
	})
	long := "Hello! I saw your poster\n\x1b[31mat the station"
	first := r.draw(t, "before")
	if _, err := r.ScanQRDL(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	next, err := r.UpdateQRDL(t.Context(), "t2", "5511999990000", "QRDL0000000001", cams.Content{Message: long, Image: "SVG"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.ScanQRDL(t.Context(), next.Token); err != nil {
			t.Fatal(err)
		}
	}
	r.draw(t, "a\x1b[31m")
	r.play(t, []line{
		{"tenant codes acme", 0, "QRDL0000000001  …0000   2         2      3       SVG    20", ""},
		{"tenant codes t2", 0, `"Hello! I saw your…"  http://127.0.0.1:8080/m/` + next.Token + "\n", ""},
		{"tenant codes acme", 0, `"a\x1b[31m"`, ""},
		{"tenant list", 0, "2      yes", ""},
		{"tenant delete acme", 1, "", "has message QR codes"},
		{"events t2", 0, "qrdl.created QRDL0000000001 of …0000, revision 1\n", ""},
		{"events t2", 0, "qrdl.scanned QRDL0000000001 of …0000, revision 1: 1 more, scanned 1 time, 1 in all\n", ""},
		{"events t2", 0, "qrdl.updated QRDL0000000001 of …0000, revision 2, scanned 0 times, 1 in all\n", ""},
		{"events t2", 0, "qrdl.scanned QRDL0000000001 of …0000, revision 2: 1 more, scanned 2 times, 3 in all\n", ""},
		{"events t2 --after 5", 0, "     6  ", ""},
		{"events acme", 1, "", "acme: it is no instance, but a tenant: switchhook events t2 shows its events"},
		{"deliveries acme", 1, "", "acme: it is no instance, but a tenant: switchhook deliveries t2 shows those of its events"},
		{"replay acme --from 1", 1, "", "acme: it is no instance, but a tenant: switchhook replay t2"},
		{"events acme --follow", 1, "", "switchhook events t2 shows its events"},
		{"events nobody --follow", 1, "", "nobody: no such instance: switchhook instance list shows"},
	})
	out, _, _ := r.run(t, "tenant", "codes", "acme", "--json")
	var all []api.QRDL
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 2 || all[1].Message != long || all[1].Number != "5511999990000" ||
		all[1].Past[0].Scans != 1 || !strings.HasSuffix(all[1].ImageURL, ".svg") {
		t.Errorf("%v %s", err, out)
	}
	for _, args := range []string{"tenant codes acme", "tenant show acme", "tenant list", "events t2", "tenant number add acme 5511999990000"} {
		if out, _, _ := r.run(t, strings.Fields(args)...); strings.Contains(out, "5511999990000") {
			t.Errorf("%s shows a whole number: %s", args, out)
		}
	}
}

func TestFollowATenant(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{{"tenant add acme", 0, "", ""}, {"tenant number add acme 5511999990000", 0, "", ""}})
	r.draw(t, "first")
	var out, errs screen
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := r.background(ctx, &out, &errs, "events", "t2", "--follow")
	out.await(t, "qrdl.created", 1)
	r.draw(t, "second")
	out.await(t, "qrdl.created", 2)
	cancel()
	if code := wait(); code != 0 || errs.String() != "" {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestADaemonWithoutTenants(t *testing.T) {
	r := newRig(t)
	srv := httptest.NewServer(api.New(api.Config{Instances: r, System: r, Token: token}))
	defer srv.Close()
	r.play(t, []line{
		{"tenant list --token " + token + " --url " + srv.URL, 1, "", "the admin API has no such path"},
		{"events t1 --follow --token " + token + " --url " + srv.URL, 1, "", "t1: no such instance"},
	})
}

// Every command about tenants says how it is used by an example.
func TestHelpOfTenantsHasExamples(t *testing.T) {
	r := newRig(t)
	whole, _, _ := r.run(t, "help")
	for _, args := range []string{
		"tenant add NAME", "tenant list", "tenant show NAME", "tenant set NAME", "tenant delete NAME", "tenant codes NAME", "tenant secret rotate NAME",
		"tenant number add NAME DIGITS", "tenant number remove NAME DIGITS",
		"tenant key list NAME", "tenant key add NAME", "tenant key rotate NAME KEY", "tenant key disable NAME KEY", "tenant key enable NAME KEY",
		"tenant key deny NAME KEY ACTION...", "tenant key allow NAME KEY ACTION...", "tenant key delete NAME KEY",
	} {
		if !strings.Contains(whole, "  "+args) {
			t.Errorf("help does not list %s", args)
		}
		args, _, _ = strings.Cut(args, " NAME")
		out, _, code := r.run(t, append(strings.Fields(args), "--help")...)
		if code != 0 || !strings.Contains(out, "Examples:\n  switchhook "+args) {
			t.Errorf("%s: %s", args, out)
		}
		for l := range strings.SplitSeq(out, "\n") {
			if n := utf8.RuneCountInString(l); n > 140 {
				t.Errorf("%s: %d characters: %s", args, n, l)
			}
		}
	}
	for _, action := range api.Actions {
		out, _, _ := r.run(t, "tenant", "key", "deny", "--help")
		if !strings.Contains(out, action) {
			t.Errorf("help does not name %s", action)
		}
	}
}
