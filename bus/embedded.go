package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ErrPortTaken is returned by [Bus.Run] when another process listens on the
// configured port.
var ErrPortTaken = errors.New("the port is taken")

// embedded is a nats-server in this process.
type embedded struct {
	dir   string
	host  string
	port  int // 0: the one it had last, or any
	creds credentials
	log   *slog.Logger

	addr string // host:port it listens on, kept over restarts
	srv  *server.Server
	ill  error   // why it is to be started again
	rest respite // between two of those starts
}

const startTimeout = 30 * time.Second

func newEmbedded(cfg Config) (*embedded, error) {
	listen := cfg.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("nats.listen: %q is no port", text)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("nats.listen: %s is not a loopback address; to serve others, run a nats-server and set nats.url", host)
	}
	creds, err := openCredentials(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &embedded{dir: cfg.Dir, host: host, port: int(port), creds: creds, log: cfg.Log}, nil
}

// start returns when the server accepts connections and JetStream has recovered
// its store.
func (e *embedded) start() error {
	e.takeLastPort()
	if err := e.free(); err != nil {
		return err
	}
	if err := writable(e.dir); err != nil {
		return err
	}
	opts, err := e.serverOptions()
	if err != nil {
		return fmt.Errorf("start the nats server: %w", err)
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("start the nats server: %w", err)
	}
	bridge := &serverLog{log: e.log}
	srv.SetLoggerV2(bridge, bridge.debug(), false, false)
	srv.Start()
	if err := bridge.fatal(); err != nil {
		shut(srv)
		return fmt.Errorf("start the nats server: %w", err)
	}
	if !srv.ReadyForConnections(startTimeout) {
		shut(srv)
		return errors.New("start the nats server: not ready in time")
	}
	addr, ok := srv.Addr().(*net.TCPAddr)
	if !ok {
		shut(srv)
		return errors.New("start the nats server: no address")
	}
	e.srv = srv
	if e.addr == "" { // others read it from now on
		e.port, e.addr = addr.Port, net.JoinHostPort(e.host, strconv.Itoa(addr.Port))
	}
	e.keepPort()
	return nil
}

// takeLastPort asks for the port that the server had last, if any will do and
// nobody else has it: subscribers know that one.
func (e *embedded) takeLastPort() {
	if e.port != 0 || e.creds.Port == 0 {
		return
	}
	e.port = e.creds.Port
	if e.free() != nil {
		e.port = 0
	}
}

func (e *embedded) keepPort() {
	if e.creds.Port == e.port {
		return
	}
	e.creds.Port = e.port
	if err := e.creds.keep(e.dir); err != nil {
		e.log.Warn("nats port not kept; subscribers have to ask for it again after a restart", "err", err)
	}
}

// stop is harmless if the server does not run.
func (e *embedded) stop() {
	if e.srv != nil {
		shut(e.srv)
		e.srv = nil
	}
}

func shut(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// check says what the server will not get over by itself: it has lost JetStream, or the
// stream could not be written once, as on a full disk. Then it is not written again
// (nats-server 2.15.2), and what could not be written gets no answer.
func (e *embedded) check() error {
	h := e.srv.Healthz(&server.HealthzOptions{Account: daemonAccount, Stream: StreamName})
	if h.StatusCode == http.StatusOK || h.StatusCode == http.StatusNotFound { // a stream can be made again
		return nil
	}
	e.ill = fmt.Errorf("the embedded nats server: %s", h.Error)
	return e.ill
}

// heal starts the server again if that is what it needs. While its store cannot be written,
// or where that has helped nothing just before, it runs on, for those who read.
func (e *embedded) heal() error {
	if e.srv != nil {
		if e.ill == nil {
			return nil
		}
		if err := writable(e.dir); err != nil {
			return err
		}
		if !e.rest.over() {
			return e.ill
		}
	}
	e.stop()
	if err := e.start(); err != nil {
		return err
	}
	e.ill = nil
	e.rest.begin()
	e.log.Info("nats server started again", "addr", e.addr)
	return nil
}

// well is called when the server has stored something.
func (e *embedded) well() { e.rest = respite{} }

// respite is the time between two starts that have helped nothing: it doubles from a
// second to five minutes. The zero value is over.
type respite struct {
	wait  time.Duration
	until time.Time
}

func (r *respite) begin() {
	r.wait = min(max(time.Second, 2*r.wait), 5*time.Minute)
	r.until = time.Now().Add(r.wait)
}

func (r *respite) over() bool { return !time.Now().Before(r.until) }

// options are those of the daemon's own connection, which uses no socket.
func (e *embedded) options() []nats.Option {
	return []nats.Option{nats.UserInfo(daemonName, e.creds.Daemon), nats.InProcessServer(e.srv)}
}

// free tries the port, for an error that says what to do.
func (e *embedded) free() error {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", net.JoinHostPort(e.host, strconv.Itoa(e.port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("nats.listen: %w: %s:%d is used by another process; stop it, choose another port, or 0 for any free one",
			ErrPortTaken, e.host, e.port)
	}
	if err != nil {
		return fmt.Errorf("nats.listen: %w", err)
	}
	return l.Close()
}

// writable makes the server's store and tries it, with more than a directory entry.
func writable(dir string) error {
	dir += "/" + server.JetStreamStoreDir
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".try"); err == nil {
			_, err = f.Write(make([]byte, 2*server.MAX_PAYLOAD_SIZE))
			if other := f.Close(); err == nil {
				err = other
			}
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("the nats server's store cannot be written: %w", err)
	}
	return nil
}
