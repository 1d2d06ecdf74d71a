package sandbox

import (
	"cmp"
	"maps"
	"slices"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

// mediaKind is how a kind of file is made into a message.
type mediaKind struct {
	purpose string // of its keys
	mime    string // when nobody says
	message func(m Media, f sealedFile) *waE2E.Message
}

// mediaTable has the kinds of files there are. Stickers use the keys of images.
var mediaTable = map[string]mediaKind{
	"image": {"WhatsApp Image Keys", "image/jpeg", func(m Media, f sealedFile) *waE2E.Message {
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			Mimetype: &m.MIME, Caption: words(m.Caption), DirectPath: &f.path, MediaKey: f.key, MediaKeyTimestamp: &f.keyTime,
			FileSHA256: f.plain[:], FileEncSHA256: f.cipher[:], FileLength: &f.size, URL: f.url(),
		}}
	}},
	"video": {"WhatsApp Video Keys", "video/mp4", func(m Media, f sealedFile) *waE2E.Message {
		return &waE2E.Message{VideoMessage: &waE2E.VideoMessage{
			Mimetype: &m.MIME, Caption: words(m.Caption), DirectPath: &f.path, MediaKey: f.key, MediaKeyTimestamp: &f.keyTime,
			FileSHA256: f.plain[:], FileEncSHA256: f.cipher[:], FileLength: &f.size, URL: f.url(),
		}}
	}},
	"audio": {"WhatsApp Audio Keys", "audio/ogg; codecs=opus", func(m Media, f sealedFile) *waE2E.Message {
		return &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			Mimetype: &m.MIME, DirectPath: &f.path, MediaKey: f.key, MediaKeyTimestamp: &f.keyTime,
			FileSHA256: f.plain[:], FileEncSHA256: f.cipher[:], FileLength: &f.size, URL: f.url(),
		}}
	}},
	"document": {"WhatsApp Document Keys", "application/octet-stream", func(m Media, f sealedFile) *waE2E.Message {
		return &waE2E.Message{DocumentMessage: &waE2E.DocumentMessage{
			Mimetype: &m.MIME, Caption: words(m.Caption), FileName: words(m.FileName), Title: words(m.FileName),
			DirectPath: &f.path, MediaKey: f.key, MediaKeyTimestamp: &f.keyTime,
			FileSHA256: f.plain[:], FileEncSHA256: f.cipher[:], FileLength: &f.size, URL: f.url(),
		}}
	}},
	"sticker": {"WhatsApp Image Keys", "image/webp", func(m Media, f sealedFile) *waE2E.Message {
		return &waE2E.Message{StickerMessage: &waE2E.StickerMessage{
			Mimetype: &m.MIME, DirectPath: &f.path, MediaKey: f.key, MediaKeyTimestamp: &f.keyTime,
			FileSHA256: f.plain[:], FileEncSHA256: f.cipher[:], FileLength: &f.size, URL: f.url(),
		}}
	}},
}

func mediaKinds() []string { return slices.Sorted(maps.Keys(mediaTable)) }

// mediaMessage encrypts a file, puts it where it can be fetched, and makes the
// message that says where.
func (n *Network) mediaMessage(m Media, sender string) (*waE2E.Message, error) {
	kind := mediaTable[m.Kind]
	m.MIME = cmp.Or(m.MIME, kind.mime)
	f, err := sealFile(m.Bytes, kind.purpose)
	if err != nil {
		return nil, err
	}
	f.path = n.media.put(f.body, sender)
	return kind.message(m, f), nil
}

func (f sealedFile) url() *string { return proto.String("https://" + mediaHost + f.path) }

// words leaves out what says nothing.
func words(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// readMedia says what file a companion has sent.
func readMedia(m *waE2E.Message) (kind, caption, target, mime string) {
	switch {
	case m.GetImageMessage() != nil:
		return "image", m.GetImageMessage().GetCaption(), "", m.GetImageMessage().GetMimetype()
	case m.GetVideoMessage() != nil:
		return "video", m.GetVideoMessage().GetCaption(), "", m.GetVideoMessage().GetMimetype()
	case m.GetAudioMessage() != nil:
		return "audio", "", "", m.GetAudioMessage().GetMimetype()
	case m.GetDocumentMessage() != nil:
		return "document", m.GetDocumentMessage().GetCaption(), "", m.GetDocumentMessage().GetMimetype()
	case m.GetStickerMessage() != nil:
		return "sticker", "", "", m.GetStickerMessage().GetMimetype()
	}
	return "other", "", "", ""
}
