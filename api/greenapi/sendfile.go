package greenapi

import (
	"cmp"
	"errors"
	"io"
	"mime/multipart"
	"time"

	"github.com/switchhook/switchhook/instance"
)

const (
	maxFile    = 100 << 20        // bytes of an uploaded file
	fileTime   = 15 * time.Minute // for it to arrive
	onwardTime = 5 * time.Minute  // for it to reach WhatsApp

	maxUploads     = 32 // files on their way at once, over all instances
	maxUploadsEach = 4  // of one instance
)

// sendFileByUpload holds the file on disk until the form has ended: what is to be
// written with it may come behind it.
func sendFileByUpload(r *request) (any, error) {
	if err := r.authorized(); err != nil {
		return nil, err
	}
	done, err := r.uploads.take(r.green.ID)
	if err != nil {
		return nil, err
	}
	defer done()
	f, err := r.form(fileTime)
	if err != nil {
		return nil, err
	}
	held, err := r.cfg.Instances.HoldFile(r.ctx, r.id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close() }()
	u := &fileUpload{held: held}
	if err := u.read(f); err != nil {
		return nil, err
	}
	out, err := u.file()
	if err != nil {
		return nil, err
	}
	r.within(onwardTime + answerTime)
	return r.sentAs(r.cfg.Instances.SendFile(r.ctx, r.id, out, held))
}

// fileUpload is the form of sendFileByUpload as it arrives.
type fileUpload struct {
	chat, name, caption string
	held                io.Writer
	size                int64  // of what is held
	given               bool   // there is a file
	partName, partType  string // what its part says of it, which need not be true
}

// read takes the form, its parts in any order.
func (u *fileUpload) read(f *form) error {
	for {
		p, err := f.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var into *string
		switch p.FormName() {
		case "chatId":
			into = &u.chat
		case "fileName":
			into = &u.name
		case "caption":
			into = &u.caption
		case "file":
			err = u.take(f, p)
		default:
			err = f.pass(p)
		}
		if into != nil {
			*into, err = f.text(p)
		}
		if err != nil {
			return err
		}
	}
}

// take holds the file of a part.
func (u *fileUpload) take(f *form, p *multipart.Part) error {
	if u.given {
		return errBadData
	}
	u.given = true
	u.partName, u.partType = p.FileName(), p.Header.Get("Content-Type")
	c := f.content(p, maxFile)
	n, err := io.Copy(u.held, c)
	u.size = n
	if c.err != nil {
		return c.err
	}
	return err
}

// file is what is to be sent.
func (u *fileUpload) file() (instance.File, error) {
	to, err := chatJID(u.chat, false)
	switch {
	case !u.given:
		return instance.File{}, errBadData
	case err != nil:
		return instance.File{}, err
	case u.size == 0:
		return instance.File{}, invalid("file", "is empty")
	}
	return instance.File{To: to, Name: cmp.Or(u.name, u.partName), MIME: u.partType, Caption: u.caption}, nil
}
