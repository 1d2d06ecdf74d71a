package sandbox

import (
	"cmp"
	"maps"
	"math"
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
func readMedia(m *waE2E.Message, got *ReceivedMessage) {
	switch {
	case m.GetImageMessage() != nil:
		v := m.GetImageMessage()
		got.Kind, got.Text, got.ReceivedFile = "image", v.GetCaption(), receivedFile("image", v)
		got.Width, got.Height, got.Thumbnail = int(v.GetWidth()), int(v.GetHeight()), v.GetJPEGThumbnail()
	case m.GetVideoMessage() != nil:
		got.Kind, got.Text, got.ReceivedFile = "video", m.GetVideoMessage().GetCaption(), receivedFile("video", m.GetVideoMessage())
	case m.GetAudioMessage() != nil:
		got.Kind, got.ReceivedFile = "audio", receivedFile("audio", m.GetAudioMessage())
	case m.GetDocumentMessage() != nil:
		v := m.GetDocumentMessage()
		got.Kind, got.Text, got.ReceivedFile = "document", v.GetCaption(), receivedFile("document", v)
		got.FileName = cmp.Or(v.GetFileName(), v.GetTitle())
	case m.GetStickerMessage() != nil:
		got.Kind, got.ReceivedFile = "sticker", receivedFile("sticker", m.GetStickerMessage())
	default:
		got.Kind = "other"
	}
}

// sentFile is what every message with a file says of it.
type sentFile interface {
	GetMimetype() string
	GetDirectPath() string
	GetMediaKey() []byte
	GetFileSHA256() []byte
	GetFileEncSHA256() []byte
	GetFileLength() uint64
}

func receivedFile(kind string, f sentFile) ReceivedFile {
	return ReceivedFile{MIME: f.GetMimetype(), Bytes: int64(min(f.GetFileLength(), math.MaxInt64)), opens: fileKeys{
		path: f.GetDirectPath(), purpose: mediaTable[kind].purpose, key: f.GetMediaKey(),
		plain: f.GetFileSHA256(), cipher: f.GetFileEncSHA256(),
	}}
}
