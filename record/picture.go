package record

import "time"

// Picture is the profile picture that an instance's account has been given here.
type Picture struct {
	ID    string    `json:"id"`    // WhatsApp's
	Token string    `json:"token"` // unguessable: of the address that serves it
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
}

// Contact is what WhatsApp tells of a person or a group.
type Contact struct {
	JID        string `json:"jid"`
	Exists     bool   `json:"exists"`
	PictureURL string `json:"picture_url,omitempty"` // WhatsApp's, for a time; empty: none that we may see
}
