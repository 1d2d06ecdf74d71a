package apitest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// CodeTTL is how long a code is shown.
const CodeTTL = 20 * time.Second

// Generate implements api.Instances.
func (f *Fake) Generate(_ context.Context, id string, userAgent *string) (record.Code, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("generate", id)
	switch {
	case err != nil:
		return record.Code{}, err
	case h.State == fsm.Authenticated || h.State == fsm.Starting:
		return record.Code{}, instance.ErrEstablished
	case h.session != nil:
		return record.Code{}, instance.ErrSavedSession
	}
	if userAgent != nil {
		h.Config.UserAgent = *userAgent
	}
	if h.State != fsm.AwaitingScan {
		f.fire(h, fsm.CauseOperator, fsm.GenerateRequested, fsm.HandshakeDone, fsm.CodeIssued)
	}
	if !h.code.ExpiresAt.After(f.Now()) {
		f.issue(h)
	}
	return h.code, nil
}

// Renew puts a new code on show, as happens when the old one's time is over.
func (f *Fake) Renew(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		panic(err)
	}
	f.issue(h)
}

// issue makes a new code. f.mu is held.
func (f *Fake) issue(h *held) {
	h.code = record.Code{
		Text: "2@code-" + h.ID + "-" + strconv.Itoa(len(h.events)), TTL: CodeTTL, ExpiresAt: f.Now().Add(CodeTTL),
	}
	code := h.code
	f.append(h, record.Event{Kind: record.QRIssued, Code: &code})
}

// Close implements api.Instances.
func (f *Fake) Close(_ context.Context, id string) (record.Info, error) {
	return f.command("close", id, func(h *held) error {
		f.fire(h, fsm.CauseOperator, fsm.Closed)
		return nil
	})
}

// Restore implements api.Instances.
func (f *Fake) Restore(_ context.Context, id string) (record.Info, error) {
	return f.command("restore", id, func(h *held) error {
		if h.session == nil {
			return instance.ErrNothingToRestore
		}
		f.fire(h, fsm.CauseOperator, fsm.RestoreRequested, fsm.HandshakeDone, fsm.LoginSent, fsm.LoginAccepted)
		return nil
	})
}

// Disconnect implements api.Instances.
func (f *Fake) Disconnect(_ context.Context, id string) (record.Info, error) {
	return f.command("disconnect", id, func(h *held) error {
		f.fire(h, fsm.CauseOperator, fsm.Disconnected)
		return nil
	})
}

// Reboot implements api.Instances. The new connection comes up with the next
// fsm.HandshakeDone, fsm.LoginSent and fsm.LoginAccepted.
func (f *Fake) Reboot(_ context.Context, id string) (record.Info, error) {
	return f.command("reboot", id, func(h *held) error {
		if h.session == nil {
			f.fire(h, fsm.CauseOperator, fsm.Closed)
			return nil
		}
		f.fire(h, fsm.CauseRestart, fsm.ConnectionLost)
		f.fire(h, fsm.CauseOperator, fsm.RestoreRequested)
		return nil
	})
}

// Save implements api.Instances.
func (f *Fake) Save(_ context.Context, id string) error {
	_, err := f.command("save", id, func(h *held) error {
		if h.session == nil {
			return instance.ErrNothingToRestore
		}
		return nil
	})
	return err
}

// Clear implements api.Instances.
func (f *Fake) Clear(_ context.Context, id string) (record.Info, error) {
	return f.command("clear", id, func(h *held) error {
		h.Stats = record.Stats{}
		clear(h.stored)
		h.picture = record.Picture{}
		return nil
	})
}

// Configure implements api.Instances. A webhook in 10.0.0.0/8 is forbidden.
func (f *Fake) Configure(_ context.Context, id string, p instance.Patch) (record.Info, error) {
	return f.command("configure", id, func(h *held) error {
		if p.Webhook != nil && strings.Contains(*p.Webhook, "//10.") {
			return &instance.InvalidError{Field: "webhook", Problem: "leads to a private network: webhook.allow_networks allows it"}
		}
		c, err := p.Apply(h.Config)
		if err == nil {
			h.Config = c
		}
		return err
	})
}

// Info implements api.Instances.
func (f *Fake) Info(_ context.Context, id string) (record.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		return record.Info{}, err
	}
	if f.err != nil {
		return record.Info{}, f.err
	}
	return h.info(), nil
}

// command runs one command and answers the connection as it then is.
func (f *Fake) command(verb, id string, run func(*held) error) (record.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting(verb, id)
	if err != nil {
		return record.Info{}, err
	}
	if err := run(h); err != nil {
		return record.Info{}, err
	}
	return h.info(), nil
}

// Pair sets whose session begins with the next fsm.Scanned.
func (f *Fake) Pair(name, phone string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(name)
	if err != nil {
		panic(err)
	}
	h.pair(phone)
}

func (h *held) pair(phone string) {
	h.paired = &record.Session{ID: "s1", JID: phone + ":1@s.whatsapp.net", PushName: "Maria", Platform: "android"}
	h.code, h.typed = record.Code{}, record.Code{}
}
