package instance

import "errors"

// File is a file to send to one person; its content comes beside it.
type File struct {
	ID      string // the message's id; empty makes one up
	To      string // digits, or a JID
	Name    string // what the recipient sees it called, without a path
	MIME    string // image/jpeg and image/png are shown as pictures, others as documents
	Caption string // what is written with it; may be empty
}

// ErrNotUploaded in a [SendError] says that a file did not reach WhatsApp's media
// servers: no message was sent.
var ErrNotUploaded = errors.New("the file could not be uploaded, and nothing was sent")
