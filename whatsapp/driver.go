package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// Config is what a driver needs.
type Config struct {
	// Backend answers the place for the live keys of an instance's session.
	Backend func(instance, session string) devicestore.Backend
	// Sandbox is set when the network is the sandbox: connections go there in
	// the clear, and its certificate root is trusted instead of WhatsApp's.
	Sandbox *Sandbox
	// Proxy is an http, https or socks5 URL; empty uses the environment's.
	Proxy string
	// Version is the client version to announce, "2.3000.1031080782"; empty
	// announces the library's.
	Version string
	// Answer bounds how long the far end may take to answer the upgrade.
	Answer time.Duration
	Log    *slog.Logger
}

// Sandbox says where the sandbox is.
type Sandbox struct {
	Root [32]byte // the public key of its certificate root
	Dial func(ctx context.Context) (net.Conn, error)
}

// Driver opens connections. Its methods may be called from any goroutine.
type Driver struct {
	cfg       Config
	transport *http.Transport
	version   *store.WAVersionContainer
}

// New makes a driver. With cfg.Sandbox set it replaces the process's WhatsApp
// certificate root, so a process has drivers of one network only; it must be
// called before any connection is made.
func New(cfg Config) (*Driver, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Answer == 0 {
		cfg.Answer = 20 * time.Second
	}
	d := &Driver{cfg: cfg}
	if cfg.Version != "" {
		v, err := parseVersion(cfg.Version)
		if err != nil {
			return nil, err
		}
		d.version = &v
	}
	var err error
	if d.transport, err = transport(cfg); err != nil {
		return nil, err
	}
	if cfg.Sandbox != nil && whatsmeow.WACertPubKey != cfg.Sandbox.Root {
		whatsmeow.WACertPubKey = cfg.Sandbox.Root
	}
	return d, nil
}

// transport is what every attempt makes its own of.
func transport(cfg Config) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: cfg.Answer, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   cfg.Answer,
		ResponseHeaderTimeout: cfg.Answer, // a peer that accepts and says nothing would hang the dial for ever
		IdleConnTimeout:       30 * time.Second,
	}
	if cfg.Proxy != "" {
		u, err := url.Parse(cfg.Proxy)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
			return nil, errors.New("whatsapp.proxy: not a URL such as socks5://127.0.0.1:1080 or http://127.0.0.1:3128")
		}
		t.Proxy = http.ProxyURL(u)
	}
	if cfg.Sandbox != nil {
		t.Proxy = nil
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return cfg.Sandbox.Dial(ctx) }
		t.DialContext, t.DialTLSContext = dial, dial
	}
	return t, nil
}

func parseVersion(s string) (v store.WAVersionContainer, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != len(v) {
		return v, fmt.Errorf("whatsapp.version: %q is not three numbers such as 2.3000.1031080782", s)
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return v, fmt.Errorf("whatsapp.version: %q is not three numbers such as 2.3000.1031080782", s)
		}
		v[i] = uint32(n)
	}
	return v, nil
}

// Open implements [instance.Driver].
func (d *Driver) Open(spec instance.Spec) (instance.Conn, error) {
	c := &conn{spec: spec, log: d.cfg.Log.With("instance", spec.Instance)}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.http = c.lines.client(d.transport)
	backend := func(session string) devicestore.Backend { return d.cfg.Backend(spec.Instance, session) }
	c.keys = devicestore.New(backend, owner{spec}, quietLog{c.log, "store"})
	var device *store.Device
	var err error
	if spec.Session == nil {
		device, err = c.keys.NewDevice()
	} else {
		device, err = c.keys.Load(spec.Session)
	}
	if err != nil {
		c.cancel()
		return nil, fmt.Errorf("open connection of %s: %w", spec.Instance, err)
	}
	client := whatsmeow.NewClient(device, quietLog{c.log, "client"})
	client.EnableAutoReconnect = false
	client.DisableLoginAutoReconnect = true
	client.InitialAutoReconnect = false
	client.SynchronousAck = true
	client.EnableDecryptedEventBuffer = true
	client.ManualHistorySyncDownload = true
	client.BackgroundEventCtx = c.life
	client.SetPreLoginHTTPClient(c.http)
	client.SetWebsocketHTTPClient(c.http)
	client.SetMediaHTTPClient(&http.Client{Transport: d.transport})
	client.GetClientPayload = d.payload(device, spec.UserAgent)
	// Without it a failure 413 or 414 calls a nil function where nothing
	// recovers, and the process dies (read in v0.0.0-20251217143725).
	client.RefreshCAT = func(context.Context) error { return errNoCAT }
	client.AddEventHandlerWithSuccessStatus(c.handle)
	c.client = client
	return c, nil
}

var errNoCAT = errors.New("WhatsApp asks for a token that only Messenger has")

// owner hands what the library wants saved to the instance.
type owner struct{ spec instance.Spec }

func (o owner) SaveSession(ctx context.Context, s *record.Session) error { return o.spec.Save(ctx, s) }
