package apitest

import (
	"context"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// SetName implements api.Instances. An empty name is the only one that is refused.
func (f *Fake) SetName(_ context.Context, id, name string) (record.Info, error) {
	if strings.TrimSpace(name) == "" {
		return record.Info{}, &instance.InvalidError{Field: "name", Problem: "must not be empty: WhatsApp wants 1 to 25 characters"}
	}
	return f.command("name", id, func(h *held) error {
		if h.State != fsm.Authenticated {
			return instance.ErrNotConnected
		}
		named := *h.session
		named.PushName = name
		h.session = &named
		return nil
	})
}

// SetAbout implements api.Instances. Every text is taken.
func (f *Fake) SetAbout(_ context.Context, id, about string) (record.Info, error) {
	return f.command("about", id, func(h *held) error {
		if h.State != fsm.Authenticated {
			return instance.ErrNotConnected
		}
		h.about = about
		return nil
	})
}

// Profile implements api.Sandbox.
func (f *Fake) Profile(_ context.Context, phone string) (api.PhoneProfile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.instances {
		if h.session.Phone() == phone && f.err == nil {
			return api.PhoneProfile{Phone: phone, Name: h.session.PushName, Announced: h.session.PushName, About: h.about}, nil
		}
	}
	if f.err != nil {
		return api.PhoneProfile{}, f.err
	}
	return api.PhoneProfile{}, &api.SandboxError{Problem: "no such phone"}
}

// Rename implements api.Sandbox.
func (f *Fake) Rename(_ context.Context, phone, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.instances {
		if h.session.Phone() == phone && f.err == nil {
			named := *h.session
			named.PushName = name
			h.session = &named
			return nil
		}
	}
	if f.err != nil {
		return f.err
	}
	return &api.SandboxError{Problem: "no such phone"}
}
