package witi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Instances is what the commands ask for. Its errors are those of package
// instance.
type Instances interface {
	FindWID(ctx context.Context, wid string) (id, issued string, err error)
	Info(ctx context.Context, id string) (record.Info, error)
	Generate(ctx context.Context, id string, userAgent *string) (record.Code, error)
	Close(ctx context.Context, id string) (record.Info, error)
	Restore(ctx context.Context, id string) (record.Info, error)
	Disconnect(ctx context.Context, id string) (record.Info, error)
	Save(ctx context.Context, id string) error
	Clear(ctx context.Context, id string) (record.Info, error)
	Configure(ctx context.Context, id string, p instance.Patch) (record.Info, error)
}

// Config is what a [Handler] is made from.
type Config struct {
	Instances Instances
	Log       *slog.Logger
	Now       func() time.Time
}

// Handler answers the commands. It expects bodies to be bounded by
// http.MaxBytesReader.
type Handler struct {
	cfg Config
}

// New makes a handler.
func New(cfg Config) *Handler { return &Handler{cfg} }

// request is one command under way, of an instance that exists.
type request struct {
	*Handler
	ctx  context.Context
	id   string
	wid  string // as it was issued
	body []byte // empty for GET
}

// ServeHTTP implements [http.Handler]. The command is told by the path's last
// word without regard to case, as the original's server does it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.ToLower(strings.TrimPrefix(r.URL.Path, "/"))
	cmd, ok := commands[name]
	if !ok {
		reply.JSON(w, http.StatusNotFound, reply.Error{Error: "Unknown command"})
		return
	}
	id, wid, err := h.cfg.Instances.FindWID(r.Context(), parameter(r.URL.RawQuery, "wid"))
	switch {
	case errors.Is(err, instance.ErrNotFound):
		reply.JSON(w, http.StatusUnauthorized, noCode{Error: "Invalid wid"})
		return
	case err != nil:
		h.fail(w, http.StatusOK, name, "", cmd, err)
		return
	case r.Method != cmd.method:
		w.Header().Set("Allow", cmd.method)
		reply.JSON(w, http.StatusMethodNotAllowed, reply.Error{Error: "Use " + cmd.method})
		return
	}
	var body []byte
	if cmd.method == http.MethodPost {
		if body, err = io.ReadAll(r.Body); err != nil {
			if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
				h.fail(w, http.StatusRequestEntityTooLarge, name, id, cmd, err)
				return
			}
			// The system's own words name addresses; the caller needs none of them.
			h.fail(w, http.StatusOK, name, id, cmd, bodyError{errors.New("the body broke off")})
			return
		}
	}
	answer, err := cmd.run(&request{h, r.Context(), id, wid, body})
	if err != nil {
		h.fail(w, http.StatusOK, name, id, cmd, err)
		return
	}
	reply.JSON(w, http.StatusOK, answer)
}

// fail answers with err in the command's form. What the caller is not told goes
// to the log.
func (h *Handler) fail(w http.ResponseWriter, status int, name, id string, cmd command, err error) {
	text, known := message(err)
	if !known {
		h.cfg.Log.Error("command failed", "command", name, "instance", id, "err", err)
	}
	reply.JSON(w, status, cmd.fail(text))
}
