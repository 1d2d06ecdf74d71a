package whatsapp

import (
	"encoding/hex"
	"errors"
	"math"
	"net/url"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/record"
)

// file is what every kind of media message says of its file.
type file interface {
	proto.Message
	whatsmeow.DownloadableMessage
	GetFileLength() uint64
}

// mediaOf reads a file that came with a message. A nil media means that there is
// none.
func mediaOf(m proto.Message) (kind string, media *record.Media) {
	f, ok := m.(file)
	if !ok {
		return "", nil
	}
	media = &record.Media{Bytes: int64(min(f.GetFileLength(), math.MaxInt64)), Ref: newRef(f)}
	if sum := f.GetFileSHA256(); len(sum) == 32 {
		media.SHA256 = hex.EncodeToString(sum)
	}
	media.MIME = "application/octet-stream"
	if t, ok := m.(interface{ GetMimetype() string }); ok && t.GetMimetype() != "" {
		media.MIME = bounded(t.GetMimetype(), maxID)
	}
	if t, ok := m.(interface{ GetSeconds() uint32 }); ok {
		media.Seconds = int(t.GetSeconds())
	}
	switch m := m.(type) {
	case *waE2E.ImageMessage:
		kind = "image"
	case *waE2E.VideoMessage:
		kind = "video"
	case *waE2E.AudioMessage:
		if kind = "audio"; m.GetPTT() {
			kind = "voice"
		}
	case *waE2E.DocumentMessage:
		kind, media.FileName = "document", baseName(oneOf(m.GetFileName(), m.GetTitle()))
	case *waE2E.StickerMessage:
		kind = "sticker"
	case *waE2E.StickerPackMessage:
		kind, media.FileName = "sticker_pack", baseName(m.GetName())
	default:
		return "", nil
	}
	return kind, media
}

// baseName is the last part of what a sender calls a file.
func baseName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return bounded(name, 255)
}

// ref is where WhatsApp keeps a file, and its keys.
type ref struct {
	kind   whatsmeow.MediaType
	fields *waE2E.DocumentMessage // of whatever kind: as a list of fields
}

// Its bytes are: the version, the kind, the fields.
const refVersion = 1

// refKinds are the kinds of key by their number in a ref; numbers stay.
var refKinds = map[byte]whatsmeow.MediaType{
	1: whatsmeow.MediaImage, 2: whatsmeow.MediaVideo, 3: whatsmeow.MediaAudio, 4: whatsmeow.MediaDocument, 5: whatsmeow.MediaStickerPack,
}

var (
	errNoRef  = errors.New("the message did not say where its file is")
	errBadRef = errors.New("the reference to the file is damaged, or of a newer version")
)

// newRef keeps what is needed to fetch a file; nil if the message does not say
// it.
func newRef(f file) []byte {
	path := directPath(f)
	if path == "" {
		return nil
	}
	fields := &waE2E.DocumentMessage{
		DirectPath: proto.String(path), FileLength: proto.Uint64(f.GetFileLength()),
		MediaKey: f.GetMediaKey(), FileSHA256: f.GetFileSHA256(), FileEncSHA256: f.GetFileEncSHA256(),
	}
	for number, kind := range refKinds {
		if kind == whatsmeow.GetMediaType(f) {
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(fields)
			if err != nil {
				return nil
			}
			return append([]byte{refVersion, number}, raw...)
		}
	}
	return nil
}

// directPath is the path of a file on WhatsApp's media servers. The sender gives
// it, and the library puts it behind the name of a host, or fetches whatever URL
// the message holds: so it must be a path, and the URL is taken only as one.
func directPath(f file) string {
	if p := f.GetDirectPath(); validPath(p) {
		return p
	}
	u, ok := f.(interface{ GetURL() string })
	if !ok {
		return ""
	}
	at, err := url.Parse(u.GetURL())
	if err != nil || at.Scheme != "https" || !strings.HasSuffix(at.Hostname(), ".whatsapp.net") || !validPath(at.RequestURI()) {
		return ""
	}
	return at.RequestURI()
}

// validPath reports whether p leaves the host before it alone, and is short
// enough to be no attempt at anything.
func validPath(p string) bool {
	if len(p) > 2048 || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") {
		return false
	}
	for i := range len(p) {
		if p[i] <= ' ' || p[i] > '~' || p[i] == '#' || p[i] == '\\' {
			return false
		}
	}
	return true
}

// parseRef is the inverse of newRef.
func parseRef(raw []byte) (*ref, error) {
	if len(raw) == 0 {
		return nil, errNoRef
	}
	if len(raw) < 2 || raw[0] != refVersion || refKinds[raw[1]] == "" {
		return nil, errBadRef
	}
	r := &ref{kind: refKinds[raw[1]], fields: &waE2E.DocumentMessage{}}
	if err := proto.Unmarshal(raw[2:], r.fields); err != nil {
		return nil, errBadRef
	}
	if !validPath(r.fields.GetDirectPath()) {
		return nil, errBadRef
	}
	return r, nil
}
