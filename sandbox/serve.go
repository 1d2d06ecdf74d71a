package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// chatPath is where clients open their websocket.
const chatPath = "/ws/chat"

// chatOrigin is the only web page that may: the one whose name clients give.
const chatOrigin = "web.whatsapp.com"

// Handler returns the whole network as a handler: the websocket at /ws/chat, files
// under /mms/ and /v/, pictures under /pp/, and the control API under /sandbox/v1/. Its connections end with the requests'
// context or with Close. Most callers want Serve, which waits for them.
func (n *Network) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(chatPath, n.serveChat)
	mux.Handle(apiPath, n.api())
	mux.HandleFunc(uploadPath, n.serveUpload)
	mux.HandleFunc(downloadPath, n.serveDownload)
	mux.HandleFunc(picturePath, n.servePicture)
	return mux
}

// Serve serves the network on a listener. It blocks until the context ends or the
// network is closed, drops the connections that came this way, and returns nil
// when their goroutines have gone; or an error if the listener fails. It closes
// the listener. It may be called for several listeners at once.
func (n *Network) Serve(ctx context.Context, l net.Listener) error {
	if !n.enter() {
		l.Close()
		return ErrClosed
	}
	defer n.exit()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()

	var guests sync.WaitGroup
	server := &http.Server{
		Handler:           counted(&guests, n.Handler()),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         countConns(&guests),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // neither bounds a websocket
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	guests.Go(func() {
		<-ctx.Done()
		server.Close()
	})
	err := server.Serve(l)
	stopped := ctx.Err() != nil
	cancel()
	guests.Wait()
	if stopped && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve sandbox: %w", err)
}

// countConns and counted keep count of who is served, because http.Server does
// not wait for its goroutines, and knows nothing of a hijacked connection. A
// connection counts until it is closed or hijacked, a request until it has been
// handled, and a request begins before its connection stops counting.
func countConns(guests *sync.WaitGroup) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			guests.Add(1)
		case http.StateClosed, http.StateHijacked:
			guests.Done()
		case http.StateActive, http.StateIdle:
		}
	}
}

func counted(guests *sync.WaitGroup, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guests.Add(1)
		defer guests.Done()
		next.ServeHTTP(w, r)
	})
}

// serveChat serves one client until its connection ends.
func (n *Network) serveChat(w http.ResponseWriter, r *http.Request) {
	n.stats.dials.note(time.Now())
	if n.unreachable.Load() || !n.enter() {
		http.Error(w, "sandbox is unreachable", http.StatusServiceUnavailable)
		return
	}
	defer n.exit()
	struck := n.ambush.dialled()
	if struck != nil {
		n.log.Info("fault strikes a dial", "kind", string(struck.kind.Kind))
		if struck.kind.atUpgrade != nil {
			struck.kind.atUpgrade(n, w, r)
			return
		}
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: []string{chatOrigin}})
	if err != nil {
		n.log.Warn("websocket refused", "err", err)
		return
	}
	n.stats.accepted.Add(1)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(n.ctx, cancel)()
	c := newConn(ctx, n, ws, n.log.With("connection", n.serial.Add(1)))
	if struck != nil {
		if err := struck.kind.atHello(c); err != nil {
			c.log.Error("fault cannot strike", "kind", string(struck.kind.Kind), "err", err)
		}
	}
	c.run()
}
