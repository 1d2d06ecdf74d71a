package tencent

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/internal/rates"
	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/record"
)

// prefix begins every path of this dialect.
const prefix = "/v4/"

// Owns reports whether a clean, escaped path is this dialect's.
func Owns(path string) bool { return strings.HasPrefix(path, prefix) }

// Config is what a [Handler] is made from.
type Config struct {
	Port Port
	Log  *slog.Logger
	Now  func() time.Time
}

// Handler answers the commands. It expects a clean path, and bodies that are bounded by
// http.MaxBytesReader.
type Handler struct {
	cfg   Config
	rates rates.Buckets[rateKey]
}

// rateKey is what has a rate of its own: a command of an app.
type rateKey struct {
	app     int64
	command string
}

// New makes a handler.
func New(cfg Config) *Handler { return &Handler{cfg: cfg} }

// command is one that clients call.
type command struct {
	words

	rate int // calls a second, of an app
	run  func(*request) (any, error)
}

// commands are all of them, by what follows prefix in a path. Upper and lower case differ,
// as in the vendor's.
var commands = map[string]*command{
	"profile/portrait_set":             {profileWords, 200, portraitSet},
	"profile/portrait_get":             {profileWords, 200, portraitGet},
	"im_open_login_svc/account_check":  {accountWords, 100, accountCheck},
	"im_open_login_svc/account_import": {accountWords, 200, accountImport},
}

// request is a call whose caller is proved and permitted.
type request struct {
	Config
	words

	ctx      context.Context
	tenant   string // its id
	chat     *record.Chat
	operator string // who calls: one of the app's admins
	body     object
	logged   bool // that an account could not be read
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.EscapedPath(), prefix)
	cmd := commands[name]
	says := accountWords
	if cmd == nil {
		name = "unknown" // what the path says is not logged
	} else {
		says = cmd.words
	}
	answer, err := h.answer(r, name, cmd)
	if err == nil {
		reply.JSON(w, http.StatusOK, answer)
		return
	}
	f, known := says.explain(err)
	if known {
		h.cfg.Log.Debug("call refused", "command", name, "code", f.code)
	} else {
		h.cfg.Log.Error("call failed", "command", name, "code", f.code, "err", err)
	}
	reply.JSON(w, http.StatusOK, f.outcome())
}

// answer checks a call, in the order that the package comment gives, and runs it.
func (h *Handler) answer(r *http.Request, name string, cmd *command) (any, error) {
	if r.Method != http.MethodPost {
		return nil, errVerb
	}
	q, err := readQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return nil, err
	case cmd == nil:
		return nil, errCommand
	}
	tenant, err := h.app(r.Context(), q.app)
	switch {
	case err != nil:
		return nil, err
	case q.identifier == "" || q.usersig == "":
		return nil, errNoSig
	}
	now := h.cfg.Now()
	if err := verify(q.usersig, q.identifier, tenant.Chat.App, tenant.Chat.SecretKey, now); err != nil {
		return nil, err
	}
	if !slices.Contains(tenant.Chat.Admins, q.identifier) {
		return nil, &failure{cmd.needsAdmin, "the identifier is not an admin of the app: its operator says which are"}
	}
	if h.rates.Take(rateKey{tenant.Chat.App, name}, cmd.rate, now) > 0 {
		return nil, errRate
	}
	body, err := readBody(r.Body, cmd.words)
	if err != nil {
		return nil, err
	}
	return cmd.run(&request{
		Config: h.cfg, words: cmd.words, ctx: r.Context(),
		tenant: tenant.ID, chat: tenant.Chat, operator: q.identifier, body: body,
	})
}

// app finds the tenant of an sdkappid, as the query has it. Its Chat is there.
func (h *Handler) app(ctx context.Context, text string) (record.Tenant, error) {
	if text == "" {
		return record.Tenant{}, errMissingApp
	}
	id, ok := appID(text)
	if !ok {
		return record.Tenant{}, errBadApp
	}
	tenant, err := h.cfg.Port.ChatApp(ctx, id)
	switch {
	case err != nil:
		return record.Tenant{}, err
	case tenant.Chat == nil || tenant.Chat.App != id:
		return record.Tenant{}, errUnknownApp
	}
	return tenant, nil
}

// readBody reads the object that a body is.
func readBody(from io.Reader, says words) (object, error) {
	text, err := io.ReadAll(from)
	if err != nil {
		return nil, errBody // the system's own words name addresses
	}
	// Some frameworks put a byte order mark before JSON.
	value, err := parse(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err != nil {
		return nil, &failure{codeJSON, "the body is not JSON that is taken: " + err.Error()}
	}
	body, ok := value.(object)
	if !ok {
		return nil, &failure{says.badShape, "the body must be a JSON object"}
	}
	return body, nil
}
