package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/net/netutil"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/api/witi"
	"github.com/switchhook/switchhook/bus"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/picture"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/schemas"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
	"github.com/switchhook/switchhook/whatsapp"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// Options are what a daemon is started with.
type Options struct {
	Config  configs.Config
	Version string
	Log     *slog.Logger // nil discards
}

// Daemon is everything, built and not yet running. Make one with [New], let it
// [Daemon.Run] once; the other methods may be called from any goroutine.
type Daemon struct {
	cfg     configs.Config
	version string
	log     *slog.Logger
	started time.Time

	store   *store.Store
	files   *files.Files
	vault   *vault
	sandbox *sandbox.Network // nil unless it runs inside the daemon
	phones  sandbox.Control  // nil unless the network is the sandbox
	air     net.Listener     // the embedded sandbox's
	fleet   *fleet
	dials   *instance.Budget
	outbox  *outbox.Outbox
	sender  *webhook.Sender
	bus     *bus.Bus
	keeper  *keeper
	api     *api.API
	tcp     net.Listener
	unix    net.Listener

	ready chan struct{}
}

// New opens the data directory and the listeners, and builds every room. What
// it fails with names the remedy; nothing is left open then.
func New(o Options) (_ *Daemon, err error) {
	d := &Daemon{cfg: o.Config, version: o.Version, log: o.Log, started: time.Now(), ready: make(chan struct{})}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	if err := os.MkdirAll(d.cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w: choose another with --data, or run as a user who may write there", err)
	}
	d.warnOpenDirectory()
	if err := d.openStore(); err != nil {
		return nil, err
	}
	d.files, err = files.Open(d.path("files"), files.Options{
		PerInstance: int64(d.cfg.Files.PerInstance), Total: int64(d.cfg.Files.Total), Log: d.log,
	})
	if err != nil {
		return nil, err
	}
	if d.tcp, err = listenTCP(d.cfg.Listen); err != nil {
		return nil, err
	}
	d.tcp = netutil.LimitListener(d.tcp, maxConns)
	if d.unix, err = api.ListenUnix(d.path(api.SocketName)); err != nil {
		return nil, err
	}
	if d.bus, err = d.newBus(); err != nil {
		return nil, err
	}
	if err := d.openSandbox(); err != nil {
		return nil, err
	}
	if err := d.newFleet(); err != nil {
		return nil, err
	}
	d.keeper = &keeper{fleet: d.fleet, store: d.store, bus: d.bus, retention: d.cfg.Store.Retention, lastWords: lastWords, maxSize: int64(d.cfg.Store.MaxSize), log: d.log}
	d.fleet.tenants.heard = func(stream string) bool { return d.keeper.heard(stream, d.outbox.Status(stream)) }
	var control api.Sandbox
	if d.phones != nil {
		control = phones{d.phones, d.fleet}
	}
	d.api = api.New(api.Config{
		Instances: d.fleet, Endpoints: d.fleet, Schemas: schemas.FS, Formats: d.pulled(), Tenants: d.fleet.tenants, System: system{d}, Sandbox: control, Vault: d.vault,
		Mover: newMover(d.fleet, string(d.cfg.Network), seal.DefaultCost()),
		Token: d.cfg.Admin.Token.Reveal(), PublicURL: d.cfg.PublicURL, LocalURL: d.URL(), Log: d.log,
	})
	d.store.OnAppend(d.appended)
	return d, nil
}

// warnOpenDirectory speaks up when others may look into the data directory. It
// is not changed: it may be anything the operator named.
func (d *Daemon) warnOpenDirectory() {
	if st, err := os.Stat(d.cfg.DataDir); err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		d.log.Warn("data directory can be entered by others: chmod 700 it", "dir", d.cfg.DataDir, "mode", st.Mode().Perm().String())
	}
}

func (d *Daemon) path(name string) string { return filepath.Join(d.cfg.DataDir, name) }

func (d *Daemon) newBus() (*bus.Bus, error) {
	n := d.cfg.NATS
	return bus.New(bus.Config{
		Dir: d.path("nats"), Embedded: n.URL == "", Listen: n.Listen,
		URL: n.URL, User: n.User, Password: n.Password.Reveal(), Token: n.Token.Reveal(),
		CredsFile: n.CredentialsFile, CAFile: n.CAFile,
		MaxAge: n.MaxAge, MaxBytes: int64(n.MaxBytes), Origin: d.store.LogID(),
		MessageTexts: n.MessageTexts, Log: d.log,
	}, d.store)
}

// openSandbox prepares the sandbox network, inside or outside the daemon, if
// that is the network.
func (d *Daemon) openSandbox() (err error) {
	switch {
	case d.cfg.Network != configs.NetworkSandbox:
		return nil
	case d.cfg.Sandbox.URL != "":
		d.phones = sandbox.NewClient(d.cfg.Sandbox.URL)
		return nil
	}
	if d.sandbox, err = sandbox.Open(sandbox.Config{StateFile: d.path("sandbox.db"), Log: d.log}); err != nil {
		return fmt.Errorf("%s: %w: stop what uses it, or move it away to begin with new phones", d.path("sandbox.db"), err)
	}
	d.phones = d.sandbox
	d.air, err = listenTCP(d.cfg.Sandbox.Listen)
	return err
}

// driver connects to the network of the configuration.
func (d *Daemon) driver() (*whatsapp.Driver, error) {
	c := whatsapp.Config{
		Backend: func(instance, session string) devicestore.Backend { return d.store.Device(instance, session) },
		Proxy:   d.cfg.WhatsApp.Proxy.Reveal(), Version: d.cfg.WhatsApp.Version,
		VersionFile: d.path("client-version"), Spool: d.cfg.DataDir,
		Answer: d.cfg.Connection.DialTimeout, Log: d.log,
	}
	if d.phones != nil {
		url := d.cfg.Sandbox.URL
		if d.air != nil {
			url = "http://" + d.air.Addr().String()
		}
		dial, err := sandboxDialer(url)
		if err != nil {
			return nil, err
		}
		c.Sandbox = &whatsapp.Sandbox{Root: sandbox.RootKey(), Dial: dial}
		d.log.Warn("network is the sandbox: nothing reaches WhatsApp, and its certificate root is replaced", "sandbox", url)
	}
	return whatsapp.New(c)
}

func (d *Daemon) newFleet() error {
	driver, err := d.driver()
	if err != nil {
		return err
	}
	w, c := d.cfg.Webhook, d.cfg.Connection
	f := &fleet{store: d.store, files: d.files, driver: driver, watches: newWatches(), log: d.log, book: newBook(), maker: picture.NewMaker()}
	sender, err := webhook.New(webhook.Config{
		Formats: map[string]webhook.Encoder{
			formatWITI: witi.Encoder{WID: f.wid}, notify.Format: f.greenFormat(), callback.Format: callback.Encoder{},
		},
		Timeout: w.Timeout, Allow: w.AllowNetworks, AllowLoopback: d.phones != nil,
		Deny: w.DenyNetworks, Proxy: w.Proxy.Reveal(),
		CAFile: w.CAFile, CertFile: w.ClientCertFile, KeyFile: w.ClientKeyFile,
		PerOrigin: w.PerOrigin, UserAgent: "Switchhook/" + d.version,
	})
	if err != nil {
		return err
	}
	d.sender = sender
	f.fetch = sender.Fetch
	f.check, f.test, f.formats = sender.CheckURL, sender.Test, sender.Formats()
	d.outbox = outbox.New(outbox.Config{
		Log: deliveries{d.store, f.book}, Sender: sender, Carries: sender.Carries, Covers: f.book.covers, Policy: sender.Policy,
		OnDisable: f.endpointGone, OnHealth: f.endpointHealth,
		Logger: d.log, MaxInFlight: w.MaxInFlight, PerOrigin: w.PerOrigin, PerEndpoint: w.PerEndpoint,
		Schedule: w.Schedule, Horizon: w.Horizon, StopWait: d.cfg.Connection.StopTimeout / 5,
	})
	d.dials = instance.NewBudget(c.DialsPerSecond)
	f.outbox, f.dials = d.outbox, d.dials
	f.timing = instance.DefaultTiming()
	f.timing.Dial, f.timing.Login = c.DialTimeout, c.LoginTimeout
	f.timing.CodeShown, f.timing.CodeIdle = c.QRShow, c.QRIdle
	f.timing.RetryMin, f.timing.RetryMax = c.RetryMin, c.RetryMax
	f.timing.DeafAfter, f.timing.Command = c.DeafAfter, c.CommandWait
	d.fleet = f
	return f.load()
}

// pulled are the formats, beside the standard one, that whoever pulls events can
// have them in: those that have a form for every event.
func (d *Daemon) pulled() map[string]func(*record.Event) ([]byte, error) {
	return map[string]func(*record.Event) ([]byte, error){
		webhook.CloudEvents: func(ev *record.Event) ([]byte, error) { return d.sender.Encode(webhook.CloudEvents, ev) },
	}
}

// wid answers the WITI key of an instance, for the encoder of its PostBacks.
func (f *fleet) wid(id string) (string, bool) {
	m := f.byID(id)
	if m == nil {
		return "", false
	}
	return m.wid, true
}

// appended wakes everyone who reads the log.
func (d *Daemon) appended(events []record.Event) {
	d.bus.Notify()
	d.fleet.appended(events)
}

// appended wakes those of the fleet who read the log.
func (f *fleet) appended(events []record.Event) {
	f.traffic(events)
	last := ""
	for _, e := range events {
		if e.Transition != nil && e.Transition.To == fsm.Authenticated {
			f.tenants.connected(e.Stream)
		}
		if e.Stream == last {
			continue
		}
		last = e.Stream
		f.outbox.Notify(e.Stream)
		f.watches.wake(e.Stream)
	}
}

// release closes what New had opened.
func (d *Daemon) release() {
	for _, l := range []net.Listener{d.tcp, d.unix, d.air} {
		if l != nil {
			_ = l.Close()
		}
	}
	if d.sandbox != nil {
		_ = d.sandbox.Close()
	}
	if d.files != nil {
		_ = d.files.Close()
	}
	if d.store != nil {
		_ = d.store.Close()
	}
}

// Ready is closed when requests are served and the embedded broker, if there is
// one, accepts subscribers.
func (d *Daemon) Ready() <-chan struct{} { return d.ready }

// URL is the address of the HTTP listener.
func (d *Daemon) URL() string {
	addr := d.tcp.Addr().String()
	if port, ok := strings.CutPrefix(addr, "[::]"); ok {
		addr = "localhost" + port
	}
	return "http://" + addr
}

// Run serves until ctx ends, then stops gracefully within the configured time,
// and returns nil. An error is a room that could not go on.
func (d *Daemon) Run(ctx context.Context) error {
	err := d.run(ctx)
	d.release()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
