package greenapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// savedSession is why there is no code while a session waits to be restored.
const savedSession = "the instance has a session already: reboot to bring it back, or logout first"

// shown is an answer of qr, and a text of the scanqrcode socket.
type shown struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func shownError(text string) shown { return shown{"error", text} }

var alreadyLogged = shown{"alreadyLogged", alreadyAuthorized}

// symbol is a QR code as clients show it.
func symbol(code record.Code) (shown, error) {
	sym, err := qrcode.New(code.Text)
	if err != nil {
		return shown{}, err
	}
	return shown{"qrCode", base64.StdEncoding.EncodeToString(sym.PNG())}, nil
}

// qr answers 200 whatever becomes of it: clients ask it once a second and look at the
// type.
func qr(r *request) (any, error) {
	out, err := r.offer()
	if err == nil || r.ctx.Err() != nil {
		return out, err
	}
	f, known := explain(err)
	if !known {
		r.cfg.Log.Error("no QR code", "instance", r.id, "err", err)
	}
	return shownError(f.message), nil
}

// offer asks for the code on show.
func (r *request) offer() (shown, error) {
	code, err := r.cfg.Instances.Generate(r.ctx, r.id, nil)
	switch {
	case errors.Is(err, instance.ErrEstablished):
		if err = r.established(); err == nil {
			return alreadyLogged, nil
		}
		return shown{}, err
	case err != nil:
		return shown{}, err
	}
	return symbol(code)
}

// established refuses while a connection that stands in the way of a code is logging
// in.
func (r *request) established() error {
	_, state, err := r.info()
	if err == nil && state != StateAuthorized {
		err = &failure{status: http.StatusBadRequest, message: inStarting}
	}
	return err
}

type authorizationCode struct {
	OK   bool   `json:"status"`
	Code string `json:"code"`
}

// getAuthorizationCode answers a code to type on the phone. That there is none is an
// answer, too.
func getAuthorizationCode(r *request) (any, error) {
	switch _, state, err := r.info(); {
	case err != nil:
		return nil, err
	case state == StateAuthorized:
		return nil, &failure{status: http.StatusBadRequest, message: alreadyAuthorized}
	}
	var body struct {
		Phone json.RawMessage `json:"phoneNumber"`
	}
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	digits := phoneNumber(body.Phone)
	if !instance.PhoneDigits(digits) {
		return nil, invalid("phoneNumber", instance.PhoneRule)
	}
	code, err := r.cfg.Instances.LinkPhone(r.ctx, r.id, digits, nil)
	var none *instance.PairingError
	var failed *instance.FailedError
	switch {
	case err == nil:
		return authorizationCode{true, plainCode(code.Text)}, nil
	case errors.As(err, &none), errors.As(err, &failed), errors.Is(err, instance.ErrNotReady), errors.Is(err, context.DeadlineExceeded):
		return authorizationCode{}, nil
	case errors.Is(err, instance.ErrEstablished):
		return nil, cmp.Or(r.established(), err)
	}
	return nil, err
}

// phoneNumber reads a number, or a text as some clients send it; empty for anything
// else.
func phoneNumber(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] != '"' {
		return string(raw)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// plainCode is a code without the dash that phones show in its middle.
func plainCode(code string) string {
	out := make([]byte, 0, len(code))
	for i := range len(code) {
		if code[i] != '-' {
			out = append(out, code[i])
		}
	}
	return string(out)
}
