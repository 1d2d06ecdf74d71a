package bus_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

// external is the configuration for a broker at url.
func external(t testing.TB, url string) bus.Config {
	return bus.Config{Dir: t.TempDir(), URL: url}
}

// The test binary starts itself as a nats-server when these are set.
const (
	brokerDirEnv  = "BUS_TEST_BROKER_DIR"
	brokerPortEnv = "BUS_TEST_BROKER_PORT"
	brokerNoJSEnv = "BUS_TEST_BROKER_NO_JS"
	brokerMaxEnv  = "BUS_TEST_BROKER_MAX_PAYLOAD"
	brokerUserEnv = "BUS_TEST_BROKER_USER" // and its password
)

// brokerMain serves until its standard input ends, so that it never outlives
// the test, and prints its address first.
func brokerMain() {
	port, _ := strconv.Atoi(os.Getenv(brokerPortEnv))
	limit, _ := strconv.Atoi(os.Getenv(brokerMaxEnv))
	if port == 0 {
		port = server.RANDOM_PORT
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, MaxPayload: int32(limit),
		JetStream: os.Getenv(brokerNoJSEnv) == "", StoreDir: os.Getenv(brokerDirEnv),
		Username: os.Getenv(brokerUserEnv), Password: os.Getenv(brokerUserEnv),
	})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, srv.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// broker is a nats-server in a process of its own.
type broker struct {
	t    testing.TB
	dir  string
	env  []string
	addr string
	cmd  *exec.Cmd
}

func newBroker(t testing.TB, env ...string) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir(), env: env}
	t.Cleanup(b.kill)
	b.start()
	return b
}

func (b *broker) url() string { return "nats://" + b.addr }

// admin is a connection that may do everything.
func (b *broker) admin() jetstream.JetStream {
	b.t.Helper()
	js, err := jetstream.New(connect(b.t, b.url()))
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// start starts the process, on the port it had before if it had one.
func (b *broker) start() {
	b.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	_, port, _ := strings.Cut(b.addr, ":")
	b.cmd = exec.Command(exe)
	b.cmd.Env = append(os.Environ(), brokerDirEnv+"="+b.dir, brokerPortEnv+"="+port)
	b.cmd.Env = append(b.cmd.Env, b.env...)
	if _, err = b.cmd.StdinPipe(); err != nil { // stays open as long as we live
		b.t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.t.Fatalf("the broker does not start: %v", err)
	}
	b.addr = strings.TrimSpace(line)
}

// kill sends SIGKILL and waits for the end.
func (b *broker) kill() {
	if b.cmd != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
		b.cmd = nil
	}
}

// wipe empties the store of a broker that does not run.
func (b *broker) wipe() {
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Fatal(err)
	}
}

// proxy is a TCP connection that can go wrong.
type proxy struct {
	t      testing.TB
	l      net.Listener
	target string
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	deaf  bool // answers are swallowed, requests pass
	made  int  // connections so far
	most  int  // bytes of requests that pass without an answer; 0: any number
	ahead int  // bytes that have
	heard *sync.Cond
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, l: l, target: target, conns: map[net.Conn]struct{}{}}
	p.heard = sync.NewCond(&p.mu)
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) serve() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.DialTimeout("tcp", p.target, time.Second)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = struct{}{}, struct{}{}
		p.made++
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(out, in, false) })
		p.wg.Go(func() { p.pass(in, out, true) })
	}
}

func (p *proxy) pass(to, from net.Conn, answers bool) {
	defer func() {
		_, _ = to.Close(), from.Close()
		p.mu.Lock()
		delete(p.conns, from)
		p.heard.Broadcast()
		p.mu.Unlock()
	}()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		swallow := answers && p.deaf
		if answers {
			p.ahead = 0
			p.heard.Broadcast()
		} else {
			p.ahead += n
		}
		for _, open := p.conns[from]; open && !answers && p.most > 0 && p.ahead > p.most; _, open = p.conns[from] {
			p.heard.Wait()
		}
		p.mu.Unlock()
		if !swallow && n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deafen swallows what the broker answers from now on.
func (p *proxy) deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
}

// cut closes every connection; new ones work.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = false
	for c := range p.conns {
		_ = c.Close()
		delete(p.conns, c)
	}
	p.heard.Broadcast()
}

// hesitate lets no more than so many bytes of requests pass without an answer.
func (p *proxy) hesitate(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most, p.ahead = most, 0
}

// connections is how many were made.
func (p *proxy) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made
}
