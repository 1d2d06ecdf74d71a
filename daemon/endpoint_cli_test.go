package daemon_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
)

// TestEndpointCommands walks through the real command line against a daemon.
func TestEndpointCommands(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), persistent)
	do := func(want string, args ...string) {
		t.Helper()
		if out := must(t, append(args, "--data", d.dir)...); !strings.Contains(out, want) {
			t.Errorf("switchhook %s prints %q; want %q", strings.Join(args, " "), out, want)
		}
	}
	d.addTenant("acme")
	do("shop", "instance", "add", "shop", "--tenant", "acme")
	do("whsec_", "endpoint", "add", "shop/erp", s.url("erp"), "--kinds", "connection.*", "--states", "10,11")
	do("whsec_", "endpoint", "add", "@acme/log", s.url("log"), "--format", "cloudevents", "--bulk", "10", "--bulk-wait", "5ms")
	do("whsec_", "endpoint", "add", "/audit", s.url("audit"))
	d.scan("shop")
	id, last := d.find("shop").ID, d.find("shop").Seq
	for _, name := range []string{"erp", "log", "audit"} {
		s.awaitSeq(name, id, last)
	}
	do("@acme/log", "endpoint", "list")
	do("connection.*", "endpoint", "show", "shop/erp")
	do("", "endpoint", "set", "shop/erp", "--timeout", "3s")
	do("", "endpoint", "pause", "shop/erp", "--reason", "a pause")
	do("a pause", "endpoint", "show", "shop/erp")
	do("", "endpoint", "resume", "shop/erp")
	do("", "endpoint", "retry", "shop/erp")
	do("whsec_", "endpoint", "rotate-secret", "@acme/log", "--keep", "1h")
	do("200", "endpoint", "test", "/audit")
	do("erp", "deliveries", "shop")

	// The endpoint gets stuck with the next event, which is skipped and replayed.
	s.answering("erp", 400)
	do("", "instance", "close", "shop")
	do("", "instance", "restore", "shop")
	d.untilEndpoint("shop/erp", "a failure", func(e api.Endpoint) bool { return len(e.Failures) > 0 })
	do("", "endpoint", "skip", "shop/erp")
	s.answering("erp", 0)
	do("skipped", "deadletters", "shop")
	seq := strconv.FormatUint(d.find("shop").Seq, 10)
	do("", "replay", "shop", "--from", "1", "--to", seq, "--endpoint", "shop/erp")
	d.eventually("the end of the replay", func() bool {
		return !strings.Contains(must(t, "deadletters", "shop", "--data", d.dir), "skipped")
	})
	do("", "endpoint", "remove", "shop/erp")
	fails(t, "no such endpoint", "endpoint", "show", "shop/erp", "--data", d.dir)
}
