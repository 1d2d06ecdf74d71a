package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// TestKillLosesNothing kills the real daemon with SIGKILL at random points of
// its work, again and again, with the sandbox in a process of its own. At the end
// everything that was committed has reached NATS, the webhooks and the endpoints
// of an instance, of a tenant and of the daemon, in order, and each kill has
// repeated two requests of a lane at most; and after each kill every paired
// instance has come back to 10 without a QR code.
//
// SWITCHHOOK_TEST_KILLS sets how often (20), SWITCHHOOK_TEST_SEED repeats a run.
func TestKillLosesNothing(t *testing.T) {
	kills := envInt(t, "SWITCHHOOK_TEST_KILLS", 20)
	seed := envInt(t, "SWITCHHOOK_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("SWITCHHOOK_TEST_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 1))

	f := newCrashRig(t)
	f.rcv = newReceiver(t)
	f.sink = newSink(t)
	names := []string{"ada", "ben", "cleo", "dov"}
	f.boot()
	f.addTenant("acme")
	f.addTenant("other")
	for n, name := range names {
		e, err := f.admin.Add(t.Context(), api.AddSpec{Name: name, Webhook: f.rcv.url(name), Tenant: []string{"acme", "other"}[n/2]})
		if err != nil {
			t.Fatal(err)
		}
		f.rcv.trust(name, e.WebhookSecret)
	}
	f.endpoints()
	for _, name := range names {
		f.scan(name)
		f.codes[name] = f.shown(name)
	}
	for n := range kills {
		load := f.load(names, rng.Uint64())
		goal := f.rcv.total() + 1 + rng.IntN(25)
		f.rcv.await(fmt.Sprintf("event %d before kill %d", goal, n+1), func() bool { return f.rcv.count >= goal })
		f.daemon.kill()
		f.sink.killed()
		load()
		f.boot()
		for _, name := range names {
			f.comesBack(name)
		}
	}
	f.finish(names, kills)
}

func envInt(t *testing.T, name string, def int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// crashRig is a daemon, a sandbox and a receiver that can be killed one by one.
type crashRig struct {
	door
	dir    string
	config string
	air    string    // the sandbox's address
	rcv    *receiver // nil without webhooks
	sink   *sink     // nil without further endpoints
	served []served  // what leads to the sink
	daemon *process
	codes  map[string]int // QR codes shown while pairing, by instance
}

func newCrashRig(t *testing.T) *crashRig {
	f := &crashRig{door: door{t: t}, dir: shortDir(t), air: freePort(t), codes: make(map[string]int)}
	start(t, f.air, "sandbox", "serve", "--listen", f.air, "--data", filepath.Join(f.dir, "air"))
	f.config = filepath.Join(f.dir, "switchhook.yaml")
	text := fmt.Sprintf("network: sandbox\nlisten: 127.0.0.1:0\nsandbox:\n  url: http://%s\nconnection:\n  retry_min: 50ms\n  dials_per_second: 500\n", f.air)
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// listen has the daemon listen at an address, after each start the same.
func (f *crashRig) listen(address string) {
	f.t.Helper()
	text, err := os.ReadFile(f.config)
	if err == nil {
		err = os.WriteFile(f.config, []byte(strings.Replace(string(text), "listen: 127.0.0.1:0", "listen: "+address, 1)), 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// boot starts the daemon and connects to it.
func (f *crashRig) boot() {
	f.t.Helper()
	f.daemon = start(f.t, "msg=ready", "serve", "--config", f.config, "--data", f.dir)
	f.door = knock(f.t, f.dir)
}

// served is one stream on its way to the sink.
type served struct {
	path, instance string
	after          uint64
	carries        func(client.Event) bool
}

// serve adds an endpoint that leads to the sink. carries chooses what of each
// stream is meant for it.
func (f *crashRig) serve(name string, spec api.EndpointSpec, carries func(client.Event) bool, instances ...string) (id string) {
	f.t.Helper()
	spec.Name, spec.URL = name, new(f.sink.url(name))
	for _, in := range instances {
		f.served = append(f.served, served{name, in, uint64(len(f.events(in, 0))), carries})
	}
	return f.endpoint(spec).ID
}

func everything(client.Event) bool { return true }

// endpoints adds one of each kind.
func (f *crashRig) endpoints() {
	f.t.Helper()
	gather := &api.Bulk{Most: 5, Wait: api.Span(10 * time.Millisecond)}
	f.serve("own", api.EndpointSpec{Instance: "ada"}, everything, "ada")
	f.serve("bulk", api.EndpointSpec{Instance: "ada", EndpointChange: api.EndpointChange{Bulk: gather}}, everything, "ada")
	f.serve("witi", api.EndpointSpec{Instance: "ben", EndpointChange: api.EndpointChange{
		Bulk: gather, Format: new("witi"), Version: new("1.1"),
	}}, func(e client.Event) bool { return e.Type == record.ConnectionChanged || e.Type == record.QRIssued }, "ben")
	f.serve("acme", api.EndpointSpec{Tenant: "acme"}, everything, "ada", "ben")
	var audit string
	notIts := func(e client.Event) bool { return !strings.Contains(string(e.Raw), audit) }
	audit = f.serve("audit", api.EndpointSpec{EndpointChange: api.EndpointChange{Format: new("cloudevents")}}, notIts,
		record.DaemonStream, "ada", "ben", "cleo", "dov")
}

// finishSink compares the log with what the sink got.
func (f *crashRig) finishSink() {
	f.t.Helper()
	for _, s := range f.served {
		var want []uint64
		var stream string
		for _, e := range f.events(s.instance, s.after) {
			if s.carries(e) {
				want, stream = append(want, e.Seq), e.Stream
			}
		}
		last := want[len(want)-1]
		f.sink.awaitSeq(s.path, stream, last)
		got, repeated := f.sink.checkChain(s.path, stream, s.after)
		got = slices.DeleteFunc(got, func(seq uint64) bool { return seq > last }) // committed meanwhile
		if !slices.Equal(got, want) {
			f.t.Errorf("%s got of %s %v\nwant %v", s.path, s.instance, got, want)
		}
		f.t.Logf("%s: %d events of %s, %d requests repeated", s.path, len(got), s.instance, repeated)
	}
}

// load lets every instance be closed, restored and dropped at random until the
// daemon does not answer any more. What it returns waits for that.
func (f *crashRig) load(names []string, seed uint64) (wait func()) {
	var wg sync.WaitGroup
	for n, name := range names {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		admin := knock(f.t, f.dir).admin
		wg.Go(func() {
			defer admin.CloseIdle()
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			for {
				var err error
				switch rng.IntN(4) {
				case 0:
					_, err = admin.Close(ctx, name)
				case 1:
					_, err = admin.Fault(ctx, name, "drop", false)
				default:
					_, err = admin.Restore(ctx, name)
				}
				if _, err := admin.System(ctx); err != nil {
					return // killed
				}
				_ = err // commands may be refused: the state decides
			}
		})
	}
	return wg.Wait
}

// comesBack proves that a paired instance is usable after a restart without
// anybody scanning: by itself, or restored if an operator had closed it.
func (f *crashRig) comesBack(name string) {
	f.t.Helper()
	e := f.find(name)
	if e.State == fsm.NoConnection {
		if !e.CanRestore {
			f.t.Fatalf("%s lost its session", name)
		}
		if _, err := f.admin.Restore(context.Background(), name); err != nil {
			f.t.Fatalf("restore %s: %v\n%s", name, err, f.daemon.output())
		}
	}
	f.reach(name, fsm.Authenticated)
}

func (r *receiver) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// shown counts the QR codes in an instance's log.
func (f *crashRig) shown(name string) int {
	f.t.Helper()
	n := 0
	for _, e := range f.events(name, 0) {
		if e.Type == record.QRIssued {
			n++
		}
	}
	return n
}

// finish compares the log with what the receiver and NATS got.
func (f *crashRig) finish(names []string, kills int) {
	f.t.Helper()
	published := f.published()
	total := 0
	for _, name := range names {
		events := f.settled(name)
		total += len(events)
		from := fsm.NoConnection
		for i, e := range events {
			if e.Seq != uint64(i+1) {
				f.t.Fatalf("%s: event %d of the log has seq %d", name, i+1, e.Seq)
			}
			if tr := e.Data.Transition; tr != nil {
				if tr.From != from {
					f.t.Errorf("%s: the log goes to %d and on from %d", name, from, tr.From)
				}
				from = tr.To
			}
		}
		if n := f.shown(name); n != f.codes[name] {
			f.t.Errorf("%s: %d QR codes were shown, %d while pairing", name, n, f.codes[name])
		}
		last := events[len(events)-1]
		repeated := f.rcv.checkOrder(name, last.Seq)
		if repeated > 2*kills {
			f.t.Errorf("%s: %d PostBacks were repeated in %d kills", name, repeated, kills)
		}
		seqs := published(last.Stream, last.Seq)
		for i, seq := range seqs {
			if seq != uint64(i+1) {
				f.t.Fatalf("%s: message %d on NATS is event %d", name, i+1, seq)
			}
		}
		f.t.Logf("%s: %d events, %d PostBacks repeated", name, len(events), repeated)
	}
	if f.sink != nil {
		f.finishSink()
	}
	f.t.Logf("%d kills, %d events", kills, total)
	if code := f.daemon.interrupt(); code != 0 {
		f.t.Errorf("the daemon stopped with status %d\n%s", code, f.daemon.output())
	}
}

// settled reads an instance's log once the receiver has all of it, and nothing that is
// younger: on a slow machine a connection may break while it is read.
func (f *crashRig) settled(name string) []client.Event {
	f.t.Helper()
	for {
		events := f.events(name, 0)
		last := events[len(events)-1].Seq
		f.rcv.awaitSeq(name, last)
		if f.rcv.newest(name) == last {
			return events
		}
	}
}

// published connects with the credentials that may subscribe only; what it
// returns reads an instance's seqs from the stream.
func (f *crashRig) published() func(stream string, last uint64) []uint64 {
	f.t.Helper()
	info, err := f.admin.NATS(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	nc, err := natsgo.Connect(info.URL, natsgo.UserInfo(info.User, info.Password))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		f.t.Fatal(err)
	}
	return func(stream string, last uint64) []uint64 { return publishedSeqs(f.t, js, stream, last) }
}

// publishedSeqs reads the JetStream stream until an instance's event has come,
// and answers every seq of that instance, in order.
func publishedSeqs(t testing.TB, js jetstream.JetStream, instance string, last uint64) (seqs []uint64) {
	t.Helper()
	cons, err := js.OrderedConsumer(t.Context(), "SWITCHHOOK", jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{record.SubjectPrefix + instance + ".>"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n == 0 || seqs[n-1] < last; n = len(seqs) {
		m, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatalf("NATS has %d events of %s, the log %d: %v", n, instance, last, err)
		}
		var e client.Event
		if err := json.Unmarshal(m.Data(), &e); err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, e.Seq)
	}
	return seqs
}
