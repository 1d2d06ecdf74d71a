package cli_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
)

func TestHelpListsEveryCommand(t *testing.T) {
	r := newRig(t)
	for _, args := range []string{"help", "--help", ""} {
		out, errs, code := r.run(t, strings.Fields(args)...)
		for _, use := range []string{
			"serve [--config F] [--data DIR] [--listen ADDR] [--sandbox]", "demo [--stay]",
			"instance add NAME [--webhook URL]", "instance list", "instance show NAME", "instance delete NAME",
			"instance close NAME", "instance restore NAME", "instance disconnect NAME", "instance save NAME",
			"instance clear NAME", "instance set NAME", "link NAME [--phone DIGITS]", "send NAME TO [TEXT]", "media NAME SEQ [--to FILE]",
			"sandbox type NAME", "sandbox message NAME [TEXT]", "sandbox behave [PHONE]", "sandbox inbox PHONE", "events NAME [--follow]",
			"sandbox serve", "sandbox scan NAME", "sandbox fault NAME KIND", "nats info",
			"endpoint add REF URL", "endpoint list", "endpoint show REF", "endpoint set REF", "endpoint remove REF", "endpoint pause REF",
			"endpoint resume REF", "endpoint retry REF", "endpoint test REF", "endpoint skip REF", "endpoint rotate-secret REF",
			"deliveries [NAME]", "deadletters [NAME]", "replay NAME --from SEQ|TIME", "REF an endpoint",
			"config sample", "config check", "version", "--data", "--url", "--token", "--json", r.dir,
		} {
			if !strings.Contains(out, use) {
				t.Errorf("%q: no %s in %s", args, use, out)
			}
		}
		if code != 0 || errs != "" {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
	out, _, _ := r.run(t, "sandbox", "fault", "--help")
	for _, says := range []string{"drops the socket [--later, --no-gap]", "bans [--times, --later, --no-gap, --expire, --code]", "heal --network"} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in the help: %s", says, out)
		}
	}
}

func TestUsage(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"bogus", 2, "", `there is no command "bogus": see switchhook --help`},
		{"instance bogus", 2, "", `see switchhook instance --help`},
		{"instance show", 2, "", "NAME is missing: see switchhook instance show --help"},
		{"instance show a b", 2, "", `"b" is one argument too many`},
		{"sandbox fault shop", 2, "", "KIND is missing"},
		{"sandbox fault --network", 2, "", "KIND is missing"},
		{"sandbox fault --network shop drop", 2, "", `"drop" is one argument too many`},
		{"sandbox fault shop drop --times 2", 2, "", "drop does not heed --times"},
		{"sandbox fault shop drop --code 405 --times 7 --expire 9s", 2, "", "drop does not heed --times"},
		{"sandbox fault shop hear --no-gap", 2, "", "hear does not heed --no-gap"},
		{"sandbox fault shop refuse-402 --times 0", 2, "", "--times must be 1 or more, or -1"},
		{"sandbox fault shop refuse-402 --times -2", 2, "", "--times must be 1 or more, or -1"},
		{"sandbox fault shop refuse-402 --expire 0s", 2, "", "--expire must be longer than nothing"},
		{"sandbox fault shop refuse-402 --code 0", 2, "", "--code must be the number of a reason"},
		{"send shop", 2, "", "TO is missing"},
		{"send shop 5511 hello you", 2, "", `"you" is one argument too many`},
		{"media shop", 2, "", "SEQ is missing"},
		{"media shop x", 2, "", "switchhook events shop shows them"},
		{"sandbox inbox", 2, "", "PHONE is missing"},
		{"serve now", 2, "", `"now" is one argument too many`},
		{"events shop --after x", 2, "", `invalid argument "x" for "--after" flag: it takes a whole number: see`},
		{"endpoint add shop/crm", 2, "", "URL is missing: see switchhook endpoint add --help"},
		{"endpoint add crm https://x.example/", 2, "", "write INSTANCE/NAME, @TENANT/NAME, or /NAME"},
		{"endpoint add shop/ https://x.example/", 2, "", "write INSTANCE/NAME"},
		{"endpoint add shop/crm https://x.example/ --after all", 2, "", "--after takes the number of an event"},
		{"endpoint add shop/crm https://x.example/ --header secret", 2, "", "--header takes 'Name: value'"},
		{"endpoint add shop/crm https://x.example/ --schedule 5s,soon", 2, "", `not "soon"`},
		{"endpoint add shop/crm https://x.example/ --bulk-wait 5s", 2, "", "give --bulk as well"},
		{"endpoint add shop/crm https://x.example/ --states ten", 2, "", "--states"},
		{"endpoint list --daemon --tenant x", 2, "", "name several owners"},
		{"endpoint show", 2, "", "REF is missing"},
		{"deliveries --failures", 2, "", "--failures needs the NAME of an instance"},
		{"deliveries shop till", 2, "", `"till" is one argument too many`},
		{"replay shop", 2, "", "--from is missing"},
		{"replay shop --from 0", 2, "", "the first event has the number 1"},
		{"replay shop --from yesterday", 2, "", `"yesterday" is neither the number of an event nor a time such as`},
		{"replay shop --from -2h", 2, "", "neither"},
		{"replay shop --from 1 --to soon", 2, "", "--to:"},
		{"--bogus", 2, "", "unknown flag: --bogus"},
		{"config check a b", 2, "", `"b" is one argument too many`},
	})
	if _, errs, code := r.run(t, "instance", "show", ""); code != 2 || !strings.Contains(errs, "NAME is missing") {
		t.Errorf("an empty name: exit %d, %s", code, errs)
	}
}

func TestServePassesItsFlagsOn(t *testing.T) {
	r := newRig(t)
	var got cli.ServeOptions
	r.commands.Serve = func(_ context.Context, o cli.ServeOptions) error {
		got = o
		return nil
	}
	ask := func(args ...string) cli.ServeOptions {
		t.Helper()
		if _, errs, code := r.run(t, append([]string{"serve"}, args...)...); code != 0 || got.Log == nil {
			t.Fatalf("exit %d: %s", code, errs)
		}
		got.Log = nil
		return got
	}
	if o := ask(); o != (cli.ServeOptions{}) {
		t.Errorf("without flags %+v", o)
	}
	if o := ask("--config", "f.yaml", "--data", "/d", "--listen", ":1", "--sandbox"); o != (cli.ServeOptions{ConfigFile: "f.yaml", DataDir: "/d", Listen: ":1", Sandbox: true}) {
		t.Errorf("with flags %+v", o)
	}
	r.env["SWITCHHOOK_CONFIG"], r.env["SWITCHHOOK_DATA"] = "e.yaml", "/e"
	if o := ask("--config", "f.yaml"); o != (cli.ServeOptions{ConfigFile: "f.yaml", DataDir: "/e"}) {
		t.Errorf("with the environment %+v", o)
	}
}

func TestFailuresOfWhatIsStarted(t *testing.T) {
	r := newRig(t)
	r.commands.Serve = func(context.Context, cli.ServeOptions) error { return errors.New("the port is taken: choose another") }
	r.commands.Demo = func(context.Context, cli.DemoOptions) error { return errors.New("2 events were lost") }
	r.commands.SandboxServe = func(context.Context, cli.SandboxOptions) error { return errors.New("no") }
	r.commands.ConfigCheck = func(file string) error { return errors.New(file + ":3: unknown key") }
	r.play(t, []line{
		{"serve", 1, "", "switchhook: the port is taken: choose another\n"},
		{"demo", 1, "", "2 events were lost"},
		{"demo --json", 1, "", "2 events were lost"},
		{"sandbox serve", 1, "", "no"},
		{"config check f.yaml", 1, "", "f.yaml:3: unknown key"},
	})
}

func TestDemo(t *testing.T) {
	r := newRig(t)
	var stay, colour bool
	r.commands.Demo = func(_ context.Context, o cli.DemoOptions) error {
		stay, colour = o.Stay, o.Colour
		_, err := o.Out.Write([]byte("a table\n"))
		return err
	}
	if out, _, code := r.run(t, "demo", "--stay"); code != 0 || out != "a table\n" || !stay || colour {
		t.Errorf("exit %d, stay %v, colour %v: %s", code, stay, colour, out)
	}
	if out, errs, code := r.run(t, "demo", "--json"); code != 0 || !strings.Contains(out, `"ok": true`) || errs != "a table\n" || stay {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	r.columns = 80
	if r.run(t, "demo"); !colour {
		t.Error("no colour on a terminal")
	}
	r.env["NO_COLOR"] = "1"
	if r.run(t, "demo"); colour {
		t.Error("colour in spite of NO_COLOR")
	}
}

func TestSandboxServe(t *testing.T) {
	r := newRig(t)
	var got cli.SandboxOptions
	r.commands.SandboxServe = func(_ context.Context, o cli.SandboxOptions) error {
		got = o
		return nil
	}
	if _, errs, code := r.run(t, "sandbox", "serve", "--listen", "127.0.0.1:7"); code != 0 || got.Listen != "127.0.0.1:7" || got.DataDir != r.dir || got.Out == nil || got.Log == nil {
		t.Errorf("exit %d, %+v: %s", code, got, errs)
	}
	if r.run(t, "sandbox", "serve", "--data", "/d"); got.DataDir != "/d" || got.Listen == "" {
		t.Errorf("%+v", got)
	}
}

func TestConfigAndVersion(t *testing.T) {
	r := newRig(t)
	var file string
	r.commands.ConfigSample = func() []byte { return []byte("# listen: 127.0.0.1:8080\n") }
	r.commands.ConfigCheck = func(f string) error { file = f; return nil }
	r.play(t, []line{
		{"config sample", 0, "# listen: 127.0.0.1:8080\n", ""},
		{"config check f.yaml", 0, "f.yaml is good", ""},
		{"version", 0, "switchhook v1.2.3 (go1", ""},
	})
	if file != "f.yaml" {
		t.Errorf("checked %q", file)
	}
	r.play(t, []line{{"config check", 0, "the environment and the defaults are good", ""}})
	r.env["SWITCHHOOK_CONFIG"] = "e.yaml"
	r.play(t, []line{{"config check", 0, "e.yaml is good", ""}})
}
