package daemon

import (
	"context"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// SetName implements [api.Instances].
func (f *fleet) SetName(ctx context.Context, id, name string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.SetName(ctx, name) })
}

// SetAbout implements [api.Instances].
func (f *fleet) SetAbout(ctx context.Context, id, about string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.SetAbout(ctx, about) })
}

// Profile implements [api.Sandbox].
func (p phones) Profile(ctx context.Context, phone string) (api.PhoneProfile, error) {
	got, err := p.control.Profile(ctx, phone)
	if err != nil {
		return api.PhoneProfile{}, sandboxProblem(err)
	}
	return api.PhoneProfile{Phone: phone, Name: got.Name, Announced: got.Announced, About: got.About}, nil
}

// Rename implements [api.Sandbox].
func (p phones) Rename(ctx context.Context, phone, name string) error {
	return sandboxProblem(p.control.Rename(ctx, phone, name))
}
