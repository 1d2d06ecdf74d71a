package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Upload implements [instance.Conn]. The file is encrypted into one without a name
// first: WhatsApp wants to know the hash of what it is about to get. Nothing of it
// is ever whole in memory.
func (c *conn) Upload(ctx context.Context, f instance.File, content io.ReadSeeker) (instance.Sending, error) {
	to, err := recipient(f.To)
	if err == nil {
		err = checkID(f.ID)
	}
	if err != nil {
		return nil, err
	}
	if c.self.Load() == nil || !c.LoggedOn() {
		return nil, instance.ErrNotConnected
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	kind, look := whatsmeow.MediaDocument, preview{}
	if isPicture(f.MIME) {
		kind, look = whatsmeow.MediaImage, c.driver.preview(ctx, f.MIME, content)
	}
	up, err := c.upload(ctx, content, kind)
	switch {
	case c.life.Err() != nil:
		return nil, fmt.Errorf("upload: %w", instance.ErrNotConnected)
	case err != nil:
		return nil, fmt.Errorf("upload: %w", uploadError(err))
	}
	message := documentMessage(f, up)
	if kind == whatsmeow.MediaImage {
		message = imageMessage(f, up, look)
	}
	return func(ctx context.Context) (record.Message, error) { return c.sendFile(ctx, to, f, message) }, nil
}

// upload encrypts a file and gives it to WhatsApp.
func (c *conn) upload(ctx context.Context, content io.ReadSeeker, kind whatsmeow.MediaType) (up whatsmeow.UploadResponse, err error) {
	if err := c.mediaHosts(ctx); err != nil {
		return up, err
	}
	f, err := newSpool(c.driver.cfg.Spool, instance.MaxFile)
	if err != nil {
		return up, err
	}
	defer f.close()
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return up, err
	}
	if up, err = c.client.UploadReader(ctx, content, f, kind); err != nil {
		return up, err
	}
	if !validPath(up.DirectPath) {
		return up, errNoPlace
	}
	return up, nil
}

// mediaHosts has the library know where the media servers are, before it asks by
// itself. It would take the first of none, and panic (read in v0.0.0-20251217143725,
// rawUpload). And when a context ends while its question is being sent, it closes
// the channel that the answer may be on its way to, which is the end of the process
// (cancelResponse, receiveResponse): so the question heeds none, and ends by itself.
func (c *conn) mediaHosts(ctx context.Context) error {
	answer := make(chan error, 1)
	go func() {
		known, err := c.client.DangerousInternals().RefreshMediaConn(context.WithoutCancel(ctx), false) //nolint:staticcheck // deprecated as a warning: there is no other way to ask
		if err == nil && len(known.Hosts) == 0 {
			err = errNoHost
		}
		answer <- err
	}()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

var (
	errNoHost  = errors.New("WhatsApp names no server for files")
	errNoPlace = errors.New("WhatsApp does not say where it has put the file")
)

// sendFile sends the message that a file belongs to.
func (c *conn) sendFile(ctx context.Context, to types.JID, f instance.File, message *waE2E.Message) (record.Message, error) {
	m, err := c.sendMessage(ctx, to, f.ID, message)
	if err != nil {
		return record.Message{}, fmt.Errorf("send file: %w", err)
	}
	sent, _ := contentOf(message)
	m.Text = f.Caption
	m.Type, m.Media = mediaOf(sent.message())
	if m.Media != nil {
		m.Media.FileName = f.Name // pictures do not carry it
	}
	return m, nil
}

// documentMessage is the message of any file. One with a caption needs a wrapper, as
// WhatsApp's own clients have it.
func documentMessage(f instance.File, up whatsmeow.UploadResponse) *waE2E.Message {
	d := &waE2E.DocumentMessage{
		Mimetype: &f.MIME, FileName: &f.Name, Title: &f.Name, URL: &up.URL, DirectPath: &up.DirectPath,
		MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
	}
	if f.Caption == "" {
		return &waE2E.Message{DocumentMessage: d}
	}
	d.Caption = &f.Caption
	return &waE2E.Message{DocumentWithCaptionMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{DocumentMessage: d}}}
}

// imageMessage is the message of a picture.
func imageMessage(f instance.File, up whatsmeow.UploadResponse, look preview) *waE2E.Message {
	i := &waE2E.ImageMessage{
		Mimetype: &f.MIME, URL: &up.URL, DirectPath: &up.DirectPath, JPEGThumbnail: look.thumbnail,
		MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256, FileLength: &up.FileLength,
	}
	if f.Caption != "" {
		i.Caption = &f.Caption
	}
	if look.width > 0 {
		i.Width, i.Height = proto.Uint32(uint32(look.width)), proto.Uint32(uint32(look.height))
	}
	return &waE2E.Message{ImageMessage: i}
}

// uploadError is the library's error without the URL, which holds a credential.
func uploadError(err error) error {
	var refused *whatsmeow.IQError
	var request *url.Error
	var status statusError
	var disk *os.PathError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("WhatsApp refused it with code %d", refused.Code) // its text may be the answer's XML
	case errors.As(err, &status):
		return status
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the disk of the data directory has no room for it", instance.ErrFull)
	case errors.As(err, &disk):
		return fmt.Errorf("the data directory cannot be written: %w", disk.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return errNoAnswer
	case errors.As(err, &request):
		return request.Err
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrIQDisconnected):
		return instance.ErrNotConnected
	default:
		return maskedError{err}
	}
}

// statusError is what a media server has answered an upload with.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("WhatsApp answered with status %d", int(s)) }

// maxUploadAnswer bounds the answer to an upload; it says two addresses.
const maxUploadAnswer = 64 << 10

// uploads is a transport that tells the statuses of uploads apart, which the
// library does not, and reads no more of an answer than it should be.
type uploads struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (u uploads) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := u.RoundTripper.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost {
		return res, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, statusError(res.StatusCode)
	}
	res.Body = firstOf{io.LimitReader(res.Body, maxUploadAnswer), res.Body}
	return res, nil
}

// firstOf is the beginning of a body.
type firstOf struct {
	io.Reader
	io.Closer
}

// isPicture reports whether a type is shown as a picture.
func isPicture(mime string) bool {
	kind, _, _ := strings.Cut(mime, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "image/jpeg", "image/png":
		return true
	}
	return false
}
