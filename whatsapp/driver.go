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
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"golang.org/x/sync/semaphore"

	"github.com/switchhook/switchhook/instance"
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
	// Version is the client version to announce, "2.3000.1031080782", whatever
	// WhatsApp says. Empty announces the newest of the library's, the one in
	// VersionFile, and what Latest answers once WhatsApp has refused a connection
	// as outdated.
	Version string
	// VersionFile keeps the newest version seen. It is made when there is one;
	// one that cannot be read is ignored and replaced. Empty keeps none.
	VersionFile string
	// Latest answers the version to announce instead of one that is outdated;
	// empty knows of none. Nil asks web.whatsapp.com, or the sandbox.
	Latest func(ctx context.Context) (string, error)
	// Spool is the directory for files that are being downloaded or uploaded; they
	// have no names there and end with the process. Empty is the system's.
	Spool string
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
	sockets   *http.Client // of connections
	media     *http.Client
	versions  *versions
	histories chan struct{} // held while a history is in memory
	recents   recents
	previews  *semaphore.Weighted // of one: the picture that is being decoded
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
	t, err := transport(cfg)
	if err != nil {
		return nil, err
	}
	d := &Driver{
		cfg: cfg, sockets: &http.Client{Transport: noted(t)}, media: &http.Client{Transport: uploads{t}},
		histories: make(chan struct{}, historiesAtOnce), previews: semaphore.NewWeighted(1),
	}
	latest := cfg.Latest
	switch {
	case latest != nil:
	case cfg.Sandbox != nil:
		latest = leastOf(t)
	default:
		latest = latestOf(t)
	}
	if d.versions, err = newVersions(cfg.Version, cfg.VersionFile, latest, cfg.Log); err != nil {
		return nil, err
	}
	if cfg.Sandbox != nil && whatsmeow.WACertPubKey != cfg.Sandbox.Root {
		whatsmeow.WACertPubKey = cfg.Sandbox.Root
	}
	return d, nil
}

// transport makes what all the driver's connections dial through; they share it.
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

// Open implements [instance.Driver].
func (d *Driver) Open(spec instance.Spec) (instance.Conn, error) {
	c := &conn{
		driver: d, spec: spec, log: d.cfg.Log.With("instance", spec.Instance),
		sends: semaphore.NewWeighted(1), changes: semaphore.NewWeighted(1),
	}
	c.life, c.cancel = context.WithCancel(c.lines.within(context.Background()))
	backend := func(session string) devicestore.Backend { return d.cfg.Backend(spec.Instance, session) }
	c.keys = devicestore.New(backend, c, quietLog{c.log, "store"})
	c.keys.OnFailure(c.storeFailed)
	var device *store.Device
	var err error
	if spec.Session == nil {
		device, err = c.keys.NewDevice()
	} else {
		c.self.Store(selfOf(spec.Session))
		device, err = c.keys.Load(spec.Session)
	}
	if err != nil {
		c.cancel()
		return nil, fmt.Errorf("open connection of %s: %w", spec.Instance, err)
	}
	c.client = d.client(c, device)
	return c, nil
}

// client is a client of the library for one attempt.
func (d *Driver) client(c *conn, device *store.Device) *whatsmeow.Client {
	client := whatsmeow.NewClient(device, quietLog{c.log, "client"})
	client.EnableAutoReconnect = false
	client.DisableLoginAutoReconnect = true
	client.InitialAutoReconnect = false
	client.SynchronousAck = true
	client.EnableDecryptedEventBuffer = true
	client.ManualHistorySyncDownload = true
	// A contact with a new phone has a new identity. Refusing it would lose what
	// they write, and there is nobody here to ask; WhatsApp's own clients trust it
	// too, and show a line about it.
	client.AutoTrustIdentity = true
	// What we acknowledge is on disk, so its sender may see it delivered. Without
	// it a receipt says "inactive", which WhatsApp's own clients do not show: the
	// message would look undelivered for as long as the phone is off (read in
	// v0.0.0-20251217143725, SetForceActiveDeliveryReceipts).
	client.SetForceActiveDeliveryReceipts(true)
	client.BackgroundEventCtx = c.life
	client.SetPreLoginHTTPClient(d.sockets)
	client.SetWebsocketHTTPClient(d.sockets)
	client.SetMediaHTTPClient(d.media)
	client.GetClientPayload = c.payload(device)
	// Without it a failure 413 or 414 calls a nil function where nothing
	// recovers, and the process dies (read in v0.0.0-20251217143725).
	client.RefreshCAT = func(context.Context) error { return errNoCAT }
	client.GetMessageForRetry = c.sentBefore
	client.AddEventHandlerWithSuccessStatus(c.handle)
	return client
}

var errNoCAT = errors.New("WhatsApp asks for a token that only Messenger has")
