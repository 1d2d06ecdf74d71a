package api

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/web"
)

// Config is what the room is built from.
type Config struct {
	Instances Instances
	System    System
	Sandbox   Sandbox      // nil unless the network is the sandbox
	Vault     Vault        // nil: keys and backups are not served
	Mover     Mover        // nil: instances are not moved
	Endpoints Endpoints    // nil: endpoints are not served
	Tenants   Tenants      // nil: neither tenants nor CAMS nor message links are served
	Chat      tencent.Port // nil: Tencent Chat's clients are not served

	Schemas fs.FS // files NAME.json that say how events look; nil: they are not served

	// Formats encode an event for who pulls it, by the name that ?format= gives.
	// "standard" is there without.
	Formats map[string]func(*record.Event) ([]byte, error)

	// Token is the bearer token of the admin API over TCP. Empty: it is not
	// served there.
	Token string
	// PublicURL is what others reach the daemon by. A browser may use the admin
	// API from there, from an IP address and from localhost.
	PublicURL string
	// LocalURL is what this machine reaches the daemon by. It stands for PublicURL
	// where that is empty and a request does not say how it came here.
	LocalURL string

	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now
}

// API answers all requests. Any number of servers may share it.
type API struct {
	cfg      Config
	guard    guard
	admin    []route
	dialects []dialect
	page     http.Handler

	streams atomic.Int64 // of server-sent events that are under way
	polls   atomic.Int64 // requests that wait for events

	stop    context.CancelFunc
	stopped <-chan struct{} // closed when long polls and streams have to end
}

// New makes the handler.
func New(cfg Config) *API {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	stopping, stop := context.WithCancel(context.Background())
	a := &API{
		cfg:      cfg,
		guard:    newGuard(cfg.Token, cfg.PublicURL),
		dialects: dialects(stopping, cfg),
		stop:     stop,
		stopped:  stopping.Done(),
	}
	a.admin = slices.Concat(a.adminRoutes(), a.eventRoutes(), a.pictureRoutes(), a.endpointRoutes(), a.tenantRoutes(), a.vaultRoutes())
	a.page = web.Handler(func() web.About {
		about := cfg.System.About()
		return web.About{Version: about.Version, Network: about.Network}
	})
	return a
}

// Stop ends the long polls and event streams that are under way and lets later
// ones answer at once. Harmless twice. A server made by [API.Server] does it by itself.
func (a *API) Stop() { a.stop() }

// The bounds of a connection. A handler that needs longer says so itself.
const (
	maxHeader     = 64 << 10
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 30 * time.Second // a command waits 15 s
	idleTimeout   = 2 * time.Minute
)

// Server makes a server of the handler with bounds on time and size. It may
// serve several listeners, TCP and unix; Shutdown ends long polls.
func (a *API) Server() *http.Server {
	srv := &http.Server{
		Handler:           a,
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(a.Stop)
	return srv
}
