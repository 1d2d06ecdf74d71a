package record

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// PictureUpdated says that WhatsApp has taken a new picture of the account; Data is
// a [PictureFact].
const PictureUpdated Kind = "picture.updated"

// Picture is the account's own picture as it was last set here. It is kept beside
// the instance, and ends with the session that set it.
type Picture struct {
	ID    string    `json:"id"`    // WhatsApp's number of it
	Token string    `json:"token"` // secret to whom it was not given: by it, and nothing else, the picture is served
	Bytes int64     `json:"bytes"` // of the JPEG
	At    time.Time `json:"at"`    // when WhatsApp took it
}

// StoredName is what the picture and its thumbnail are stored as: the token leads to
// the name, and the name not to the token.
func (p *Picture) StoredName() string {
	sum := sha256.Sum256([]byte(p.Token))
	return hex.EncodeToString(sum[:16]) + ".jpg"
}

// PictureFact is what [PictureUpdated] tells.
type PictureFact struct {
	Picture string `json:"picture"` // WhatsApp's number of it
	Bytes   int64  `json:"bytes"`
}

// Contact is what WhatsApp says of somebody.
type Contact struct {
	JID    string `json:"jid"`    // as WhatsApp spells it: a phone number may be known in another form
	Exists bool   `json:"exists"` // they have WhatsApp; a hidden number and a group are taken to exist
	// PictureURL leads to WhatsApp and works for some days; empty where there is no
	// picture, or none that the account may see.
	PictureURL string `json:"picture_url"`
}
