package sandbox

import (
	"context"
	"io"
	"net/http"
)

// refuseConnection hangs up on a dial. The sandbox's listener cannot go away for
// one of its clients, so the socket is taken and closed before a word is said: to
// the dialler the connection fails, as when the listener is gone.
func refuseConnection(n *Network, w http.ResponseWriter, _ *http.Request) {
	wire, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		n.log.Error("dial cannot be closed", "err", err)
		return
	}
	wire.Close()
}

// refuseUpgrade answers a dial with what is not a websocket.
func refuseUpgrade(_ *Network, w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "sandbox is out of order", http.StatusServiceUnavailable)
}

// hangUpgrade accepts a dial and answers nothing until the client gives up. The
// connection is taken from the HTTP server, whose timeouts would answer for us.
func hangUpgrade(n *Network, w http.ResponseWriter, r *http.Request) {
	// The request's context ends with the listener that this came from.
	wire, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		n.log.Error("dial cannot be left hanging", "err", err)
		return
	}
	defer wire.Close()
	defer context.AfterFunc(r.Context(), func() { wire.Close() })()
	defer context.AfterFunc(n.ctx, func() { wire.Close() })()
	io.Copy(io.Discard, rest) //nolint:errcheck // whichever way it ends
}
