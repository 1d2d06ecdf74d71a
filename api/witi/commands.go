package witi

import (
	"net/http"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/record"
)

// command is one line of the table in WIRE.md §1.3.
type command struct {
	method string
	run    func(*request) (any, error)
	fail   func(text string) any // the form of its errors
}

// commands is that table, by the path's last word in lower case.
var commands = map[string]command{
	"generate_qrcode.aspx": {http.MethodPost, generate, func(text string) any { return noCode{Error: text} }},
	"status.aspx":          {http.MethodGet, status, plain},
	"disconnect.aspx":      {http.MethodGet, disconnect, plain},
	"close_session.aspx":   {http.MethodGet, closeSession, refused},
	"save_session.aspx":    {http.MethodGet, saveSession, refused},
	"restore_session.aspx": {http.MethodGet, restoreSession, refused},
	"clear.aspx":           {http.MethodGet, clearStored, func(text string) any { return cleared{Message: text} }},
	"set_config.aspx":      {http.MethodPost, setConfig, plain},
}

func plain(text string) any   { return reply.Error{Error: text} }
func refused(text string) any { return outcome{Status: text} }

// code is the answer to generate_qrcode. Its status is 1 for success: no code
// of the status table.
type code struct {
	QR     string `json:"qr"`
	Status int    `json:"status"`
	Error  string `json:"error"`
	TTL    int    `json:"ttl"` // seconds
}

// noCode is its error form, without qr.
type noCode struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	TTL    int    `json:"ttl"`
}

// outcome is the answer of the session commands. Status holds the connection
// information as a string of JSON, or why there is none.
type outcome struct {
	OK     bool   `json:"sucesso"`
	Status string `json:"Status"`
}

type saved struct {
	OK bool `json:"sucesso"`
}

type cleared struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
}

func generate(r *request) (any, error) {
	userAgent, err := parseGenerate(r.body)
	if err != nil {
		return nil, err
	}
	c, err := r.cfg.Instances.Generate(r.ctx, r.id, userAgent)
	if err != nil {
		return nil, err
	}
	sym, err := qrcode.New(c.Text)
	if err != nil {
		return nil, err
	}
	return code{QR: sym.DataURL(), Status: 1, TTL: qrcode.SecondsLeft(c, r.cfg.Now())}, nil
}

func status(r *request) (any, error) {
	info, err := r.cfg.Instances.Info(r.ctx, r.id)
	return r.information(info, err)
}

func disconnect(r *request) (any, error) {
	info, err := r.cfg.Instances.Disconnect(r.ctx, r.id)
	return r.information(info, err)
}

func closeSession(r *request) (any, error) {
	info, err := r.cfg.Instances.Close(r.ctx, r.id)
	return r.outcome(info, err)
}

func restoreSession(r *request) (any, error) {
	info, err := r.cfg.Instances.Restore(r.ctx, r.id)
	return r.outcome(info, err)
}

func saveSession(r *request) (any, error) {
	return saved{true}, r.cfg.Instances.Save(r.ctx, r.id)
}

func clearStored(r *request) (any, error) {
	_, err := r.cfg.Instances.Clear(r.ctx, r.id)
	return cleared{true, "clear ok"}, err
}

func setConfig(r *request) (any, error) {
	patch, err := parseConfig(r.body)
	if err != nil {
		return nil, err
	}
	info, err := r.cfg.Instances.Configure(r.ctx, r.id, patch)
	return r.information(info, err)
}

// information answers with the connection information itself.
func (r *request) information(info record.Info, err error) (any, error) {
	return inform(r.wid, info), err
}

// outcome answers with the connection information as a string.
func (r *request) outcome(info record.Info, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	text, err := reply.Encode(inform(r.wid, info))
	return outcome{OK: true, Status: string(text)}, err
}
