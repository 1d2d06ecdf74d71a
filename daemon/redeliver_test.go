package daemon_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// impatient tries again soon and gives up soon.
func impatient(c *configs.Config) {
	c.Webhook.Schedule = []time.Duration{20 * time.Millisecond}
	c.Webhook.Horizon = 300 * time.Millisecond
}

// persistent tries again soon and never gives up.
func persistent(c *configs.Config) { c.Webhook.Schedule = []time.Duration{20 * time.Millisecond} }

// TestBreakerIsTold: an endpoint that fails again and again is told of on the
// daemon's stream and on NATS, to others but not to itself, and so is its
// recovery.
func TestBreakerIsTold(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), persistent)
	ep := d.endpoint(api.EndpointSpec{Name: "erp", EndpointChange: at(s.url("erp"))})
	d.endpoint(api.EndpointSpec{Name: "watch", EndpointChange: api.EndpointChange{
		URL: new(s.url("watch")), Kinds: &[]string{"endpoint.*"},
	}})
	s.answering("erp", 500)
	shop := d.pair("shop", "")
	failing := d.told(record.EndpointFailing, ep.ID, 0)
	d.untilEndpoint("erp", "failing", func(e api.Endpoint) bool { return e.State == "failing" })
	got, err := d.admin.Endpoint(t.Context(), "erp")
	if err != nil || got.Fails < 5 || got.Reason == "" || got.Since.IsZero() || len(got.Failures) == 0 || got.Failures[0].Answer != "not now" {
		t.Errorf("while it fails: %+v, %v", got.Health, err)
	}
	if lanes, err := d.admin.Deliveries(t.Context(), "shop"); err != nil || len(lanes) != 2 || !slices.ContainsFunc(lanes, func(l api.Lane) bool {
		return l.Name == "erp" && l.State == "failing" && l.Pending > 0
	}) {
		t.Errorf("the lanes are %+v, %v", lanes, err)
	}
	s.answering("erp", 0)
	recovered := d.told(record.EndpointRecovered, ep.ID, failing.Seq)
	last := d.find("shop").Seq
	s.awaitSeq("erp", shop.ID, last)
	if seqs, _ := s.checkChain("erp", shop.ID, 0); uint64(len(seqs)) != last {
		t.Errorf("after its recovery it has %v of %d", seqs, last)
	}
	s.awaitSeq("watch", record.DaemonStream, recovered.Seq)
	var kinds []record.Kind
	for _, got := range s.of("watch", record.DaemonStream) {
		kinds = append(kinds, got.kinds...)
	}
	if !slices.Contains(kinds, record.EndpointFailing) || !slices.Contains(kinds, record.EndpointRecovered) {
		t.Errorf("another endpoint was told %v", kinds)
	}
	for _, got := range s.of("erp", record.DaemonStream) {
		if strings.HasPrefix(string(got.kinds[0]), "endpoint.") && strings.Contains(string(got.body), ep.ID) {
			t.Errorf("it was told of itself: %s", got.body)
		}
	}
	if subjects := d.subjects(recovered.Seq); !slices.Contains(subjects, record.SubjectPrefix+"daemon.endpoint.failing") ||
		!slices.Contains(subjects, record.SubjectPrefix+"daemon.endpoint.recovered") {
		t.Errorf("NATS has %v", subjects)
	}
}

// untilEndpoint waits until an endpoint is as wanted.
func (d door) untilEndpoint(ref, what string, ok func(api.Endpoint) bool) {
	d.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		e, err := d.admin.Endpoint(d.t.Context(), ref)
		if err != nil {
			d.t.Fatal(err)
		}
		if ok(e) {
			return
		}
	}
	d.t.Fatalf("%s does not get %s", ref, what)
}

// subjects reads the daemon's events from NATS up to a seq.
func (d door) subjects(last uint64) (out []string) {
	d.t.Helper()
	info, err := d.admin.NATS(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	nc, err := natsgo.Connect(info.URL, natsgo.UserInfo(info.User, info.Password))
	if err != nil {
		d.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		d.t.Fatal(err)
	}
	cons, err := js.OrderedConsumer(d.t.Context(), "SWITCHHOOK", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{record.SubjectPrefix + record.DaemonStream + ".>"},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	for range last {
		m, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			d.t.Fatal(err)
		}
		out = append(out, m.Subject())
	}
	return out
}

// TestDeadLettersAndReplay: what outlives the horizon is given up, told and
// kept; a replay delivers it, with the same ids and seqs, freshly signed, beside
// the live events, and takes the dead letters away.
func TestDeadLettersAndReplay(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, impatient)
	shop := d.pair("shop", "")
	ep := d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))})
	first := d.find("shop").Seq
	s.answering("erp", 500)
	d.cycle()
	last := d.find("shop").Seq
	gaveUp := d.told(record.EndpointGaveUp, ep.ID, 0)
	if !strings.Contains(string(gaveUp.Raw), shop.ID) {
		t.Errorf("it is told as %s", gaveUp.Raw)
	}
	var dead []api.PlacedLetter
	var err error
	d.eventually("the last dead letter", func() bool {
		dead, err = d.admin.DeadLetters(t.Context(), client.DeadLook{Instance: "shop"})
		return err != nil || len(dead) > 0 && dead[len(dead)-1].To == last
	})
	if err != nil || len(dead) == 0 || dead[0].From != first+1 || dead[len(dead)-1].To != last || dead[0].Name != "erp" ||
		dead[0].StreamName != "shop" || dead[0].Kind == "" || dead[0].Last == nil || dead[0].Last.Status != 500 || dead[0].Last.Answer != "not now" {
		t.Fatalf("the dead letters of %d to %d are %+v, %v", first+1, last, dead, err)
	}
	s.answering("erp", 0)
	d.cycle()
	live := d.find("shop").Seq
	s.awaitSeq("erp", shop.ID, live)
	original := s.of("erp", shop.ID)

	lanes, err := d.admin.Replay(t.Context(), "shop", api.ReplaySpec{From: first + 1, To: live, Endpoint: "shop/erp"})
	if err != nil || len(lanes) != 1 || lanes[0].Replay == "" || lanes[0].Until != live {
		t.Fatalf("replay: %+v, %v", lanes, err)
	}
	want := int(live-first) + len(original)
	s.await("the replay", func() bool { return len(s.got["erp"]) >= want })
	again := s.of("erp", shop.ID)[len(original):]
	for n, got := range again {
		if seq := first + 1 + uint64(n); got.seq != seq || got.prev != seq-1 || got.id != shop.ID+"/1/"+strconv.FormatUint(seq, 10) || !got.verifies(t, ep.Secrets[0].Secret) {
			t.Errorf("the replay's request %d is %s, seq %d, prev %d", n, got.id, got.seq, got.prev)
		}
	}
	for _, old := range original {
		for _, got := range again {
			if got.id == old.id && string(got.body) != string(old.body) {
				t.Errorf("%s was %s and is %s", got.id, old.body, got.body)
			}
		}
	}
	d.eventually("its end", func() bool {
		lanes, err := d.admin.Deliveries(t.Context(), "shop")
		dead, err2 := d.admin.DeadLetters(t.Context(), client.DeadLook{})
		return err == nil && err2 == nil && len(lanes) == 1 && len(dead) == 0
	})
	for _, c := range []struct {
		spec api.ReplaySpec
		want string
	}{
		{api.ReplaySpec{}, "from"},
		{api.ReplaySpec{From: live + 1}, "from"},
		{api.ReplaySpec{From: 3, To: 2}, "to"},
		{api.ReplaySpec{From: 3, Endpoint: "shop/nobody"}, "no such endpoint"},
	} {
		if _, err := d.admin.Replay(t.Context(), "shop", c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.spec, err)
		}
	}
}

// TestReplayByTime takes everything between two moments, these included.
func TestReplayByTime(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), nil)
	shop := d.pair("shop", s.url("webhook"))
	d.endpoint(api.EndpointSpec{Name: "late", EndpointChange: at(s.url("late"))})
	events := d.events("shop", 0)
	if _, err := d.admin.Replay(t.Context(), "shop", api.ReplaySpec{FromTime: events[1].Time, ToTime: events[3].Time, Endpoint: "late"}); err != nil {
		t.Fatal(err)
	}
	s.awaitSeq("late", shop.ID, events[3].Seq)
	var got []uint64
	for _, r := range s.of("late", shop.ID) {
		got = append(got, r.seq)
	}
	if !slices.Equal(got, []uint64{events[1].Seq, events[2].Seq, events[3].Seq}) {
		t.Errorf("it got %v of %v", got, events[:5])
	}
}

// eventually waits until ok.
func (d door) eventually(what string, ok func() bool) {
	d.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if ok() {
			return
		}
	}
	d.t.Fatalf("%s does not come", what)
}

// TestReplaySurvivesRestart: a replay that is stuck delays no live event, and
// survives a restart.
func TestReplaySurvivesRestart(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, persistent)
	shop := d.pair("shop", "")
	d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))})
	first := d.find("shop").Seq
	// What was committed before the endpoint was is refused, so that the replay is stuck.
	s.deciding("erp", func(d delivery) int {
		if d.seq <= first {
			return 503
		}
		return 0
	})
	if _, err := d.admin.Replay(t.Context(), "shop", api.ReplaySpec{From: 2, Endpoint: "erp"}); err != nil {
		t.Fatal(err)
	}
	d.untilEndpoint("erp", "the replay's failure", func(e api.Endpoint) bool { return len(e.Failures) > 0 })
	d.cycle()
	s.awaitSeq("erp", shop.ID, d.find("shop").Seq)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	s.answering("erp", 0)
	d = runDaemon(t, dir, persistent)
	s.await("the replayed events", func() bool {
		seen := make(map[uint64]bool)
		for _, d := range s.got["erp"] {
			seen[d.seq] = true
		}
		for seq := uint64(2); seq <= first; seq++ {
			if !seen[seq] {
				return false
			}
		}
		return !seen[1]
	})
	d.eventually("its end", func() bool {
		lanes, err := d.admin.Deliveries(t.Context(), "shop")
		return err == nil && len(lanes) == 1
	})
}

// TestSkip gives up the event that a lane is stuck with, and only that.
func TestSkip(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), persistent)
	d.addTenant("acme")
	d.endpoint(api.EndpointSpec{Name: "log", Tenant: "acme", EndpointChange: at(s.url("log"))})
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	id := d.find("shop").ID
	s.deciding("log", func(d delivery) int {
		if d.seq == 3 {
			return 400
		}
		return 0
	})
	d.scan("shop")
	d.untilEndpoint("@acme/log", "a failure", func(e api.Endpoint) bool { return len(e.Failures) > 0 })
	if _, err := d.admin.SkipEvent(t.Context(), "@acme/log", "", ""); err == nil || !strings.Contains(err.Error(), "instance") {
		t.Errorf("without a stream: %v", err)
	}
	dead, err := d.admin.SkipEvent(t.Context(), "@acme/log", "shop", "")
	if err != nil || dead.From != 3 || dead.To != 3 || dead.Stream != id || dead.Last == nil || dead.Last.Status != 400 {
		t.Fatalf("skipped: %+v, %v", dead, err)
	}
	last := d.find("shop").Seq
	s.awaitSeq("log", id, last)
	var got []uint64
	for _, r := range s.of("log", id) {
		got = append(got, r.seq)
	}
	if slices.Contains(got, 3) || uint64(len(got)) != last-1 {
		t.Errorf("it got %v", got)
	}
	d.eventually("the last acknowledgement", func() bool {
		_, err := d.admin.SkipEvent(t.Context(), "@acme/log", "shop", "")
		return errors.Is(err, api.ErrNothingPending)
	})
}

// TestSkipInReplay gives up the event that a replay is stuck with, and no live one.
func TestSkipInReplay(t *testing.T) {
	s := newSink(t)
	d := runDaemon(t, shortDir(t), persistent)
	shop := d.pair("shop", "")
	d.endpoint(api.EndpointSpec{Name: "erp", Instance: "shop", EndpointChange: at(s.url("erp"))})
	last := d.find("shop").Seq
	s.deciding("erp", func(d delivery) int {
		if d.seq == 3 {
			return 400
		}
		return 0
	})
	replays, err := d.admin.Replay(t.Context(), "shop", api.ReplaySpec{From: 2, Endpoint: "erp"})
	if err != nil || len(replays) != 1 {
		t.Fatalf("%+v, %v", replays, err)
	}
	d.untilEndpoint("erp", "the replay's failure", func(e api.Endpoint) bool { return len(e.Failures) > 0 })
	for replay, want := range map[string]error{"": api.ErrNothingPending, "nobody": api.ErrNoReplay} {
		if _, err := d.admin.SkipEvent(t.Context(), "erp", "", replay); !errors.Is(err, want) {
			t.Errorf("of the replay %q: %v", replay, err)
		}
	}
	dead, err := d.admin.SkipEvent(t.Context(), "erp", "", replays[0].Replay)
	if err != nil || dead.From != 3 || dead.To != 3 || dead.Stream != shop.ID || dead.Last == nil || dead.Last.Status != 400 {
		t.Fatalf("skipped: %+v, %v", dead, err)
	}
	s.awaitSeq("erp", shop.ID, last)
	for _, r := range s.of("erp", shop.ID) {
		if r.seq == 3 {
			t.Error("it took what it has refused")
		}
	}
}

// TestEndpointsSurviveRestart: settings, cursors and pauses do.
func TestEndpointsSurviveRestart(t *testing.T) {
	s := newSink(t)
	dir := shortDir(t)
	d := runDaemon(t, dir, func(c *configs.Config) {
		persistent(c)
		c.Connection.StopTimeout = time.Minute // a fifth of it for deliveries
	})
	shop := d.pair("shop", "")
	for name, spec := range map[string]api.EndpointSpec{
		"own": {Instance: "shop"}, "all": {}, "paused": {Instance: "shop"}, "down": {},
	} {
		spec.Name, spec.EndpointChange = name, at(s.url(name))
		d.endpoint(spec)
	}
	from := d.find("shop").Seq
	s.answering("down", 502)
	if _, err := d.admin.PauseEndpoint(t.Context(), "paused", ""); err != nil {
		t.Fatal(err)
	}
	d.cycle()
	s.awaitSeq("own", shop.ID, d.find("shop").Seq)
	began := time.Now()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop waited %s for a receiver that is out of reach", took)
	}
	s.answering("down", 0)
	d = runDaemon(t, dir, persistent)
	d.reach("shop", fsm.Authenticated)
	if e, err := d.admin.Endpoint(t.Context(), "paused"); err != nil || e.State != "paused" {
		t.Errorf("after the restart: %+v, %v", e, err)
	}
	if _, err := d.admin.ResumeEndpoint(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	last := d.find("shop").Seq
	for _, name := range []string{"own", "all", "paused", "down"} {
		s.awaitSeq(name, shop.ID, last)
		if seqs, n := s.checkChain(name, shop.ID, from); uint64(len(seqs)) != last-from || n != 0 {
			t.Errorf("%s got %v, want %d to %d; %d repeated", name, seqs, from+1, last, n)
		}
	}
}
