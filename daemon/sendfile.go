package daemon

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// How many files may be on their way at once, from the first byte of a request to
// WhatsApp's answer: of one instance, and of all. Each holds a descriptor and, on
// the disk, what has come of it. Whoever has a turn finds one at the instance.
const (
	filesEach = instance.MaxUploads
	filesAll  = 256
)

// fileTurns counts files on their way.
type fileTurns struct{ all atomic.Int32 }

// take takes a turn for a file of m, or answers false if there is none.
func (t *fileTurns) take(m *member) (done func(), ok bool) {
	if t.all.Add(1) > filesAll {
		t.all.Add(-1)
		return nil, false
	}
	if m.files.Add(1) > filesEach {
		m.files.Add(-1)
		t.all.Add(-1)
		return nil, false
	}
	return func() { m.files.Add(-1); t.all.Add(-1) }, true
}

// HoldFile implements [api.Instances].
func (f *fleet) HoldFile(_ context.Context, id string) (api.HeldFile, error) {
	if f.byID(id) == nil {
		return nil, instance.ErrNotFound
	}
	s, err := f.files.Of(id).Spool(0)
	if err != nil {
		return nil, noRoom(err)
	}
	return held{s}, nil
}

// held is a content that is on the disk already.
type held struct{ *files.Spool }

func (h held) Write(p []byte) (int, error) {
	n, err := h.Spool.Write(p)
	return n, noRoom(err)
}

// SendFile implements [api.Instances].
func (f *fleet) SendFile(ctx context.Context, id string, file instance.File, content io.Reader) (record.Message, error) {
	return on(f, id, func(i *instance.Instance) (record.Message, error) {
		if err := foreseen(i, file); err != nil {
			return record.Message{}, err
		}
		m := f.byID(id)
		if m == nil {
			return record.Message{}, instance.ErrNotFound
		}
		done, ok := f.turns.take(m)
		if !ok {
			return record.Message{}, instance.ErrBusy
		}
		defer done()
		s, err := f.spool(ctx, id, content)
		if err != nil {
			return record.Message{}, err
		}
		defer func() { _ = s.Close() }() // never fails; what was held is its caller's, who is done with it
		head := make([]byte, sniffed)
		n, err := io.ReadFull(s, head)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return record.Message{}, err
		}
		file.MIME = mediaType(file.MIME, file.Name, head[:n])
		file.Name = fileName(file.Name, file.MIME)
		return i.SendFile(ctx, file, s)
	})
}

// foreseen refuses a file of which it is known before it has come that it cannot
// be sent.
func foreseen(i *instance.Instance, file instance.File) error {
	file.Name = fileName(file.Name, "")
	if vague(file.MIME) {
		file.MIME = "application/octet-stream"
	}
	if err := file.Check(); err != nil {
		return err
	}
	if st := i.Status(); st.Record.State != fsm.Authenticated {
		return instance.ErrNotConnected
	}
	return nil
}

// spool takes a content to its end into a file without a name, unless it is in one
// already, and that to its beginning. The caller closes it.
func (f *fleet) spool(ctx context.Context, id string, content io.Reader) (_ *files.Spool, err error) {
	h, there := content.(held)
	s := h.Spool
	if !there {
		if s, err = f.files.Of(id).Spool(0); err != nil {
			return nil, noRoom(err)
		}
	}
	defer func() {
		if err != nil {
			_ = s.Close() // never fails
		}
	}()
	if !there {
		from := &source{ctx: ctx, r: content}
		switch _, err := io.Copy(s, io.LimitReader(from, instance.MaxFile+1)); {
		case from.err != nil:
			return nil, &api.ContentError{Err: from.err}
		case err != nil:
			return nil, noRoom(err)
		}
	}
	if s.Size() > instance.MaxFile {
		return nil, &instance.InvalidError{Field: "file", Problem: "is larger than " + files.Bytes(instance.MaxFile)}
	}
	_, err = s.Seek(0, io.SeekStart)
	return s, err
}

// source tells the errors of a content apart from those of the disk.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.r.Read(p)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// sniffed is how much of a file says what it is, as package http knows it.
const sniffed = 512

// mediaType is what a file is: as it was called, where that can be; otherwise as its
// content looks, and by its name where a look tells little. Only what is a picture is
// called one, because a phone shows nothing of any other.
func mediaType(given, name string, head []byte) string {
	looks, _, _ := mime.ParseMediaType(http.DetectContentType(head))
	shown := looks == "image/jpeg" || looks == "image/png"
	called, _, err := mime.ParseMediaType(given)
	claims := called == "image/jpeg" || called == "image/jpg" || called == "image/png"
	byName := known[strings.ToLower(path.Ext(name))]
	switch {
	case !vague(given) && err == nil && !claims:
		return given
	case shown, byName == "", looks != "application/octet-stream" && looks != "application/zip" && looks != "text/plain":
		return looks
	default:
		return byName
	}
}

// vague reports whether a type says nothing.
func vague(given string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(given), ";")
	kind = strings.TrimSpace(kind)
	return kind == "" || kind == "application/octet-stream" || strings.Contains(kind, "*")
}

// known are types by their files' extension, of files that look like others. The
// system's own table differs from machine to machine.
var known = map[string]string{
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text",
	".ods":  "application/vnd.oasis.opendocument.spreadsheet",
	".odp":  "application/vnd.oasis.opendocument.presentation",
	".doc":  "application/msword",
	".xls":  "application/vnd.ms-excel",
	".ppt":  "application/vnd.ms-powerpoint",
	".epub": "application/epub+zip",
	".apk":  "application/vnd.android.package-archive",
	".csv":  "text/csv",
	".json": "application/json",
	".vcf":  "text/vcard",
	".ics":  "text/calendar",
	".md":   "text/markdown",
	".m4a":  "audio/mp4",
	".7z":   "application/x-7z-compressed",
}

// The longest name of a file, and the longest extension that survives a cut, in
// bytes.
const (
	maxFileName  = 255
	maxExtension = 20
)

// fileName is the last part of what a file is called, without what cannot be seen
// or turns writing around, and never empty.
func fileName(name, mediaType string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, name))
	if strings.Trim(name, ".") == "" {
		return "file" + (&record.Media{MIME: mediaType}).Extension()
	}
	ext := path.Ext(name)
	if len(ext) > maxExtension {
		ext = ""
	}
	if len(name) > maxFileName {
		stem := name[:maxFileName-len(ext)]
		for !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = stem + ext
	}
	return name
}
