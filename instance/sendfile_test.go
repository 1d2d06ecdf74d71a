package instance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

var letter = instance.File{ID: "m2", To: "5511999990000", Name: "letter.txt", MIME: "text/plain", Caption: "read this"}

// sendFile begins a command that sends a file.
func (r *rig) sendFile() *call { return r.command("send file") }

func TestSendFile(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		sent := r.sendFile()
		if c.uploading.Load() != 1 || !sent.waits() {
			t.Fatal("it is not being uploaded")
		}
		c.uploads <- nil
		synctest.Wait()
		if len(r.messages()) != 0 {
			t.Error("recorded before WhatsApp had it")
		}
		c.sentTexts <- nil
		sent.wantErr(t, nil)
		m, ok := sent.value.(record.Message)
		if !ok || m.ID != "m2" || m.Media == nil || m.Media.Bytes != 8 || m.Media.Ref != nil {
			t.Errorf("sent %+v", m)
		}
		r.journal.mu.Lock()
		last := r.journal.events[len(r.journal.events)-1]
		r.journal.mu.Unlock()
		if last.Kind != record.MessageSent || last.Message.Text != "read this" || last.Message.Media.FileName != "letter.txt" || last.Message.Media.Ref == nil {
			t.Errorf("recorded %+v", last.Message)
		}
	})
}

func TestSendFileRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		bad := func(change func(*instance.File)) instance.File {
			f := letter
			change(&f)
			return f
		}
		for field, files := range map[string][]instance.File{
			"to": {bad(func(f *instance.File) { f.To = "" })},
			"id": {bad(func(f *instance.File) { f.ID = strings.Repeat("x", 129) })},
			"name": {
				bad(func(f *instance.File) { f.Name = "" }), bad(func(f *instance.File) { f.Name = "../a" }), bad(func(f *instance.File) { f.Name = `C:\a` }),
				bad(func(f *instance.File) { f.Name = "a\nb" }), bad(func(f *instance.File) { f.Name = "\xff" }), bad(func(f *instance.File) { f.Name = strings.Repeat("x", 256) }),
			},
			"mime": {
				bad(func(f *instance.File) { f.MIME = "" }), bad(func(f *instance.File) { f.MIME = "pdf" }), bad(func(f *instance.File) { f.MIME = "a/b; c" }),
				bad(func(f *instance.File) { f.MIME = "a/" + strings.Repeat("b", 128) }),
			},
			"caption": {bad(func(f *instance.File) { f.Caption = strings.Repeat("x", 65537) }), bad(func(f *instance.File) { f.Caption = "\xff" })},
		} {
			for _, f := range files {
				var invalid *instance.InvalidError
				if _, err := r.SendFile(t.Context(), f, strings.NewReader("x")); !errors.As(err, &invalid) || invalid.Field != field {
					t.Errorf("%+v: %v", f, err)
				}
			}
		}
		for size, says := range map[int64]string{0: "is empty", instance.MaxFile + 1: "100 MiB"} {
			if _, err := r.SendFile(t.Context(), letter, io.NewSectionReader(nil, 0, size)); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("offline: %v", err)
		}
	})
}

// TestSendFileFails: who is told what, and that nothing is recorded.
func TestSendFileFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		var sendErr *instance.SendError
		var invalid *instance.InvalidError
		c.uploads <- errors.New("WhatsApp answered with status 500")
		_, err := r.SendFile(t.Context(), letter, strings.NewReader("x"))
		if !errors.As(err, &sendErr) || !errors.Is(err, instance.ErrNotUploaded) ||
			err.Error() != "the file could not be uploaded, and nothing was sent: WhatsApp answered with status 500" {
			t.Errorf("not uploaded: %v", err)
		}
		c.uploads <- &instance.InvalidError{Field: "to", Problem: "is a group"}
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.As(err, &invalid) || errors.As(err, &sendErr) && errors.Is(err, instance.ErrNotUploaded) {
			t.Errorf("a bad recipient: %v", err)
		}
		c.uploads <- fmt.Errorf("%w: clear it", instance.ErrFull)
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.Is(err, instance.ErrFull) || errors.Is(err, instance.ErrNotUploaded) {
			t.Errorf("no room: %v", err)
		}
		c.uploads <- instance.ErrNotConnected
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.Is(err, instance.ErrNotConnected) || errors.Is(err, instance.ErrNotUploaded) {
			t.Errorf("the connection ended: %v", err)
		}
		c.uploads <- nil
		c.sentTexts <- io.ErrUnexpectedEOF
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.As(err, &sendErr) || errors.Is(err, instance.ErrNotUploaded) {
			t.Errorf("uploaded, and not confirmed: %v", err)
		}
		began := time.Now()
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.Is(err, instance.ErrNotUploaded) || time.Since(began) != r.timing.Upload {
			t.Errorf("never: %v after %v", err, time.Since(began))
		}
		began = time.Now()
		c.uploads <- nil
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); !errors.As(err, &sendErr) || time.Since(began) != r.timing.Command {
			t.Errorf("uploaded, and never answered: %v after %v", err, time.Since(began))
		}
		if got := r.messages(); len(got) != 0 {
			t.Errorf("recorded %v", got)
		}
		c.uploads <- nil
		c.sentTexts <- nil
		if _, err := r.SendFile(t.Context(), letter, strings.NewReader("x")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestUploadsAreFew, and hold up no text.
func TestUploadsAreFew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		var first []*call
		for range instance.MaxUploads {
			first = append(first, r.sendFile())
		}
		r.sendFile().wantErr(t, instance.ErrBusy)
		c.sentTexts <- nil
		r.command("send").wantErr(t, nil)
		c.uploads <- io.EOF
		synctest.Wait()
		if n := c.uploading.Load(); n != instance.MaxUploads-1 {
			t.Errorf("%d uploads", n)
		}
		if again := r.sendFile(); !again.waits() {
			t.Errorf("there is room, and it got %v", again.err)
		}
		r.tell(c, lost)
		for _, sent := range first {
			if synctest.Wait(); sent.waits() {
				t.Error("one waits for a connection that is gone")
			}
		}
	})
}

// TestUploadEndsWithItsReasons: nothing is sent for somebody who has gone, or on
// another connection than the one that it was begun on.
func TestUploadEndsWithItsReasons(t *testing.T) {
	t.Run("the caller", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			c := r.authenticated()
			ctx, cancel := context.WithCancel(t.Context())
			sent := r.call(func(context.Context) (any, error) { return r.SendFile(ctx, letter, strings.NewReader("x")) })
			cancel()
			sent.wantErr(t, instance.ErrNotReady)
			if n := c.uploading.Load(); n != 0 {
				t.Errorf("%d uploads go on for nobody", n)
			}
		})
	})
	t.Run("a logout", func(t *testing.T) { // the connection stands a little longer, for the logout alone
		inBubble(t, func(t *testing.T, r *rig) {
			c := r.authenticated()
			sent := r.sendFile()
			out := r.command("disconnect")
			c.uploads <- nil
			sent.wantErr(t, instance.ErrNotConnected)
			c.loggedOut <- nil
			out.wantErr(t, nil)
			if got := r.messages(); len(got) != 0 {
				t.Errorf("recorded %v", got)
			}
		})
	})
	for name, end := range map[string]func(*rig, *conn){
		"the connection": func(r *rig, c *conn) { r.tell(c, lost) },
		"the operator":   func(r *rig, _ *conn) { r.command("close") },
		"a new one": func(r *rig, c *conn) {
			r.tell(c, lost)
			r.command("restore")
			r.authenticated()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := r.authenticated()
				sent := r.sendFile()
				end(r, c)
				sent.wantErr(t, instance.ErrNotConnected)
				if got := r.messages(); len(got) != 0 || c.uploading.Load() != 0 {
					t.Errorf("%d uploads go on; recorded %v", c.uploading.Load(), got)
				}
			})
		})
	}
}

// TestStopEndsUploads at once, and waits for a message that was sent already.
func TestStopEndsUploads(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		sent := r.sendFile()
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) != 0 {
			t.Errorf("stopped after %v: %v", time.Since(began), err)
		}
		sent.wantErr(t, instance.ErrStopping)
		if n := c.uploading.Load(); n != 0 || len(r.messages()) != 0 {
			t.Errorf("%d uploads go on; recorded %v", n, r.messages())
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		sent := r.sendFile()
		c.uploads <- nil
		synctest.Wait()
		stopped := make(chan error, 1)
		go func() { stopped <- r.stop() }()
		synctest.Wait()
		c.sentTexts <- nil
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		sent.wantErr(t, nil)
		if got := r.messages(); len(got) != 1 {
			t.Errorf("recorded %v", got)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) { // a text holds the stop up, and a file is uploaded meanwhile
		c := r.authenticated()
		text, file := r.command("send"), r.sendFile()
		stopped := make(chan error, 1)
		go func() { stopped <- r.stop() }()
		synctest.Wait()
		c.uploads <- nil
		file.wantErr(t, instance.ErrStopping)
		c.sentTexts <- nil
		text.wantErr(t, nil)
		if err := <-stopped; err != nil || len(r.messages()) != 1 {
			t.Errorf("%v; recorded %v", err, r.messages())
		}
	})
}
