package greenapi

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/switchhook/switchhook/instance"
)

const (
	maxPicture  = 10 << 20        // bytes of an uploaded picture
	pictureTime = 2 * time.Minute // for it to arrive
)

// pictureSet is the answer of setProfilePicture. The reason is null where there is
// none.
type pictureSet struct {
	Reason *string `json:"reason"`
	URL    string  `json:"urlAvatar"`
	Done   bool    `json:"setProfilePicture"`
}

func pictureNotSet(reason string) pictureSet { return pictureSet{Reason: &reason} }

// jpegHead is how every JPEG begins.
const jpegHead = "\xff\xd8\xff"

// setProfilePicture streams the part "file" to the account's picture. What it is
// called and what type it is said to be count for nothing: it begins as a JPEG does.
func setProfilePicture(r *request) (any, error) {
	if err := r.authorized(); err != nil {
		return nil, err
	}
	f, err := r.form(pictureTime)
	if err != nil {
		return nil, err
	}
	for {
		p, err := f.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errBadData
		case err != nil:
			return nil, err
		case p.FormName() == "file":
			return r.setPicture(f.content(p, maxPicture))
		}
		if err := f.pass(p); err != nil {
			return nil, err
		}
	}
}

func (r *request) setPicture(file *content) (any, error) {
	image := bufio.NewReaderSize(file, 512)
	head, _ := image.Peek(len(jpegHead)) // less of it is no JPEG
	switch {
	case file.err != nil:
		return nil, file.err
	case string(head) != jpegHead:
		return pictureNotSet("the file is not a JPEG image"), nil
	}
	p, err := r.cfg.Instances.SetPicture(r.ctx, r.id, &handover{image, file, r.handedOver})
	if file.err != nil {
		r.turn.spare()
		return nil, file.err // whatever the image's reader made of it
	}
	var bad *instance.InvalidError
	switch {
	case err == nil:
		return pictureSet{URL: r.cfg.MediaURL(r.http, p.Token), Done: true}, nil
	case errors.As(err, &bad):
		r.turn.spare()
		return pictureNotSet("the file " + bad.Problem), nil
	case errors.Is(err, instance.ErrNotConnected):
		r.turn.spare()
		if err := r.authorized(); err != nil { // lost while the picture arrived
			return nil, err
		}
		return nil, err
	case errors.Is(err, instance.ErrBusy):
		r.turn.spare()
		return nil, err
	case errors.Is(err, instance.ErrFull):
		r.turn.spare()
		return pictureNotSet("the instance's storage is full"), nil
	case errors.Is(err, instance.ErrPictureRefused):
		return pictureNotSet(instance.ErrPictureRefused.Error()), nil
	case errors.Is(err, instance.ErrNotReady), errors.Is(err, context.DeadlineExceeded):
		return pictureNotSet("WhatsApp did not answer in time: the picture may have been set"), nil
	}
	return nil, err
}

// handedOver notes that the picture goes on to WhatsApp from now.
func (r *request) handedOver() { r.turn.spend(r.cfg.Now()) }

// handover is a reader that says when all of a file was read.
type handover struct {
	from io.Reader
	file *content
	then func()
}

func (h *handover) Read(b []byte) (int, error) {
	n, err := h.from.Read(b)
	if h.file.done && h.then != nil {
		h.then()
		h.then = nil
	}
	return n, err
}

// ownPicture is the address of the account's picture, empty without one.
func (r *request) ownPicture() (string, error) {
	p, ok, err := r.cfg.Instances.OwnPicture(r.ctx, r.id)
	if err != nil || !ok {
		return "", err
	}
	return r.cfg.MediaURL(r.http, p.Token), nil
}

type avatar struct {
	Exists bool   `json:"existsWhatsapp"`
	URL    string `json:"urlAvatar"`
	Reason string `json:"reason,omitempty"`
}

func getAvatar(r *request) (any, error) {
	if err := r.authorized(); err != nil {
		return nil, err
	}
	var body struct {
		Chat  string          `json:"chatId"`
		Phone json.RawMessage `json:"phoneNumber"`
	}
	if err := r.decode(&body); err != nil {
		return nil, err
	}
	// The vendor's first client for JavaScript (0.4.4) may send a number instead.
	jid, err := chatJID(cmp.Or(body.Chat, ChatID(phoneNumber(body.Phone))), true)
	if err != nil {
		return nil, err
	}
	c, err := r.cfg.Instances.Contact(r.ctx, r.id, jid)
	switch {
	case errors.Is(err, instance.ErrNotReady), errors.Is(err, context.DeadlineExceeded):
		return avatar{Reason: "WhatsApp did not answer in time"}, nil
	case errors.Is(err, instance.ErrPictureRefused):
		return avatar{Reason: instance.ErrPictureRefused.Error()}, nil
	}
	return avatar{Exists: c.Exists, URL: c.PictureURL}, err
}
