package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/picture"
	"github.com/switchhook/switchhook/record"
)

// Where accounts' own pictures are stored, and small.
const (
	profileFolder = "profile"
	thumbFolder   = "thumb"
)

// SetPicture implements [api.Instances]. Nothing of the file is read while the
// instance is not connected.
func (f *fleet) SetPicture(ctx context.Context, id string, image io.Reader) (record.Picture, error) {
	return on(f, id, func(i *instance.Instance) (record.Picture, error) {
		if i.Status().Record.State != fsm.Authenticated {
			return record.Picture{}, instance.ErrNotConnected
		}
		made, err := f.maker.Make(ctx, image)
		if err != nil {
			return record.Picture{}, pictureProblem(err)
		}
		return i.SetPicture(ctx, instance.Image{JPEG: made.JPEG, Thumbnail: made.Thumbnail})
	})
}

// pictureProblem says in the port's words why a file is no picture.
func pictureProblem(err error) error {
	bad, ours := errors.AsType[*picture.Error](err)
	switch {
	case ours:
		return &instance.InvalidError{Field: "image", Problem: bad.Reason}
	case errors.Is(err, picture.ErrBusy):
		return fmt.Errorf("%w: %w", instance.ErrBusy, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", instance.ErrNotReady, err)
	}
	return err
}

// OwnPicture implements [api.Instances].
func (f *fleet) OwnPicture(_ context.Context, id string) (record.Picture, bool, error) {
	m := f.byID(id)
	if m == nil {
		return record.Picture{}, false, instance.ErrNotFound
	}
	own := m.live.Load().Status().Picture
	if own == nil {
		return record.Picture{}, false, nil
	}
	_, err := f.files.Of(id).Find(profileFolder, own.StoredName())
	switch {
	case errors.Is(err, fs.ErrNotExist): // somebody has taken it away
		return record.Picture{}, false, nil
	case err != nil:
		return record.Picture{}, false, err
	}
	return *own, true, nil
}

// OpenPicture implements [api.Instances].
func (f *fleet) OpenPicture(_ context.Context, token string, thumb bool) (api.Stored, error) {
	id, ok := f.shelf.find(token)
	if !ok {
		return api.Stored{}, api.ErrNoPicture
	}
	folder := profileFolder
	if thumb {
		folder = thumbFolder
	}
	return f.openStored(id, folder, (&record.Picture{Token: token}).StoredName(), "image/jpeg", api.ErrNoPicture)
}

// Contact implements [api.Instances].
func (f *fleet) Contact(ctx context.Context, id, jid string) (record.Contact, error) {
	return on(f, id, func(i *instance.Instance) (record.Contact, error) { return i.Contact(ctx, jid) })
}

// shelve makes a member's picture findable at the start, and removes what a crash
// has left of others.
func (f *fleet) shelve(m *member) {
	var names []string
	if own := m.live.Load().Status().Picture; own != nil && m.rec.DeletedAt.IsZero() {
		f.shelf.put(m.id, own.Token)
		names = append(names, own.StoredName())
	}
	for _, leaf := range f.files.Of(m.id).Usage().Subs {
		if leaf.Name != profileFolder && leaf.Name != thumbFolder || leaf.Files == 0 {
			continue
		}
		if err := f.files.Of(m.id).Keep(leaf.Name, names...); err != nil {
			f.log.Warn("pictures that are none any more could not be removed", "instance", m.id, "err", err)
		}
	}
}
