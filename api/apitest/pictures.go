package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Nobody is a number that has no WhatsApp. Every other has, with a picture.
const Nobody = "15550009999"

// SetPicture implements api.Instances. Whatever begins as a JPEG does is a picture,
// and its own thumbnail.
func (f *Fake) SetPicture(_ context.Context, id string, image io.Reader) (record.Picture, error) {
	if err := f.mayPicture(id); err != nil {
		return record.Picture{}, err
	}
	file, err := io.ReadAll(io.LimitReader(image, api.MaxPicture+1))
	bad := func(problem string) (record.Picture, error) {
		return record.Picture{}, &instance.InvalidError{Field: "image", Problem: problem}
	}
	switch {
	case len(file) > api.MaxPicture:
		return bad("is larger than 10 MiB: make it smaller")
	case err != nil:
		return bad("did not arrive whole: send it again")
	case !bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		return bad("is not a JPEG file, whatever it is called")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("picture", id)
	if err != nil {
		return record.Picture{}, err
	}
	n := len(h.events) + 1
	h.image = file
	h.picture = record.Picture{ID: fmt.Sprint(1795292000 + n), Token: fmt.Sprintf("TOKEN%020d", n), Bytes: int64(len(file)), At: f.Now().UTC()}
	fact, err := json.Marshal(record.PictureFact{Picture: h.picture.ID, Bytes: h.picture.Bytes})
	f.append(h, record.Event{Kind: record.PictureUpdated, Data: fact})
	return h.picture, err
}

// mayPicture refuses what is refused before a file is read.
func (f *Fake) mayPicture(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	switch {
	case err != nil:
		return err
	case f.err != nil:
		return f.err
	case h.State != fsm.Authenticated:
		return instance.ErrNotConnected
	}
	return nil
}

// OwnPicture implements api.Instances.
func (f *Fake) OwnPicture(_ context.Context, id string) (record.Picture, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		return record.Picture{}, false, err
	}
	return h.picture, h.picture.Token != "", f.err
}

// OpenPicture implements api.Instances.
func (f *Fake) OpenPicture(_ context.Context, token string, thumb bool) (api.Stored, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return api.Stored{}, f.err
	}
	for _, h := range f.instances {
		if token == "" || h.picture.Token != token {
			continue
		}
		folder, image := "profile", h.image
		if thumb {
			folder, image = "thumb", image[:3]
		}
		return api.Stored{
			File: record.File{Name: h.picture.StoredName(), Folder: folder, Bytes: int64(len(image))}, MIME: "image/jpeg",
			ModifiedAt: h.picture.At, Content: &memory{bytes.NewReader(image)},
		}, nil
	}
	return api.Stored{}, api.ErrNoPicture
}

// Contact implements api.Instances.
func (f *Fake) Contact(_ context.Context, id, of string) (record.Contact, error) {
	if err := f.mayPicture(id); err != nil {
		return record.Contact{}, err
	}
	if user, _, _ := strings.Cut(of, "@"); !instance.PhoneDigits(user) {
		return record.Contact{}, &instance.InvalidError{Field: "jid", Problem: instance.PhoneRule}
	}
	c := record.Contact{JID: jid(of), Exists: !strings.HasPrefix(of, Nobody)}
	if c.Exists {
		c.PictureURL = "https://pps.example/" + c.JID + ".jpg"
	}
	return c, nil
}
