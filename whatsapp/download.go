package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"

	"go.mau.fi/whatsmeow"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// ErrGone is wrapped when WhatsApp no longer has a file. It keeps files for some
// weeks.
var ErrGone = errors.New("WhatsApp no longer has it")

// sealing is by how much a file is longer as WhatsApp keeps it: its padding, and
// its code of authenticity.
const sealing = 16 + 10

var errTooLong = errors.New("the file is longer than its sender said")

// Download implements [instance.Conn]. The file is checked against what the
// sender said of it before w gets anything. An [*instance.InvalidError] is about
// the reference, or wraps [ErrGone] too.
func (c *conn) Download(ctx context.Context, m record.Media, w io.Writer) error {
	r, err := parseRef(m.Ref)
	if err != nil {
		return &instance.InvalidError{Field: "media", Problem: err.Error()}
	}
	f, err := newSpool(c.driver.cfg.Spool, m.Bytes)
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	defer f.close()
	fields := r.fields
	if err := c.mediaHosts(ctx); err != nil {
		return fmt.Errorf("download: %w", downloadError(err))
	}
	err = c.client.DownloadMediaWithPathToFile(ctx, fields.GetDirectPath(), fields.GetFileEncSHA256(), fields.GetFileSHA256(),
		fields.GetMediaKey(), int(min(fields.GetFileLength(), math.MaxInt)), r.kind, "", f)
	if err != nil {
		return fmt.Errorf("download: %w", downloadError(err))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("download: %w", err)
	}
	return nil
}

// downloadError is the library's error without the URL, which is a credential.
func downloadError(err error) error {
	var status whatsmeow.DownloadHTTPError
	var refused *whatsmeow.IQError
	var request *url.Error
	switch {
	case errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404), errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410),
		errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith403): // what it answers once a path has expired
		gone := &instance.InvalidError{Field: "media", Problem: "WhatsApp no longer has the file; its sender can send it again"}
		return fmt.Errorf("%w (%w)", gone, ErrGone)
	case errors.As(err, &status):
		return fmt.Errorf("WhatsApp answered with status %d", status.StatusCode)
	case errors.As(err, &refused):
		return fmt.Errorf("WhatsApp refused it with code %d", refused.Code)
	case errors.As(err, &request):
		return request.Err
	case errors.Is(err, whatsmeow.ErrNotConnected):
		return instance.ErrNotConnected
	default:
		return err
	}
}

// spool is a file without a name, of bounded length, to check a download in
// before anybody gets it. Downloads do not fit into memory.
type spool struct {
	file  *os.File
	limit int64
}

func newSpool(dir string, bytes int64) (*spool, error) {
	f, err := os.CreateTemp(dir, "switchhook-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &spool{f, min(max(bytes, 0), math.MaxInt64-sealing) + sealing}, nil
}

func (s *spool) close() { _ = s.file.Close() }

// Write implements [io.Writer]; so does nothing else of *os.File, which would
// write around the limit.
func (s *spool) Write(p []byte) (int, error) {
	at, err := s.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at > s.limit-int64(len(p)) {
		return 0, errTooLong
	}
	return s.file.Write(p)
}

func (s *spool) WriteAt(p []byte, at int64) (int, error) {
	if at > s.limit-int64(len(p)) {
		return 0, errTooLong
	}
	return s.file.WriteAt(p, at)
}

func (s *spool) Read(p []byte) (int, error)               { return s.file.Read(p) }
func (s *spool) ReadAt(p []byte, at int64) (int, error)   { return s.file.ReadAt(p, at) }
func (s *spool) Seek(at int64, whence int) (int64, error) { return s.file.Seek(at, whence) }
func (s *spool) Truncate(size int64) error                { return s.file.Truncate(min(size, s.limit)) }
func (s *spool) Stat() (os.FileInfo, error)               { return s.file.Stat() }
