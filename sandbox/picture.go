package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"net/http"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// picture is an account's own picture as the server keeps it.
type picture struct {
	ID   string `json:"id"`   // a number that only grows
	JPEG []byte `json:"jpeg"` // as it came
	Name string `json:"name"` // what it is served as; it cannot be guessed
}

// Portraits is what the server does with an account's own picture.
type Portraits string

// What can be done with it.
const (
	PortraitsWork         Portraits = ""
	PortraitsHidden       Portraits = "hidden"       // others may not see it: error 401
	PortraitsRefused      Portraits = "refused"      // a new one is refused, as one too many: error 429
	PortraitsUnacceptable Portraits = "unacceptable" // a new one is refused whatever it is: error 406
	PortraitsSilent       Portraits = "silent"       // nothing about it is ever answered
)

// picturePath is where pictures are served, by their names.
const picturePath = "/pp/"

// maxPicture bounds a picture, in bytes. The real bound is not known; clients send
// less than a tenth of it.
const maxPicture = 1 << 20

var (
	errUnknown       = queryError{404, "item-not-found"}
	errNotAuthorized = queryError{401, "not-authorized"}
	errNotAcceptable = queryError{406, "not-acceptable"}
	errTooMany       = queryError{429, "rate-overlimit"}
)

// answerPicture sets the account's own picture, or tells of somebody's. There are
// no groups here. Other companions are not told of a new one.
func answerPicture(c *conn, q query) ([]binary.Node, error) {
	target, targeted := q.node.Attrs["target"].(types.JID)
	wanted, given := child(q.node, "picture")
	switch {
	case q.kind == "get" && targeted && given:
		return c.network.tellPicture(c.login.Phone, target, wanted)
	case q.kind == "set" && !targeted:
		return c.network.takePicture(c.login.Phone, wanted, given)
	case q.kind == "set":
		return nil, errNotAllowed
	}
	return nil, errBadRequest
}

// takePicture stores a companion's picture of its account; none given removes it.
func (n *Network) takePicture(digits string, node binary.Node, given bool) ([]binary.Node, error) {
	switch n.behaviour(digits).Portraits {
	case PortraitsSilent:
		return nil, errNoAnswer
	case PortraitsRefused:
		return nil, errTooMany
	case PortraitsUnacceptable:
		return nil, errNotAcceptable
	case PortraitsWork, PortraitsHidden:
	}
	if !given {
		return nil, n.ledger.putPicture(digits, nil)
	}
	body, _ := node.Content.([]byte)
	if !isPicture(body) {
		return nil, errNotAcceptable
	}
	p := newPicture(body, n.ledger.picture(digits))
	if err := n.ledger.putPicture(digits, p); err != nil {
		return nil, err
	}
	return []binary.Node{element("picture", binary.Attrs{"id": p.ID})}, nil
}

// tellPicture says where the picture of a target is, if the one who asks may know.
func (n *Network) tellPicture(asks string, target types.JID, wanted binary.Node) ([]binary.Node, error) {
	owner, known := n.ledger.owner(target)
	if !known {
		return nil, errUnknown
	}
	switch how := n.behaviour(owner.Digits).Portraits; {
	case how == PortraitsSilent:
		return nil, errNoAnswer
	case how == PortraitsHidden && owner.Digits != asks:
		return nil, errNotAuthorized
	}
	p := n.ledger.picture(owner.Digits)
	switch {
	case p == nil:
		return nil, errUnknown
	case text(wanted, "id") == p.ID:
		return []binary.Node{element("picture", binary.Attrs{"status": "304"})}, nil
	}
	kind := "image"
	if text(wanted, "type") == "preview" {
		kind = "preview"
	}
	path := picturePath + p.Name + "?ccb=11-4"
	return []binary.Node{element("picture", binary.Attrs{
		"id": p.ID, "type": kind, "url": "https://" + mediaHost + path, "direct_path": path,
	})}, nil
}

// isPicture says whether bytes are what the server takes: a JPEG.
func isPicture(body []byte) bool {
	if len(body) > maxPicture {
		return false
	}
	_, err := jpeg.DecodeConfig(bytes.NewReader(body))
	return err == nil
}

// newPicture names a picture that takes the place of another, or of none. Its number
// is the time, as the real ones look.
func newPicture(body []byte, before *picture) *picture {
	number := now().Unix()
	if before != nil {
		last, _ := strconv.ParseInt(before.ID, 10, 64) // it is ours
		number = max(number, last+1)
	}
	return &picture{ID: strconv.FormatInt(number, 10), JPEG: bytes.Clone(body), Name: randomName()}
}

// servePicture gives a picture to whoever knows its name.
func (n *Network) servePicture(w http.ResponseWriter, r *http.Request) {
	if !n.enterToGet(w, r) {
		return
	}
	defer n.exit()
	p := n.ledger.pictureNamed(strings.TrimPrefix(r.URL.Path, picturePath))
	if p == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(p.JPEG)))
	w.Write(p.JPEG) //nolint:errcheck // the caller has gone
}

// SetPicture gives a phone's account a picture, as its owner does on the phone,
// which is made if there is none; no bytes take the picture away. The error is
// ErrBadPhone, ErrBadPicture or ErrClosed.
func (n *Network) SetPicture(_ context.Context, digits string, jpeg []byte) error {
	switch {
	case !validPhone(digits):
		return ErrBadPhone
	case len(jpeg) > 0 && !isPicture(jpeg):
		return ErrBadPicture
	case !n.enter():
		return ErrClosed
	}
	defer n.exit()
	if _, err := n.ledger.phoneOrNew(digits); err != nil {
		return fmt.Errorf("set picture: %w", err)
	}
	var p *picture
	if len(jpeg) > 0 {
		p = newPicture(jpeg, n.ledger.picture(digits))
	}
	if err := n.ledger.putPicture(digits, p); err != nil {
		return fmt.Errorf("set picture: %w", err)
	}
	return nil
}

// Picture answers the picture of a phone's account, nil if it has none. The error
// is ErrBadPhone, ErrUnknownPhone or ErrClosed.
func (n *Network) Picture(_ context.Context, digits string) ([]byte, error) {
	switch {
	case !validPhone(digits):
		return nil, ErrBadPhone
	case !n.enter():
		return nil, ErrClosed
	}
	defer n.exit()
	if !n.ledger.hasPhone(digits) {
		return nil, ErrUnknownPhone
	}
	p := n.ledger.picture(digits)
	if p == nil {
		return nil, nil
	}
	return bytes.Clone(p.JPEG), nil
}
