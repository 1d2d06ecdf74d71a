package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// session is one connection to the broker, from the look at the stream to the
// first doubt. It never reconnects: whatever a connection has buffered dies
// with it, and every look starts from nothing.
type session struct {
	*Bus
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	limit  int // bytes of a message

	closed chan struct{} // closed with the connection
	async  chan error    // the first error the broker sent out of turn
}

const (
	dialTimeout = 5 * time.Second
	askTimeout  = 10 * time.Second // one question to JetStream
)

// session publishes over one connection until something goes wrong or ctx is
// done.
func (b *Bus) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{Bus: b, closed: make(chan struct{}), async: make(chan error, 1)}
	if err := s.connect(ctx); err != nil {
		return err
	}
	defer s.disconnect(cancel)

	var err error
	if s.js, err = jetstream.New(s.nc, jetstream.WithDefaultTimeout(askTimeout)); err != nil {
		return fmt.Errorf("use jetstream: %w", err)
	}
	if s.stream, err = s.openStream(ctx); err != nil {
		return err
	}
	s.limit = messageLimit(s.nc.MaxPayload(), s.stream.CachedInfo().Config)
	at, err := s.resume(ctx)
	if err != nil {
		return err
	}
	b.synced(at)
	err = s.publish(ctx, at)
	if err != nil && s.embedded != nil {
		if ill := s.embedded.check(); ill != nil { // says more
			err = ill
		}
	}
	return err
}

func (s *session) connect(ctx context.Context) error {
	opts := []nats.Option{
		nats.Name("switchhook"),
		nats.NoReconnect(),
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(s.cfg.AckWait),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ClosedHandler(func(*nats.Conn) { close(s.closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case s.async <- err:
			default:
			}
		}),
	}
	url, dial := "", &dialer{ctx: ctx}
	if s.embedded != nil {
		opts = append(opts, s.embedded.options()...)
	} else {
		url = s.cfg.URL
		opts = append(opts, s.cfg.options()...)
		opts = append(opts, nats.SetCustomDialer(dial))
	}
	var err error
	if s.nc, err = nats.Connect(url, opts...); err != nil {
		if errors.Is(err, nats.ErrNoServers) && dial.err != nil {
			err = dial.err // says more
		}
		return fmt.Errorf("connect to nats: %w", err)
	}
	return nil
}

// disconnect returns when the connection's goroutines are leaving. An external
// connection is cut first, so that no flush can wait for a broker that hangs.
func (s *session) disconnect(cut context.CancelFunc) {
	cut()
	s.nc.Close()
	<-s.closed
}

// died says why the connection is closed.
func (s *session) died() error {
	select {
	case err := <-s.async:
		return fmt.Errorf("nats connection: %w", err)
	default:
	}
	if err := s.nc.LastError(); err != nil {
		return fmt.Errorf("nats connection: %w", err)
	}
	return fmt.Errorf("nats connection: %w", nats.ErrConnectionClosed)
}

// dialer makes connections that end with a context, also in the middle of a
// write: a broker that no longer reads must not hold up the stop.
type dialer struct {
	ctx context.Context
	err error // of the last address tried
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(d.ctx, network, address)
	d.err = err
	if err != nil {
		return nil, err
	}
	context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	return conn, nil
}

// options are those of an external broker.
func (c *Config) options() []nats.Option {
	var opts []nats.Option
	if c.User != "" {
		opts = append(opts, nats.UserInfo(c.User, c.Password))
	}
	if c.Token != "" {
		opts = append(opts, nats.Token(c.Token))
	}
	if c.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(c.CredsFile))
	}
	if c.CAFile != "" {
		opts = append(opts, nats.RootCAs(c.CAFile))
	}
	if c.CertFile != "" {
		opts = append(opts, nats.ClientCert(c.CertFile, c.KeyFile))
	}
	return opts
}
