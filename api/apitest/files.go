package apitest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// SendFile implements api.Instances. The message is delivered and read at once, and
// what it was sent with can be fetched.
func (f *Fake) SendFile(ctx context.Context, id string, file instance.File, content io.Reader) (record.Message, error) {
	file.Name = cmp.Or(path.Base(strings.ReplaceAll(file.Name, `\`, "/")), "file")
	vague := file.MIME == "" || file.MIME == "application/octet-stream"
	if vague {
		file.MIME = "application/octet-stream"
	}
	if err := f.foreseen(id, file); err != nil {
		return record.Message{}, err
	}
	if held, ok := content.(*heldFile); ok {
		if _, err := held.Seek(0, io.SeekStart); err != nil {
			return record.Message{}, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(content, cmp.Or(f.Room, instance.MaxFile)+1))
	switch {
	case err != nil:
		return record.Message{}, &api.ContentError{Err: err}
	case len(text) == 0:
		return record.Message{}, &instance.InvalidError{Field: "file", Problem: "is empty"}
	case f.Room > 0 && int64(len(text)) > f.Room:
		return record.Message{}, instance.ErrFull
	case len(text) > instance.MaxFile:
		return record.Message{}, &instance.InvalidError{Field: "file", Problem: "is larger than 100 MiB"}
	case vague:
		file.MIME, _, _ = mime.ParseMediaType(http.DetectContentType(text))
	}
	select {
	case <-time.After(f.UploadTakes):
	case <-ctx.Done():
		return record.Message{}, instance.ErrNotReady
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("send file", id)
	if err != nil {
		return record.Message{}, err
	}
	sum := sha256.Sum256(text)
	to := jid(file.To)
	m := record.Message{
		ID: cmp.Or(file.ID, fmt.Sprintf("3EB0%04d", len(h.events)+1)), Chat: to, From: jid(h.session.Phone()), To: to, FromMe: true,
		SentAt: f.Now().UTC(), Text: file.Caption, Type: "document",
		Media: &record.Media{MIME: file.MIME, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:]), FileName: file.Name, Ref: text},
	}
	if file.MIME == "image/jpeg" || file.MIME == "image/png" {
		m.Type = "image"
	}
	f.sent(h, m)
	shown := *m.Media
	shown.Ref = nil
	m.Media = &shown
	return m, nil
}

// HoldFile implements api.Instances.
func (f *Fake) HoldFile(context.Context, string) (api.HeldFile, error) {
	file, err := os.CreateTemp("", "switchhook-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name())
	f.Held.Add(1)
	return &heldFile{file, f}, nil
}

type heldFile struct {
	*os.File
	of *Fake
}

func (h *heldFile) Close() error {
	h.of.Held.Add(-1)
	return h.File.Close()
}

// foreseen is what is known before the file has come.
func (f *Fake) foreseen(id string, file instance.File) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	switch {
	case f.err != nil:
		return f.err
	case err != nil:
		return err
	case file.Check() != nil:
		return file.Check()
	case h.State != fsm.Authenticated:
		return instance.ErrNotConnected
	}
	return nil
}
