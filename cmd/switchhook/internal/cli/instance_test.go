package cli_test

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

// line is one command line and what comes of it.
type line struct {
	args string
	code int
	out  string // standard output holds it
	errs string // standard error holds it
}

func (r *rig) play(t *testing.T, lines []line) {
	t.Helper()
	for _, l := range lines {
		out, errs, code := r.run(t, strings.Fields(l.args)...)
		if code != l.code || !strings.Contains(out, l.out) || !strings.Contains(errs, l.errs) {
			t.Errorf("%s: exit %d\nout: %s\nerr: %s", l.args, code, out, errs)
		}
		if (code == 0) != (errs == "") || strings.Count(errs, "\n") > 1 {
			t.Errorf("%s: exit %d with %q on standard error", l.args, code, errs)
		}
	}
}

func TestLifeOfAnInstance(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"instance add till --webhook http://x.example/?a=1&b=2", 0, "switchhook link till", ""},
		{"instance add till", 1, "", "till: an instance of that name exists already"},
		{"instance list", 0, "till  i2  0 noConnection", ""},
		{"instance show till", 0, "1101000002", ""},
		{"instance token rotate till", 0, "api token    " + strings.Repeat("f", 50), ""},
		{"instance show till", 0, strings.Repeat("f", 50), ""},
		{"instance token rotate nobody", 1, "", "nobody: no such instance"},
		{"instance token rotate till --api-token-file /nowhere/token", 1, "", "--api-token-file: open /nowhere/token"},
		{"instance token rotate", 2, "", "NAME is missing"},
		{"instance reboot till", 0, "till is in state 0 noConnection", ""},
		{"instance show till", 0, "http://x.example/?a=1&b=2", ""},
		{"instance show i2", 0, "whsec_i2", ""},
		{"instance show nobody", 1, "", "nobody: no such instance: switchhook instance list shows which there are"},
		{"instance restore till", 1, "", "no saved session: link the instance first"},
		{"sandbox scan till", 1, "", "shows no code"},
	})
	if _, err := r.Generate(t.Context(), "i2", nil); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{
		{"sandbox scan till --phone 15559998877", 0, "the phone …8877 scanned the code of till", ""},
		{"instance list", 0, "10 WhatsAppAuthenticated", ""},
		{"sandbox fault till drop --no-gap", 0, "played drop on till", ""},
		{"sandbox fault till refuse-402 --code 104 --expire 500ms --times -1", 0, "played refuse-402 on till", ""},
		{"sandbox fault till refuse-402 --expire -1ms --json", 0, `"expire": -1`, ""},
		{"sandbox fault till flood", 1, "", "one of drop"},
		{"instance restore till", 0, "till is in state 10 WhatsAppAuthenticated", ""},
		{"instance save till", 0, "till is in state 10", ""},
		{"instance close till", 0, "till is in state 0 noConnection", ""},
		{"instance clear till", 0, "till is in state 0", ""},
		{"instance set till --user-agent Opera --bulk", 0, "till", ""},
		{"instance set till --webhook=", 0, "webhook          none", ""},
		{"instance set till --api-version 3", 1, "", `must be "1.0" or "1.1"`},
		{"instance set till", 2, "", "nothing to set"},
		{"instance disconnect till", 0, "till is in state 0", ""},
		{"instance delete till", 0, "till (i2) is deleted", ""},
		{"instance list", 0, "being deleted", ""},
		{"nats info", 0, "nats-password", ""},
	})
	if got := strings.Join(r.Calls(), "\n"); !strings.Contains(got, "Times:-1 Later:false Expire:1 Code:104") {
		t.Errorf("calls %s", got)
	}
	if got := r.Calls(); !slices.Contains(got, "close i2") || !slices.Contains(got, "disconnect i2") {
		t.Errorf("calls %v", got)
	}
	if e, err := r.Find(t.Context(), "till"); err != nil || e.UserAgent != "Opera" || e.Webhook != "" {
		t.Errorf("%+v %v", e, err)
	}
}

// With --json standard output is one document, whatever the command.
func TestJSONIsOneDocument(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.commands.ConfigSample = func() []byte { return []byte("# listen: x\n") }
	r.commands.ConfigCheck = func(string) error { return nil }
	for _, c := range []struct {
		args string
		keys []string // of the document; none for an array
	}{
		{"instance add till", []string{"id", "name", "wid", "webhook_secret", "id_instance", "api_token"}},
		{"instance list", nil},
		{"instance show shop", []string{"id", "name", "wid", "webhook_secret", "code", "state", "phone", "cause", "since", "can_restore", "pending", "created_at"}},
		{"instance token rotate shop", []string{"id", "id_instance", "api_token"}},
		{"instance close shop", []string{"code"}},
		{"instance restore shop", []string{"code"}},
		{"instance save shop", []string{"code"}},
		{"instance clear shop", []string{"code"}},
		{"instance set shop --user-agent x", []string{"user_agent"}},
		{"link shop", []string{"id", "name", "linked", "phone"}},
		{"events shop", nil},
		{"sandbox fault shop drop", []string{"id", "kind"}},
		{"instance disconnect shop", []string{"code"}},
		{"instance delete shop", []string{"id", "deleted"}},
		{"nats info", []string{"url", "stream", "subjects"}},
		{"config sample", []string{"sample"}},
		{"config check", []string{"ok"}},
		{"version", []string{"version", "go"}},
	} {
		out, errs, code := r.run(t, append(strings.Fields(c.args), "--json")...)
		dec := json.NewDecoder(strings.NewReader(out))
		var doc any
		if err := dec.Decode(&doc); err != nil || code != 0 {
			t.Errorf("%s: exit %d, %v\n%s%s", c.args, code, err, out, errs)
			continue
		}
		if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: more than one document: %s", c.args, out)
		}
		object, _ := doc.(map[string]any)
		for _, k := range c.keys {
			if _, ok := object[k]; !ok {
				t.Errorf("%s: no %s in %s", c.args, k, out)
			}
		}
		if array, ok := doc.([]any); (c.keys == nil) != (ok && len(array) > 0) {
			t.Errorf("%s: %s", c.args, out)
		}
	}
}

// Nobody reads a whole number over an operator's shoulder.
func TestPhoneNumbersAreMasked(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	for _, args := range []string{
		"instance list", "link shop", "events shop", "instance close shop", "instance restore shop",
		"sandbox scan shop", "sandbox fault shop drop", "instance disconnect shop", "instance delete shop",
	} {
		if out, errs, _ := r.run(t, strings.Fields(args)...); strings.Contains(out+errs, apitest.Phone) {
			t.Errorf("%s: %s%s", args, out, errs)
		}
	}
}

func TestJSONTellsTheWholeNumber(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	if out, _, _ := r.run(t, "instance", "show", "shop", "--json"); !strings.Contains(out, apitest.Phone) {
		t.Errorf("%s", out)
	}
	if out, _, _ := r.run(t, "instance", "show", "shop"); !strings.Contains(out, "…1234\n") {
		t.Errorf("%s", out)
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	r := newRig(t)
	none := folder(t)
	r.play(t, []line{
		{"instance list --data " + none, 1, "", "no daemon runs on " + none + ": start it with switchhook serve --data " + none},
		{"instance list --url http://127.0.0.1:1", 1, "", "no daemon answers at http://127.0.0.1:1"},
		{"instance list --url 127.0.0.1:8080", 2, "", "http://host:port"},
		{"instance list --url http://x --data y", 2, "", "name two daemons"},
		{"instance show nobody --data " + r.dir, 1, "", "switchhook instance list --data " + r.dir},
	})
	r.Fail(instance.ErrUnavailable)
	r.play(t, []line{{"instance close shop", 1, "", "free space or mend the data directory"}})
	r.Fail(errors.New("open /secret: I/O error"))
	r.play(t, []line{{"instance close shop", 1, "", "shop: internal error: the daemon's log has it"}})
}

func TestWhichDaemonIsAsked(t *testing.T) {
	r := newRig(t)
	other := newRig(t)
	if err := other.Delete(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	deleted := func(args ...string) bool {
		t.Helper()
		out, errs, code := r.run(t, append([]string{"instance", "list"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: %s", args, errs)
		}
		return strings.Contains(out, "being deleted")
	}
	if deleted() || !deleted("--data", other.dir) {
		t.Error("the flag was not followed")
	}
	r.env["SWITCHHOOK_DATA"] = other.dir
	if !deleted() || deleted("--data", r.dir) {
		t.Error("the environment was not followed, or came before the flag")
	}
	r.env["SWITCHHOOK_URL"] = "http://127.0.0.1:1"
	if deleted("--data", r.dir) {
		t.Error("the environment's address came before the flag's directory")
	}
	if _, errs, code := r.run(t, "instance", "list"); code != 1 || !strings.Contains(errs, "127.0.0.1:1") {
		t.Errorf("the environment's address was not followed: %d %s", code, errs)
	}
}

func TestSocketOfNobody(t *testing.T) {
	r := newRig(t)
	r.commands.DefaultDataDir = func() string { return "" }
	r.play(t, []line{{"instance list", 1, "", "name its data directory with --data"}})
	long := filepath.Join(folder(t), strings.Repeat("d", 200))
	r.play(t, []line{{"instance list --data " + long, 1, "", long}})
}
