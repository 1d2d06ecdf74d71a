package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	imagejpeg "image/jpeg"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// photo is a picture.
func snapshot(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := imagejpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nothingLeft holds that no file that was on its way has stayed.
func (r *rig) nothingLeft() {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.HasPrefix(d.Name(), ".writing-") || strings.HasPrefix(d.Name(), "switchhook-")) {
			r.t.Errorf("left: %s", path)
		}
		return nil // some go while they are looked at
	})
	if err != nil {
		r.t.Error(err)
	}
}

// TestFilesAreSent: a picture and a document reach the phone as they were, are
// recorded and receipted, and can be fetched again.
func TestFilesAreSent(t *testing.T) {
	air, err := sandbox.Open(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d := runDaemon(t, shortDir(t), onSandbox(serveSandbox(t, air)))
	d.pair("shop", "")
	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "read"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out     api.OutgoingFile
		content []byte
		kind    string
		media   record.Media
	}{
		{api.OutgoingFile{Name: "a.jpg", Caption: "look", ID: "MINE"}, snapshot(t), "image", record.Media{MIME: "image/jpeg", FileName: "a.jpg"}},
		{api.OutgoingFile{Name: `C:\letters\contract.docx`}, []byte("PK\x03\x04 and so on"), "document", record.Media{MIME: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", FileName: "contract.docx"}},
		{api.OutgoingFile{}, []byte("%PDF-1.7"), "document", record.Media{MIME: "application/pdf", FileName: "file.pdf"}},
	} {
		c.out.To = contact
		before := d.find("shop").Seq
		sent, err := d.admin.SendFile(t.Context(), "shop", c.out, bytes.NewReader(c.content))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.content)
		c.media.Bytes, c.media.SHA256 = int64(len(c.content)), hex.EncodeToString(sum[:])
		out := d.event("shop", before, "what was sent", kind(record.MessageSent))
		m := out.Data.Message
		if m.ID != sent.ID || c.out.ID != "" && m.ID != c.out.ID || m.Text != c.out.Caption || m.Type != c.kind || m.Media == nil || fmt.Sprint(*m.Media) != fmt.Sprint(c.media) {
			t.Errorf("recorded %+v with %+v", m, m.Media)
		}
		if sent.Media == nil || fmt.Sprint(*sent.Media) != fmt.Sprint(c.media) {
			t.Errorf("answered %+v", sent.Media)
		}
		for _, want := range []string{"delivered", "read"} {
			r := d.event("shop", before, want, func(e client.Event) bool { return e.Type == record.MessageReceipt && e.Data.Message.Type == want })
			if r.Data.Message.Targets[0] != sent.ID {
				t.Errorf("%s: %+v", want, r.Data.Message)
			}
		}
		inbox, err := d.admin.Inbox(t.Context(), contact)
		if err != nil || len(inbox) == 0 {
			t.Fatal(err)
		}
		if got := inbox[len(inbox)-1]; got.ID != sent.ID || got.Type != c.kind || got.MIME != c.media.MIME || got.Bytes != c.media.Bytes || got.Text != c.out.Caption || c.kind == "document" && got.FileName != c.media.FileName {
			t.Errorf("the phone has %+v", got)
		}
		var opened, fetched bytes.Buffer
		if err := air.ReadFile(t.Context(), contact, sent.ID, &opened); err != nil || !bytes.Equal(opened.Bytes(), c.content) {
			t.Errorf("the phone opened %d bytes, %v", opened.Len(), err)
		}
		if _, err := d.admin.Fetch(t.Context(), "shop", out.Seq); err != nil {
			t.Fatal(err)
		}
		if err := d.admin.Media(t.Context(), "shop", out.Seq, &fetched); err != nil || !bytes.Equal(fetched.Bytes(), c.content) {
			t.Errorf("fetched %d bytes, %v", fetched.Len(), err)
		}
	}
	if n := d.find("shop").Messages.Sent; n != 3 {
		t.Errorf("counted %d", n)
	}
	d.nothingLeft()
}

// serveSandbox serves a network until the test ends and answers where.
func serveSandbox(t *testing.T, air *sandbox.Network) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- air.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-served, air.Close()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// slowly is a content that says when it is first read, and then waits for an error.
type slowly struct {
	once  sync.Once
	begun chan struct{}
	ends  chan error
}

func newSlowly() *slowly { return &slowly{begun: make(chan struct{}), ends: make(chan error)} }

func (s *slowly) Read(p []byte) (int, error) {
	first := false
	s.once.Do(func() { first = true; close(s.begun) })
	if first {
		return copy(p, "half of it"), nil
	}
	return 0, <-s.ends
}

// announced is a driver whose connections tell when an upload begins.
func announced(begun chan<- struct{}) func(instance.Driver) instance.Driver {
	return func(d instance.Driver) instance.Driver { return announcing{d, begun} }
}

type announcing struct {
	instance.Driver
	begun chan<- struct{}
}

func (a announcing) Open(spec instance.Spec) (instance.Conn, error) {
	c, err := a.Driver.Open(spec)
	return announcingConn{c, a.begun}, err
}

type announcingConn struct {
	instance.Conn
	begun chan<- struct{}
}

func (c announcingConn) Upload(ctx context.Context, f instance.File, content io.ReadSeeker) (instance.Sending, error) {
	c.begun <- struct{}{}
	return c.Conn.Upload(ctx, f, content)
}

// TestFilesThatCannotBeSent: whoever is to blame, the error says so, nothing is
// recorded as sent, nothing stays on the disk, and the next file goes.
func TestFilesThatCannotBeSent(t *testing.T) {
	few := func(c *configs.Config) { c.Files = configs.Files{PerInstance: 5 << 20, Total: 1 << 30} }
	begun := make(chan struct{}, 16)
	d := runPrepared(t, shortDir(t), few, func(d *daemon.Daemon) { d.Wrap(announced(begun)) })
	d.pair("shop", "")
	own := d.find("shop").Phone
	to := api.OutgoingFile{To: contact, Name: "a.bin"}
	uploads := func(how string) {
		t.Helper()
		if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: own, Uploads: how}); err != nil {
			t.Fatal(err)
		}
	}
	before := d.find("shop").Seq
	for how, c := range map[string]struct {
		size int
		says string
	}{
		"403": {1000, ": upload: WhatsApp answered with status 403"}, "500": {1000, ": upload: WhatsApp answered with status 500"},
		"507": {1000, ": upload: WhatsApp answered with status 507"}, "cut": {4 << 20, ""}, "babble": {1000, ""},
	} {
		uploads(how)
		_, err := d.admin.SendFile(t.Context(), "shop", to, bytes.NewReader(make([]byte, c.size)))
		refused := (*client.Error)(nil)
		if !errors.As(err, &refused) || refused.Code != "upload_failed" || !strings.Contains(err.Error(), "the file could not be uploaded, and nothing was sent"+c.says) || strings.Contains(err.Error(), "://") {
			t.Errorf("%s: %v", how, err)
		}
	}

	uploads("hang")
	for range 5 { // those above
		<-begun
	}
	failed := make(chan error, 1)
	hangs := func(ctx context.Context) {
		go func() {
			_, err := d.admin.SendFile(ctx, "shop", to, bytes.NewReader(make([]byte, 4<<20)))
			failed <- err
		}()
		<-begun
	}
	ctx, cancel := context.WithCancel(t.Context())
	hangs(ctx)
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller goes: %v", err)
	}
	hangs(t.Context())
	if _, err := d.admin.Fault(t.Context(), "shop", "drop", false); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("the connection goes: %v", err)
	}
	d.reach("shop", fsm.Authenticated)

	uploads("")
	if _, err := d.admin.SendFile(t.Context(), "shop", to, io.NewSectionReader(none{}, 0, 6<<20)); !errors.Is(err, instance.ErrFull) || !strings.Contains(err.Error(), "files.per_instance") {
		t.Errorf("no room: %v", err)
	}
	if _, err := d.admin.SendFile(t.Context(), "shop", to, strings.NewReader("")); !isInvalid(err, "file") {
		t.Errorf("empty: %v", err)
	}
	broken := errors.New("the disk of the caller is gone")
	s := newSlowly()
	go func() { <-s.begun; s.ends <- broken }()
	if _, err := d.admin.SendFile(t.Context(), "shop", to, s); !errors.Is(err, broken) {
		t.Errorf("it breaks off: %v", err)
	}
	for _, ev := range d.events("shop", before) {
		if ev.Type == record.MessageSent {
			t.Errorf("recorded %+v", ev.Data.Message)
		}
	}
	if _, err := d.admin.Inbox(t.Context(), contact); err == nil {
		t.Error("the phone has heard of it")
	}
	if _, err := d.admin.SendFile(t.Context(), "shop", to, bytes.NewReader(make([]byte, 4<<20))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	d.stored("shop", 0, 0)
	d.nothingLeft()
}

// none is a file of nothing, of any length.
type none struct{}

func (none) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

// TestFilesTakeTurns: slow callers hold few turns, and others are told before they
// send anything.
func TestFilesTakeTurns(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	d.pair("desk", "")
	to := api.OutgoingFile{To: contact, Name: "a.txt", MIME: "text/plain"}
	var slow [instance.MaxUploads]*slowly
	var all sync.WaitGroup
	for i := range slow {
		slow[i] = newSlowly()
		all.Go(func() {
			if _, err := d.admin.SendFile(t.Context(), "shop", to, slow[i]); err != nil {
				t.Errorf("a slow one: %v", err)
			}
		})
		<-slow[i].begun
	}
	const more = 1000
	for range more {
		all.Go(func() {
			late := newSlowly()
			if _, err := d.admin.SendFile(t.Context(), "shop", to, late); !errors.Is(err, instance.ErrBusy) {
				t.Errorf("one too many: %v", err)
			}
			select {
			case <-late.begun:
				t.Error("it was read")
			default:
			}
		})
	}
	if _, err := d.admin.SendFile(t.Context(), "desk", to, strings.NewReader("x")); err != nil {
		t.Errorf("another instance's: %v", err)
	}
	if _, err := d.admin.Send(t.Context(), "shop", api.Outgoing{To: contact, Text: "meanwhile"}); err != nil {
		t.Errorf("a text: %v", err)
	}
	for i := range slow {
		slow[i].ends <- io.EOF
	}
	all.Wait()
	// What is sent is counted behind the answer, with all that hears of the commit.
	d.eventually("all that was sent is counted", func() bool {
		return d.find("shop").Messages.Sent == instance.MaxUploads+1
	})
	d.nothingLeft()
}

// TestStopEndsAnUpload without waiting for it.
func TestStopEndsAnUpload(t *testing.T) {
	begun := make(chan struct{}, 16)
	d := runPrepared(t, shortDir(t), nil, func(d *daemon.Daemon) { d.Wrap(announced(begun)) })
	d.pair("shop", "")
	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: d.find("shop").Phone, Uploads: "hang"}); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := d.admin.SendFile(t.Context(), "shop", api.OutgoingFile{To: contact}, bytes.NewReader(make([]byte, 4<<20)))
		failed <- err
	}()
	<-begun
	began := time.Now()
	if err := d.stop(); err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("stopped after %v: %v", time.Since(began), err)
	}
	if err := <-failed; err == nil {
		t.Error("it was sent")
	}
	d.nothingLeft()
}

// TestLargeFileIsStreamed: 64 MB from the caller to the phone are never in memory:
// all that is allocated on the way, by either side, is a fraction.
func TestLargeFileIsStreamed(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := d.admin.SendFile(t.Context(), "shop", api.OutgoingFile{To: contact, Name: "a.bin"}, io.NewSectionReader(none{}, 0, size))
	if err != nil || m.Media.Bytes != size {
		t.Fatalf("%+v, %v", m, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/4 {
		t.Errorf("%d bytes for a file of %d", used, size)
	}
	d.nothingLeft()
}
