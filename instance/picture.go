package instance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// The folders that the account's own picture and its thumbnail go to.
const (
	profileFolder = "profile"
	thumbFolder   = "thumb"
)

// maxPictures is how many pictures may wait for the one that is being set.
const maxPictures = 4

// Image is a picture to set: a square JPEG, and the same in small.
type Image struct{ JPEG, Thumbnail []byte }

// picturing is a picture that waits to be set.
type picturing struct {
	c   *command
	img Image
}

// SetPicture makes the image the account's own picture, stores it with its
// thumbnail, and answers it once WhatsApp has taken it and that is recorded as
// picture.updated. Those of one instance are set one after another. It is stored
// before WhatsApp gets it, so that a full disk changes nothing. It fails with an
// [*InvalidError], [ErrNotConnected], an error that wraps [ErrFull] or
// [ErrPictureRefused], [ErrBusy] or [ErrUnavailable], and nothing was changed; with
// a [*PictureError] or [ErrNotReady] WhatsApp may have taken it. What was not taken
// is not stored.
func (i *Instance) SetPicture(ctx context.Context, img Image) (record.Picture, error) {
	if len(img.JPEG) == 0 || len(img.Thumbnail) == 0 {
		return record.Picture{}, &InvalidError{"image", "must not be empty"}
	}
	r, err := i.ask(ctx, func(c *command) {
		if len(i.pictures) >= maxPictures {
			i.answer(c, ErrBusy)
			return
		}
		i.pictures = append(i.pictures, picturing{c, img})
		i.nextPicture()
	})
	return r.picture, err
}

// nextPicture begins to set the picture whose turn it is.
func (i *Instance) nextPicture() {
	for !i.picturing && len(i.pictures) > 0 {
		next := i.pictures[0]
		i.pictures = i.pictures[1:]
		switch {
		case next.c.ctx.Err() != nil: // nobody waits for it any more
		case i.stopped.Load():
			i.answer(next.c, ErrStopping)
		case !i.usable():
			i.answer(next.c, ErrNotConnected)
		case i.cfg.Files == nil:
			i.answer(next.c, ErrFull)
		default:
			i.setPicture(next.c, next.img)
		}
	}
}

// usable reports whether the connection can be asked something.
func (i *Instance) usable() bool {
	return i.rec.State == fsm.Authenticated && i.try != nil && !i.try.closed && i.logout == nil && i.session != nil
}

// moment is when a picture began to be set.
type moment struct {
	session string // its id
	clears  int
}

func (i *Instance) setPicture(c *command, img Image) {
	i.picturing = true
	conn, was := i.try.conn, moment{i.session.ID, i.clears}
	ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Command)
	i.child(func() {
		defer cancel()
		p := record.Picture{Token: rand.Text(), Bytes: int64(len(img.JPEG))}
		err := i.keepPicture(p, img)
		if err == nil {
			p.ID, err = conn.SetPicture(ctx, img.JPEG)
			p.At = time.Now().UTC()
		}
		if err != nil {
			i.removePicture(p)
		}
		i.post(mail{then: func(ctx context.Context) { i.pictureSet(ctx, c, was, p, err) }})
	})
}

// pictureSet records a picture that WhatsApp has taken, whatever has become of the
// connection since, unless the account is another one now. Files that were cleared
// meanwhile stay so.
func (i *Instance) pictureSet(ctx context.Context, c *command, was moment, p record.Picture, err error) {
	i.picturing = false
	defer i.nextPicture()
	switch {
	case err == nil:
		i.storageTrouble("")
	case errors.Is(err, ErrFull):
		i.storageTrouble(err.Error())
	case !about[*InvalidError](err) && !errors.Is(err, ErrPictureRefused) && !errors.Is(err, ErrNotConnected):
		err = &PictureError{err}
	}
	if err == nil && (i.session == nil || i.session.ID != was.session) {
		err = ErrNotConnected
		i.child(func() { i.removePicture(p) })
	}
	if err != nil {
		i.answer(c, err)
		return
	}
	recorded, cleared := false, i.clears != was.clears
	i.must(ctx, func() error {
		err := i.recordPicture(p, !cleared)
		recorded = err == nil
		return err
	})
	if !recorded || cleared {
		i.child(func() { i.removePicture(p) })
	}
	if !recorded {
		i.answer(c, ErrNotReady)
		return
	}
	c.reply <- result{info: i.info(), picture: p}
}

// recordPicture commits that WhatsApp has taken a picture, and where it is kept.
func (i *Instance) recordPicture(p record.Picture, kept bool) error {
	rec := i.current()
	change := Change{Instance: rec, Events: []record.Event{{
		Stream: i.id, Kind: record.PictureUpdated, At: time.Now().UTC(), Name: rec.Name, Data: pictureFact(p),
	}}}
	if kept {
		change.Picture = &p
	}
	err := i.commit(change)
	if err == nil {
		i.stored(rec)
		i.publish()
	}
	return err
}

// keepPicture stores a picture with its thumbnail, or neither.
func (i *Instance) keepPicture(p record.Picture, img Image) error {
	for folder, content := range map[string][]byte{profileFolder: img.JPEG, thumbFolder: img.Thumbnail} {
		_, err := i.cfg.Files.Write(folder, p.StoredName(), int64(len(content)), func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removePicture removes a picture's files. It is no part of the loop.
func (i *Instance) removePicture(p record.Picture) {
	if i.cfg.Files == nil {
		return
	}
	for _, folder := range []string{profileFolder, thumbFolder} {
		if err := i.cfg.Files.Remove(folder, p.StoredName()); err != nil {
			i.log.Warn("a picture that is none any more could not be removed; the next start does it", "folder", folder, "err", err)
		}
	}
}

// pictureFact is what the event tells: no token.
func pictureFact(p record.Picture) json.RawMessage {
	fact, err := json.Marshal(record.PictureFact{Picture: p.ID, Bytes: p.Bytes})
	if err != nil {
		panic(err) // a text and a number
	}
	return fact
}

// pictured makes the picture that was committed the instance's, one without a token
// being none, and removes the files of the one before.
func (i *Instance) pictured(p *record.Picture) {
	before := i.picture
	i.picture = p
	if p.Token == "" {
		i.picture = nil
	}
	if before != nil && before.Token != p.Token {
		i.child(func() { i.removePicture(*before) })
	}
}

// ErrPictureRefused says that WhatsApp does not take a picture. The one before
// stays.
var ErrPictureRefused = errors.New("WhatsApp refused the picture")

// PictureError says that WhatsApp has not confirmed a picture, and may have taken
// it. It counts as an [ErrNotReady].
type PictureError struct{ Err error }

func (e *PictureError) Error() string {
	return "WhatsApp did not confirm the picture: " + e.Err.Error() + ": it may have been set; set it again"
}

func (e *PictureError) Unwrap() error { return e.Err }

// Is makes it an ErrNotReady.
func (e *PictureError) Is(target error) bool { return target == ErrNotReady }
