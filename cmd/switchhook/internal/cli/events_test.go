package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

func TestEventsArePrintedForPeople(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.Fire("shop", fsm.CauseStreamReplaced, fsm.ConnectionLost)
	r.play(t, []line{
		{"events shop", 0, "0 → 1 webSocketOpenining (operator)", ""},
		{"events shop", 0, "new code, valid 20 s", ""},
		{"events i1", 0, "10 → 11 WhatsAppAuthenticatedConnectionClosed (stream_replaced): Another client took over", ""},
		{"events nobody", 1, "", "no such instance"},
	})
	if out, _, _ := r.run(t, "events", "shop", "--after", "6"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "     7  ") {
		t.Errorf("%s", out)
	}
}

func TestEventsOfTheDaemonSayWhatTheyAreAbout(t *testing.T) {
	r := newRig(t)
	for kind, want := range map[record.Kind]string{
		record.DaemonStarted:    "daemon.started\n",
		record.InstanceCreated:  "instance.created shop\n",
		record.EndpointCreated:  "endpoint.created erp (e7m2x5k9qa) of shop\n",
		record.EndpointFailing:  "endpoint.failing erp (e7m2x5k9qa) of shop: post to https://erp.example: status 503\n",
		record.EndpointGaveUp:   "endpoint.gave_up erp (e7m2x5k9qa), events 8 to 21 of shop: undelivered: post to https://erp.example: status 503\n",
		record.InstanceExported: "instance.exported shop\n",
	} {
		r.TellOf(recordtest.Of(kind)[0].Event)
		out, errs, _ := r.run(t, "events", "daemon")
		if !strings.HasSuffix(out, "  "+want) {
			t.Errorf("%s: %s%s", kind, out, errs)
		}
	}
}

// Events of a tenant, and about one. A number is masked as everywhere.
func TestEventsOfTenants(t *testing.T) {
	r := newRig(t)
	for kind, want := range map[record.Kind]string{
		record.TenantCreated: "tenant.created acme (tk3f9m2x7qa)\n",
		record.TenantChanged: "tenant.changed acme (tk3f9m2x7qa): key_rotated SHK4T2M7QX9W3F6B8N1C5V\n",
		record.TenantDeleted: "tenant.deleted acme (tk3f9m2x7qa)\n",
		record.QRDLCreated:   "qrdl.created D9II3TESTD9II3 of …0001, revision 1\n",
		record.QRDLScanned:   "qrdl.scanned D9II3TESTD9II3 of …0001, revision 1: 3 more, scanned 17 times, 17 in all\n",
		record.QRDLUpdated:   "qrdl.updated D9II3TESTD9II3 of …0001, revision 2, scanned 0 times, 17 in all\n",
		record.QRDLDeleted:   "qrdl.deleted D9II3TESTD9II3 of …0001, revision 2, scanned 5 times, 22 in all\n",
	} {
		r.TellOf(recordtest.Of(kind)[0].Event)
		out, errs, _ := r.run(t, "events", "daemon")
		if !strings.HasSuffix(out, "  "+want) {
			t.Errorf("%s: %s%s", kind, out, errs)
		}
	}
}

// Events of an account name fields, and never what they say.
func TestEventsOfAccounts(t *testing.T) {
	r := newRig(t)
	for kind, want := range map[record.Kind][]string{
		record.ProfileUpdated: {"profile.updated shop of @acme by administrator: Tag_Profile_IM_Nick, Tag_Profile_IM_Image, Tag_Profile_IM_Level\n"},
		record.ProfileApplied: {
			"profile.applied shop of @acme: Tag_Profile_IM_Nick applied\n",
			"profile.applied shop of @acme: Tag_Profile_IM_Image refused: the address of the picture answers 404\n",
		},
	} {
		for i, s := range recordtest.Of(kind) {
			r.TellOf(s.Event)
			out, errs, _ := r.run(t, "events", "daemon")
			if !strings.HasSuffix(out, "  "+want[i]) || strings.Contains(out, "The Shop") || strings.Contains(out, "logo.jpg") {
				t.Errorf("%s: %s%s", kind, out, errs)
			}
		}
	}
}

func TestEventsSayWhatWasPruned(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.Prune("i1", 4)
	out, _, _ := r.run(t, "events", "shop", "--after", "1")
	if !strings.HasPrefix(out, "     2  to 4: not in the log any more\n     5  ") || strings.Count(out, "any more") != 1 {
		t.Errorf("%s", out)
	}
	if out, _, _ := r.run(t, "events", "shop", "--json"); !json.Valid([]byte(out)) {
		t.Errorf("%s", out)
	}
}

// More events than one answer holds are all printed, once.
func TestLongHistory(t *testing.T) {
	r := newRig(t)
	for range 510 {
		r.Fire("shop", fsm.CauseOperator, fsm.GenerateRequested, fsm.Closed)
	}
	out, _, _ := r.run(t, "events", "shop")
	if n := strings.Count(out, "\n"); n != 1020 {
		t.Errorf("%d lines", n)
	}
	var all []struct{ Seq int }
	out, _, _ = r.run(t, "events", "shop", "--json", "--after", "100")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 920 || all[0].Seq != 101 || all[919].Seq != 1020 {
		t.Errorf("%d events, %v", len(all), err)
	}
}

func TestFollow(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "events", "shop", "--follow", "--json", "--after", "5")
	out.await(t, `"seq":6`, 1)
	r.Fire("shop", fsm.CauseNetwork, fsm.ConnectionLost)
	out.await(t, `"seq":7`, 1)
	if err := r.Delete(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	if code := wait(); code != 0 {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 || !strings.Contains(lines[2], "instance.deleted") {
		t.Errorf("%s", out.String())
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %s", l)
		}
	}
}

func TestFollowEndsWellWhenInterrupted(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	var out, errs screen
	ctx, cancel := context.WithCancel(t.Context())
	wait := r.background(ctx, &out, &errs, "events", "shop", "--follow")
	out.await(t, "WhatsAppAuthenticated", 1)
	cancel()
	if code := wait(); code != 0 || errs.String() != "" {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
