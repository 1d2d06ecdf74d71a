package api

import (
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
)

type health struct {
	Status string `json:"status"`
	Error  string `json:"error,omitempty"`
}

// healthz says that requests are served, and nothing more.
func (a *API) healthz(w http.ResponseWriter, r *http.Request) {
	if readOnly(w, r) {
		reply.JSON(w, http.StatusOK, health{Status: "ok"})
	}
}

// readyz says whether the daemon can do its work. Anybody may ask, so an error
// is told in words that hold nothing of the machine.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	err := a.cfg.System.Ready(r.Context())
	if err == nil {
		reply.JSON(w, http.StatusOK, health{Status: "ready"})
		return
	}
	reason := "the daemon cannot work now: its log, and /api/v1/system, say why"
	for _, known := range []error{instance.ErrUnavailable, instance.ErrStopping} {
		if errors.Is(err, known) {
			reason = known.Error()
		}
	}
	reply.JSON(w, http.StatusServiceUnavailable, health{Status: "unready", Error: reason})
}

// readOnly answers 405 to what is neither GET nor HEAD.
func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	reply.JSON(w, http.StatusMethodNotAllowed, reply.Error{Error: "use GET"})
	return false
}
