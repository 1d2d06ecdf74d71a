package api

import (
	"encoding/base64"
	"io"
	"net/http"
	"time"
)

// streamed is an answer that its handler has written itself.
type streamed struct{}

// MaxImport bounds the file of an exported instance.
const MaxImport = 256 << 20

// importPath takes a body of up to MaxImport; every other path takes maxBody.
const importPath = adminPrefix + "import"

// PassphraseHeader carries the passphrase of an imported file, in base64.
const PassphraseHeader = "Switchhook-Passphrase"

// stall bounds the wait for a caller to take a piece of a stream, or to send
// one: a backup holds up the store's own housekeeping.
const stall = 10 * time.Second

// moveTime bounds an export or import in all.
const moveTime = 10 * time.Minute

func (a *API) vaultRoutes() []route {
	below := func(what string) []string { return []string{"instances", "{id}", what} }
	return []route{
		{http.MethodGet, []string{"keys"}, a.vault(func(*call) (any, error) { return a.cfg.Vault.Keys(), nil })},
		{http.MethodPost, []string{"keys", "rotate"}, a.vault(a.rotateKey)},
		{http.MethodPost, []string{"keys", "rotate-data"}, a.vault(func(c *call) (any, error) { return a.cfg.Vault.RotateDataKey(c.Context()) })},
		{http.MethodPost, []string{"backup"}, a.vault(a.backup)},
		{http.MethodPost, []string{"import"}, a.mover(a.importFile)},
		{http.MethodPost, below("export"), a.mover(a.export)},
		{http.MethodPost, below("unfence"), a.mover(func(c *call) (any, error) { return a.cfg.Mover.Unfence(c.Context(), c.entry.ID) })},
	}
}

// vault answers for a daemon that has none.
func (a *API) vault(handle func(*call) (any, error)) func(*call) (any, error) {
	if a.cfg.Vault == nil {
		return func(*call) (any, error) { return nil, errNoRoute }
	}
	return handle
}

func (a *API) mover(handle func(*call) (any, error)) func(*call) (any, error) {
	if a.cfg.Mover == nil {
		return func(*call) (any, error) { return nil, errNoRoute }
	}
	return handle
}

func (a *API) rotateKey(c *call) (any, error) {
	var body struct {
		Key string `json:"key"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.cfg.Vault.RotateKey(c.Context(), body.Key)
}

func (a *API) backup(c *call) (any, error) {
	return a.pour(c, func(w io.Writer) error { return a.cfg.Vault.Backup(c.Context(), w) })
}

func (a *API) export(c *call) (any, error) {
	var body struct {
		Passphrase string `json:"passphrase"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	return a.pour(c, func(w io.Writer) error {
		return a.cfg.Mover.Export(c.Context(), c.entry.ID, body.Passphrase, w)
	})
}

// pour lets write answer with bytes. An error before the first of them is
// answered as usual; after it, the connection is cut, so that nobody takes half
// an answer for a whole one.
func (a *API) pour(c *call, write func(io.Writer) error) (any, error) {
	out := &pieces{w: c.w, control: http.NewResponseController(c.w)}
	// An export waits for its connection to close before the first byte.
	_ = out.control.SetWriteDeadline(time.Now().Add(writeTimeout + stall))
	err := write(out)
	switch {
	case err != nil && out.begun:
		a.cfg.Log.Warn("answer cut off", "err", err)
		panic(http.ErrAbortHandler)
	case err != nil:
		return nil, err
	case !out.begun:
		_, _ = out.Write(nil)
	}
	return streamed{}, nil
}

// pieces writes a stream whose every piece must be taken in time.
type pieces struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *pieces) Write(b []byte) (int, error) {
	if !p.begun {
		p.begun = true
		// What follows is cut when it fails, and the caller must know by then
		// that there was an answer.
		defer func() { _ = p.control.Flush() }()
		p.w.Header().Set("Content-Type", "application/octet-stream")
		p.w.Header().Set("Cache-Control", "no-store")
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(stall)) // a writer that knows none is a test's
	return p.w.Write(b)
}

func (a *API) importFile(c *call) (any, error) {
	phrase, err := base64.StdEncoding.DecodeString(c.Header.Get(PassphraseHeader))
	if err != nil {
		return nil, invalid("passphrase", "must be sent in base64, as "+PassphraseHeader)
	}
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Now().Add(moveTime))
	_ = control.SetWriteDeadline(time.Now().Add(moveTime + writeTimeout))
	e, err := a.cfg.Mover.Import(c.Context(), c.Body, string(phrase), c.URL.Query().Get("name"))
	if err != nil {
		return nil, err
	}
	return created{e}, nil
}
