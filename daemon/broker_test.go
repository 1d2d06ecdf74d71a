package daemon_test

import (
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
)

// brokerEnv makes the test binary a nats-server: the address to listen on, and
// its store in the argument.
const brokerEnv = "SWITCHHOOK_TEST_BROKER"

func TestMain(m *testing.M) {
	if addr := os.Getenv(brokerEnv); addr != "" {
		serveBroker(addr, os.Args[1])
		return
	}
	code := m.Run()
	removeBinary()
	os.Exit(code)
}

func serveBroker(addr, dir string) {
	u, err := url.Parse("nats://" + addr)
	if err != nil {
		panic(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{Host: u.Hostname(), Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		panic("not ready")
	}
	_, _ = io.WriteString(os.Stdout, "broker ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test goes away
}

// startBroker runs an external nats-server process and returns what kills it.
func startBroker(t *testing.T, addr, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), brokerEnv+"="+addr)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("broker ready"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatalf("the broker does not start: %v", err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	}
	t.Cleanup(kill)
	return kill
}

// TestBrokerStopsAndStarts: an external broker that is away delays what goes to
// it and nothing else; when it is back, everything is there once and in order.
func TestBrokerStopsAndStarts(t *testing.T) {
	addr, dir := freePort(t), t.TempDir()
	kill := startBroker(t, addr, dir)
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.NATS.URL = "nats://" + addr })
	d.pair("shop", rcv.url("shop"))
	for range 3 {
		kill()
		if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.admin.Restore(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		rcv.awaitSeq("shop", d.find("shop").Seq) // the webhook does not wait for the broker
		kill = startBroker(t, addr, dir)
		d.reach("shop", fsm.Authenticated)
	}
	events := d.events("shop", 0)
	nc, err := natsgo.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	seqs := publishedSeqs(t, js, events[len(events)-1].Stream, events[len(events)-1].Seq)
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("message %d is event %d", i+1, seq)
		}
	}
}
