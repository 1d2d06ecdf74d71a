package record

import (
	"strings"
	"time"
)

// The kinds of event about messages; Message is set in all of them.
const (
	MessageText     Kind = "message.text"     // somebody wrote
	MessageMedia    Kind = "message.media"    // somebody sent a picture, a video, a document; Media is set
	MessageOther    Kind = "message.other"    // somebody sent something else, such as a place; Type says what
	MessageReaction Kind = "message.reaction" // Text is the emoji, empty when it was taken back
	MessageEdited   Kind = "message.edited"   // Text is what the message says now
	MessageRevoked  Kind = "message.revoked"  // the message was deleted for everyone
	MessageReceipt  Kind = "message.receipt"  // Targets were delivered, read or played
	MessageCall     Kind = "message.call"     // somebody calls
	MessageSent     Kind = "message.sent"     // WhatsApp took over a message of ours
)

// Message is what an event about a message tells. JIDs are without device:
// digits@s.whatsapp.net for a phone number, digits@lid for a hidden number,
// digits@g.us for a group.
type Message struct {
	ID     string    `json:"id"`             // given by the sender; unique together with Chat and From
	Chat   string    `json:"chat"`           // JID; by phone number where it is known
	From   string    `json:"from"`           // JID of who wrote or did it; by phone number where it is known
	LID    string    `json:"lid,omitempty"`  // JID of From by hidden number
	To     string    `json:"to,omitempty"`   // JID; MessageSent and what the own phone sent
	Name   string    `json:"name,omitempty"` // what From calls themselves
	FromMe bool      `json:"from_me,omitempty"`
	Group  bool      `json:"group,omitempty"`
	SentAt time.Time `json:"sent_at"` // by WhatsApp's clock, in whole seconds

	Text    string   `json:"text,omitempty"`    // what was written; a caption; a reaction
	Type    string   `json:"type,omitempty"`    // MessageMedia, MessageSent of a file, and MessageOther: image, video, audio, document, sticker, location, contact, …; MessageReceipt: delivered, read, played; MessageCall: offer
	Targets []string `json:"targets,omitempty"` // ids of the messages reacted to, edited, revoked or receipted
	Quoted  string   `json:"quoted,omitempty"`  // id of the message this one answers
	Media   *Media   `json:"media,omitempty"`
	// Withheld says that what was written was left out on the way here: an empty
	// Text is then no empty text, and a reaction without one was not taken back.
	Withheld bool `json:"withheld,omitempty"`
}

// Media is a file that came with a message and was not downloaded yet, or that was
// sent with one.
type Media struct {
	MIME     string `json:"mime"`
	Bytes    int64  `json:"bytes"` // as the sender says
	SHA256   string `json:"sha256,omitempty"`
	FileName string `json:"file_name,omitempty"` // as the sender says: never a path
	Seconds  int    `json:"seconds,omitempty"`   // of sound and video
	// Ref is where WhatsApp keeps it and the key that opens it, in the driver's
	// own form. It is a credential: kept sealed, never shown.
	Ref []byte `json:"ref,omitempty"`
}

// extensions are those of the types WhatsApp sends; the system's own table differs
// from machine to machine.
var extensions = map[string]string{
	"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif",
	"video/mp4": ".mp4", "video/3gpp": ".3gp", "audio/ogg": ".ogg", "audio/mpeg": ".mp3",
	"audio/mp4": ".m4a", "audio/aac": ".aac", "application/pdf": ".pdf", "text/plain": ".txt",
	"text/vcard": ".vcf", "application/zip": ".zip",
}

// Extension is the end of a name for the file, by its type: ".jpg", or ".bin" where
// the type is not one of WhatsApp's own.
func (m *Media) Extension() string {
	kind, _, _ := strings.Cut(m.MIME, ";")
	if ext, ok := extensions[strings.ToLower(strings.TrimSpace(kind))]; ok {
		return ext
	}
	return ".bin"
}

// WithoutTexts is the event without what was written in its message: no text, no
// name, no name of a file. The event itself is unchanged.
func (e *Event) WithoutTexts() Event {
	bare := *e
	if e.Message == nil {
		return bare
	}
	m := *e.Message
	m.Withheld = m.Text != "" || m.Name != ""
	m.Text, m.Name = "", ""
	if m.Media != nil {
		media := *m.Media
		m.Withheld = m.Withheld || media.FileName != ""
		media.FileName = ""
		m.Media = &media
	}
	bare.Message = &m
	return bare
}

// shown is the message as sinks and callers get it: without the key of its media.
func (m *Message) shown() *Message {
	if m == nil || m.Media == nil || m.Media.Ref == nil {
		return m
	}
	out, media := *m, *m.Media
	media.Ref = nil
	out.Media = &media
	return &out
}
