package daemon

import (
	"context"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// on calls fn with the instance of that id.
func on[T any](f *fleet, id string, fn func(*instance.Instance) (T, error)) (T, error) {
	m := f.byID(id)
	if m == nil {
		var none T
		return none, instance.ErrNotFound
	}
	i := m.live.Load()
	if !i.Status().Record.DeletedAt.IsZero() {
		var none T
		return none, instance.ErrDeleted
	}
	return fn(i)
}

// Generate implements [api.Instances].
func (f *fleet) Generate(ctx context.Context, id string, userAgent *string) (record.Code, error) {
	return on(f, id, func(i *instance.Instance) (record.Code, error) { return i.Generate(ctx, userAgent) })
}

// Close implements [api.Instances].
func (f *fleet) Close(ctx context.Context, id string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Close(ctx) })
}

// Restore implements [api.Instances].
func (f *fleet) Restore(ctx context.Context, id string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Restore(ctx) })
}

// Disconnect implements [api.Instances].
func (f *fleet) Disconnect(ctx context.Context, id string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Disconnect(ctx) })
}

// Reboot implements [api.Instances].
func (f *fleet) Reboot(ctx context.Context, id string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Reboot(ctx) })
}

// Save implements [api.Instances].
func (f *fleet) Save(ctx context.Context, id string) error {
	_, err := on(f, id, func(i *instance.Instance) (struct{}, error) { return struct{}{}, i.Save(ctx) })
	return err
}

// Clear implements [api.Instances].
func (f *fleet) Clear(ctx context.Context, id string) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Clear(ctx) })
}

// Configure implements [api.Instances].
func (f *fleet) Configure(ctx context.Context, id string, p instance.Patch) (record.Info, error) {
	return on(f, id, func(i *instance.Instance) (record.Info, error) { return i.Configure(ctx, p) })
}

// Info implements [api.Instances].
func (f *fleet) Info(_ context.Context, id string) (record.Info, error) {
	m := f.byID(id)
	if m == nil {
		return record.Info{}, instance.ErrNotFound
	}
	return m.live.Load().Status().Info, nil
}

// Head implements [api.Instances].
func (f *fleet) Head(stream string) uint64 { return f.store.Head(stream) }

// Events implements [api.Instances].
func (f *fleet) Events(_ context.Context, stream string, after uint64, limit int) ([]record.Event, error) {
	return f.store.Events(stream, after, limit)
}

// Watch implements [api.Instances].
func (f *fleet) Watch(stream string) (wake <-chan struct{}, stop func()) {
	return f.watches.add(stream)
}
