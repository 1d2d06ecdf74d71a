package cli_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

const hook = "https://user:pass@crm.example.org/hook/path?key=hidden"

func TestLifeOfAnEndpoint(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"endpoint list", 0, "switchhook endpoint add REF URL makes one", ""},
		{"deliveries", 0, "switchhook endpoint add REF URL makes one", ""},
		{"instance add till --tenant acme", 1, "", "till: there is no such tenant: switchhook tenant list shows"},
		{"endpoint add @acme/audit https://x.example/", 1, "", "@acme/audit: there is no such tenant"},
		{"tenant add acme", 0, "", ""},
		{"instance add till --tenant acme", 0, "till", ""},
		{"instance show till", 0, "tenant           acme", ""},
		{"endpoint add shop/crm " + hook + " --kinds message.*,qr.issued --bulk 50 --bulk-wait 2s", 0, "secret    whsec_first-e1", ""},
		{"endpoint add shop/crm " + hook, 1, "", "shop/crm: an endpoint of that name exists already"},
		{"endpoint add @acme/audit https://x.example/ --format cloudevents --header X-A:1 --bearer token-1 --states 10,11", 0, "switchhook endpoint test @acme/audit", ""},
		{"endpoint add /all https://x.example/ --secret whsec_mine --timeout 5s --schedule 5s,1m --horizon 24h --jitter 0 --in-flight 3", 0, "secret    whsec_mine", ""},
		{"endpoint add /more https://10.0.0.1/", 1, "", "/more: url: leads to a private network"},
		{"endpoint add nobody/crm https://x.example/", 1, "", "nobody/crm: no such instance: switchhook instance list shows"},
		{"endpoint list", 0, "shop/crm     standard     ok     0        https://crm.example.org\n", ""},
		{"endpoint list --tenant acme", 0, "@acme/audit  cloudevents", ""},
		{"endpoint list --tenant nobody", 1, "", "there is no such tenant: switchhook tenant list shows"},
		{"endpoint list --daemon", 0, "/all      standard", ""},
		{"endpoint list --instance till", 0, "There is no such endpoint", ""},
		{"endpoint show shop/crm", 0, "up to 50 events in a request, waiting 2s for more", ""},
		{"endpoint show crm", 0, "message.*, qr.issued", ""},
		{"endpoint show e1 --secrets", 0, hook, ""},
		{"endpoint show e1 --secrets", 0, "whsec_first-e1", ""},
		{"endpoint show /all", 0, "schedule         5s, 1m0s", ""},
		{"endpoint show /none", 1, "", "/none: no such endpoint: switchhook endpoint list shows which there are"},
		{"endpoint set shop/crm", 2, "", "nothing to set"},
		{"endpoint set shop/crm --bulk-wait 5s", 0, "up to 50 events in a request, waiting 5s for more", ""},
		{"endpoint set shop/crm --bulk 0 --kinds= --url https://y.example/", 0, "a request for each event", ""},
		{"endpoint show shop/crm", 0, "kinds            all", ""},
		{"endpoint set @acme/audit --header= --bearer= --follow-redirects", 0, "bearer token     none", ""},
		{"endpoint show @acme/audit", 0, "redirects        followed", ""},
		{"endpoint pause shop/crm --reason holiday", 0, "shop/crm is paused (holiday), 0 waiting", ""},
		{"endpoint resume shop/crm", 0, "shop/crm is ok, 0 waiting", ""},
		{"endpoint retry shop/crm", 0, "shop/crm is ok", ""},
		{"endpoint test shop/crm", 0, "delivered to shop/crm: 204 in 12ms", ""},
		{"endpoint skip shop/crm", 1, "", "shop/crm: nothing waits to be delivered there"},
		{"endpoint skip /all", 1, "", "instance: is missing"},
		{"endpoint add /late https://x.example/ --after 3", 1, "", "after: must be 0, all that the log holds"},
		{"endpoint add /old https://x.example/ --after 0", 0, "whsec_", ""},
		{"endpoint remove /old", 0, "", ""},
		{"endpoint rotate-secret shop/crm", 0, "the one before  signs until", ""},
		{"endpoint rotate-secret /all --secret whsec_new --keep 0s", 0, "secret    whsec_new\n", ""},
		{"endpoint rotate-secret /all --secret new", 1, "", "secret: must begin with whsec_"},
		{"endpoint remove /all", 0, "/all (e3) is removed, with all that waited for it", ""},
		{"endpoint remove /all", 1, "", "no such endpoint"},
	})
	if calls := r.Calls(); !slices.Contains(calls, "endpoint retry e1") {
		t.Errorf("%v", calls)
	}
	r.stdin = "whsec_piped\n"
	r.play(t, []line{{"endpoint add /piped https://x.example/ --secret -", 0, "whsec_piped\n", ""}})
}

// Secrets are shown where they are made, and by --secrets.
func TestEndpointsSecretsAreHidden(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{{"endpoint add shop/crm " + hook + " --bearer token-1 --header X-Key:header-1", 0, "", ""}})
	for _, args := range []string{
		"endpoint list", "endpoint show crm", "endpoint set crm --timeout 5s", "endpoint pause crm", "endpoint resume crm",
		"endpoint retry crm", "deliveries shop", "deadletters",
	} {
		for _, args := range []string{args, args + " --json"} {
			out, errs, code := r.run(t, strings.Fields(args)...)
			for _, secret := range []string{"pass", "hidden", "token-1", "header-1", "whsec_"} {
				if code != 0 || strings.Contains(out+errs, secret) {
					t.Errorf("%s: exit %d, %s in %s%s", args, code, secret, out, errs)
				}
			}
		}
	}
	out, _, _ := r.run(t, "endpoint", "show", "crm", "--secrets", "--json")
	var e api.Endpoint
	if err := json.Unmarshal([]byte(out), &e); err != nil || *e.URL != hook || *e.Bearer != "token-1" || (*e.Headers)["X-Key"] != "header-1" || e.Secrets[0].Secret != "whsec_first-e1" {
		t.Errorf("%s %v", out, err)
	}
}

func TestEndpointTestThatFails(t *testing.T) {
	r := newRig(t)
	r.posts.Answer = api.Tested{Status: 500, Error: "the receiver answered 500", Answer: "no \x1b[31mroom", Took: time.Second}
	r.play(t, []line{
		{"endpoint add shop/crm " + hook, 0, "", ""},
		{"endpoint test crm", 1, "", `crm: not delivered after 1s: the receiver answered 500, it answered "no \x1b[31mroom"`},
		{"endpoint test crm --json", 1, `"delivered": false`, "not delivered"},
	})
}

func TestDeliveriesDeadLettersAndReplays(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{
		{"endpoint add shop/crm " + hook, 0, "", ""},
		{"endpoint add /all https://x.example/", 0, "", ""},
		{"deadletters", 0, "No event was given up.", ""},
	})
	for range 5 {
		r.Fire("shop", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	r.Tell(record.DaemonStarted)
	r.posts.Break("e1", "i1", 2, 500, "no \x1b[31mroom "+strings.Repeat("x", 500))
	r.play(t, []line{
		{"deliveries shop", 0, "shop/crm  ok     0     10  10       2", ""},
		{"deliveries shop", 0, `it answered "no \x1b[31mroom x`, ""},
		{"deliveries shop", 0, "event 1: 500 after 30ms: post to https://x.example: status 500", ""},
		{"deliveries daemon", 0, "/all      ok     0     1   1", ""},
		{"deliveries", 0, "  status 500\n", ""},
		{"deliveries", 0, "shop      shop/crm  ok     0     10", ""},
		{"deliveries nobody", 1, "", "nobody: no such instance"},
	})
	r.posts.Break("e1", "i1", 5, 500, "late")
	r.play(t, []line{
		{"endpoint list", 0, "shop/crm  standard  failing  10", ""},
		{"endpoint show crm", 0, "it answered \"late\"", ""},
		{"endpoint skip crm", 0, "event 1 of shop given up for crm; switchhook replay shop --from 1 --to 1 --endpoint crm delivers", ""},
		{"endpoint skip /all --instance shop", 0, "event 1 of shop given up", ""},
	})
	r.posts.Break("e1", "i1", 1, 0, "")
	r.posts.Break("e2", "i1", 5, 503, "")
	r.play(t, []line{
		{"deliveries shop", 0, "6 tries have failed: switchhook deliveries shop --failures shows them.", ""},
		{"deliveries shop --failures", 0, "event 2: no answer after 30ms", ""},
		{"deliveries shop --failures", 0, "/all  event 2: 503", ""},
	})
	r.posts.GiveUp("e1", "i1", "the horizon of 72h0m0s has passed")
	r.play(t, []line{
		{"deadletters", 0, "shop/crm  shop      2-10", ""},
		{"deadletters", 0, "shop/crm  event 2: no answer after 30ms", ""},
		{"deadletters shop", 0, "/all      shop      1 ", ""},
		{"deadletters shop --endpoint crm", 0, "switchhook replay shop --from 1 --to 1 --endpoint shop/crm delivers", ""},
		{"deadletters daemon", 0, "No event was given up.", ""},
		{"deadletters --endpoint none", 1, "", "no such endpoint: switchhook endpoint list shows"},
		{"replay shop --from 2 --to 4 --endpoint shop/crm", 0, "events 2 to 4 of shop go to shop/crm once more", ""},
		{"replay shop --from 2h", 0, "events 1 to 10 of shop go to /all once more", ""},
		{"replay shop --from 3d --to 0.5h", 1, "", "no events are there"},
		{"replay shop --from 2026-01-02T03:04:05Z", 0, "switchhook deliveries shop shows how far they are", ""},
		{"replay daemon --from 1 --json", 0, `"until": 1`, ""},
		{"replay shop --from 99", 1, "", "shop: from: no events are there"},
		{"replay nobody --from 1", 1, "", "no such instance"},
		{"deliveries shop", 0, "replay", ""},
		{"events daemon", 0, "daemon.started", ""},
		{"deliveries shop", 0, "replay r1, ", ""},
		{"endpoint skip crm --replay r9", 1, "", "no such replay is under way"},
		{"endpoint skip crm --replay r1", 0, "event 2 of shop given up for crm", ""},
		{"replay stop shop r9", 1, "", "shop: no such replay is under way"},
		{"replay stop shop r1 --endpoint /all", 1, "", "no such replay"},
		{"replay stop shop r1", 0, "replay r1 of shop to shop/crm stopped at event 2 of 4", ""},
		{"replay stop shop --endpoint /all", 0, "of shop to /all stopped", ""},
		{"replay stop shop --json", 0, `"replay": "r2"`, ""},
		{"replay stop shop", 1, "", "no such replay"},
		{"replay stop", 2, "", ""},
		{"deadletters delete", 2, "", "NAME or --endpoint is missing"},
		{"deadletters delete nobody", 1, "", "no such instance"},
		{"deadletters delete shop --endpoint crm --from 2 --to 9", 0, "1 dead letter deleted", ""},
		{"deadletters delete shop --endpoint crm --from 2 --to 10", 0, "1 dead letter deleted", ""},
		{"deadletters delete --endpoint /all --json", 0, `"deleted": 1`, ""},
		{"deadletters shop", 0, "shop/crm  shop      1 ", ""},
		{"deadletters delete shop", 0, "1 dead letter deleted", ""},
	})
	if _, errs, code := r.run(t, "replay", "shop", "--from", "2026-01-02 03:04:05"); code != 0 {
		t.Errorf("local time: %s", errs)
	}
	for _, args := range []string{"deliveries", "deliveries shop", "deadletters", "deadletters shop", "endpoint list", "endpoint show crm", "endpoint test crm"} {
		out, errs, code := r.run(t, append(strings.Fields(args), "--json")...)
		if code != 0 || !json.Valid([]byte(out)) {
			t.Errorf("%s: exit %d, %s%s", args, code, out, errs)
		}
	}
}

// Many dead letters are all shown, once, though an answer holds no more than a
// thousand.
func TestManyDeadLetters(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{{"endpoint add shop/crm " + hook, 0, "", ""}})
	for range 1001 {
		r.Fire("shop", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
		r.posts.GiveUp("e1", "i1", "the horizon of 72h0m0s has passed")
	}
	var all []struct{ From, To int }
	out, _, _ := r.run(t, "deadletters", "--json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1001 || all[1000].From != 2001 || all[1000].To != 2002 {
		t.Errorf("%d, %v", len(all), err)
	}
}

// Tables stay readable on a usual terminal.
func TestTablesAreNotTooWide(t *testing.T) {
	r := newRig(t)
	r.play(t, []line{{"endpoint add shop/crm-of-the-shop " + hook, 0, "", ""}})
	for range 500 {
		r.Fire("shop", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	r.posts.Break("e1", "i1", 5, 500, strings.Repeat("x", 1000))
	tables := func() {
		for _, args := range []string{"endpoint list", "deliveries", "deliveries shop", "deadletters"} {
			out, _, _ := r.run(t, strings.Fields(args)...)
			for l := range strings.SplitSeq(out, "\n") {
				if n := utf8.RuneCountInString(l); n > 125 {
					t.Errorf("%s: %d characters: %s", args, n, l)
				}
			}
		}
	}
	tables()
	r.posts.GiveUp("e1", "i1", strings.Repeat("a long reason ", 20))
	tables()
}

// Every command about endpoints says how it is used by an example.
func TestHelpOfEndpointsHasExamples(t *testing.T) {
	r := newRig(t)
	for _, args := range []string{
		"endpoint add", "endpoint list", "endpoint show", "endpoint set", "endpoint remove", "endpoint pause", "endpoint resume",
		"endpoint retry", "endpoint test", "endpoint skip", "endpoint rotate-secret", "deliveries", "deadletters", "replay",
	} {
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
}
