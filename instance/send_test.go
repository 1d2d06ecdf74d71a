//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

var hello = instance.Text{ID: "m1", To: "5511999990000", Body: "hello"}

func TestSend(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		c.sentTexts <- nil
		m, err := r.Send(t.Context(), hello)
		if err != nil || m.ID != "m1" || m.Text != "hello" {
			t.Fatalf("%+v, %v", m, err)
		}
		r.journal.mu.Lock()
		last := r.journal.events[len(r.journal.events)-1]
		r.journal.mu.Unlock()
		if last.Kind != record.MessageSent || last.Message.ID != "m1" {
			t.Errorf("recorded %+v", last)
		}
	})
}

func TestSendRefusals(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		var invalid *instance.InvalidError
		for name, bad := range map[string]instance.Text{
			"no recipient": {Body: "x"}, "no text": {To: "5511999990000"},
			"too long": {To: "5511999990000", Body: strings.Repeat("x", 65537)},
			"not text": {To: "5511999990000", Body: "\xff"},
			"long id":  {ID: strings.Repeat("x", 129), To: "5511999990000", Body: "x"},
		} {
			if _, err := r.Send(t.Context(), bad); !errors.As(err, &invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := r.Send(t.Context(), hello); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("offline: %v", err)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		var sendErr *instance.SendError
		c.sentTexts <- io.ErrUnexpectedEOF
		if _, err := r.Send(t.Context(), hello); !errors.As(err, &sendErr) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("refused by the other end: %v", err)
		}
		var invalid *instance.InvalidError
		c.sentTexts <- &instance.InvalidError{Field: "to", Problem: "a group"}
		if _, err := r.Send(t.Context(), hello); !errors.As(err, &invalid) {
			t.Errorf("a bad recipient: %v", err)
		}
		if len(r.messages()) != 0 {
			t.Errorf("recorded %v", r.messages())
		}
	})
}

// TestSendUnanswered holds the bounds: of one text's time, and of how many may
// wait.
func TestSendUnanswered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.authenticated()
		began := time.Now()
		var group sync.WaitGroup
		errs := make(chan error, 40)
		for range 40 {
			group.Go(func() { _, err := r.Send(t.Context(), hello); errs <- err })
		}
		synctest.Wait()
		busy := 0
		for len(errs) > 0 {
			if err := <-errs; errors.Is(err, instance.ErrBusy) {
				busy++
			} else {
				t.Error(err)
			}
		}
		if busy != 8 {
			t.Errorf("%d of 40 were busy", busy)
		}
		group.Wait()
		if took := time.Since(began); took > r.timing.Command {
			t.Errorf("took %v", took)
		}
	})
}

// TestSendIsRecordedThoughNobodyWaits: the connection is gone and so is the
// caller, but the text was sent.
func TestSendIsRecordedThoughNobodyWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() { _, err := r.Send(ctx, hello); answered <- err }()
		synctest.Wait()
		cancel()
		if err := <-answered; !errors.Is(err, instance.ErrNotReady) {
			t.Errorf("the caller got %v", err)
		}
		r.tell(c, lost)
		c.sentTexts <- nil
		synctest.Wait()
		if got := r.messages(); len(got) != 1 {
			t.Errorf("recorded %v", got)
		}
	})
}

// TestStopWaitsForTexts: what WhatsApp takes over in the last moment is recorded,
// and one that it says nothing of holds up a stop for a second.
func TestStopWaitsForTexts(t *testing.T) {
	for name, c := range map[string]struct {
		answer bool
		want   error
		events int
		took   time.Duration
	}{
		"answered":   {true, nil, 1, 100 * time.Millisecond},
		"unanswered": {false, instance.ErrStopping, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				conn := r.authenticated()
				answered := make(chan error, 1)
				go func() { _, err := r.Send(t.Context(), hello); answered <- err }()
				synctest.Wait()
				stopped := make(chan error, 1)
				began := time.Now()
				go func() { stopped <- r.stop() }()
				synctest.Wait()
				if _, err := r.Send(t.Context(), hello); !errors.Is(err, instance.ErrStopping) {
					t.Errorf("another: %v", err)
				}
				time.Sleep(100 * time.Millisecond)
				if c.answer {
					conn.sentTexts <- nil
				}
				if err := <-stopped; err != nil || time.Since(began) != c.took {
					t.Errorf("stopped after %v: %v", time.Since(began), err)
				}
				if err := <-answered; !errors.Is(err, c.want) {
					t.Errorf("the caller got %v", err)
				}
				if got := r.messages(); len(got) != c.events {
					t.Errorf("recorded %v", got)
				}
				r.want(fsm.AuthenticatedClosed, fsm.CauseShutdown)
				r.agree()
			})
		})
	}
}

// files keeps files in memory.
type files struct {
	mu   sync.Mutex
	kept map[string]string
	full bool
}

func (f *files) Write(folder, name string, bytes int64, fill func(io.Writer) error) (record.File, error) {
	f.mu.Lock()
	full := f.full
	f.mu.Unlock()
	if full {
		return record.File{}, fmt.Errorf("%d bytes: %w", bytes, instance.ErrFull)
	}
	var b strings.Builder
	if err := fill(&b); err != nil {
		return record.File{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[folder+"/"+name] = b.String()
	return record.File{Folder: folder, Name: name, Bytes: int64(b.Len())}, nil
}

func (f *files) Remove(folder, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.kept, folder+"/"+name)
	return nil
}

// names lists what is kept.
func (f *files) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.kept))
}

func (f *files) Usage() record.Tree {
	f.mu.Lock()
	defer f.mu.Unlock()
	return record.Tree{Files: len(f.kept)}
}

func (f *files) Clear() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.kept)
	f.full = false
	return nil
}

func TestFetch(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.files = &files{kept: map[string]string{}}
		c := r.authenticated()
		c.onFetch = func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "picture")
			return err
		}
		m := record.Message{ID: "m1", Media: &record.Media{MIME: "image/jpeg", Ref: []byte{1}}}
		f, err := r.Fetch(t.Context(), m)
		if err != nil || f.Name != m.StoredName() || f.Bytes != 7 || r.files.kept["media/"+m.StoredName()] != "picture" {
			t.Fatalf("%+v, %v", f, err)
		}
		if n := r.Status().Info.Storage.Files; n != 1 {
			t.Errorf("%d files in the status", n)
		}

		r.files.full = true
		if _, err := r.Fetch(t.Context(), m); !errors.Is(err, instance.ErrFull) {
			t.Errorf("full: %v", err)
		}
		if r.Status().Storage == "" {
			t.Error("the status does not say that the storage is full")
		}
		if info, err := r.Clear(t.Context()); err != nil || info.Storage.Files != 0 || r.Status().Storage != "" {
			t.Errorf("clear: %+v, %v, %q", info.Storage, err, r.Status().Storage)
		}

		c.onFetch = func(context.Context, io.Writer) error { return fmt.Errorf("404: %w", instance.ErrGone) }
		if _, err := r.Fetch(t.Context(), m); !errors.Is(err, instance.ErrGone) {
			t.Errorf("gone: %v", err)
		}
		var failed *instance.FetchError
		c.onFetch = func(context.Context, io.Writer) error { return io.ErrUnexpectedEOF }
		if _, err := r.Fetch(t.Context(), m); !errors.As(err, &failed) {
			t.Errorf("cut off: %v", err)
		}
		c.onFetch = func(ctx context.Context, _ io.Writer) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		if _, err := r.Fetch(t.Context(), m); err == nil || time.Since(began) != r.timing.Fetch {
			t.Errorf("never: %v after %v", err, time.Since(began))
		}
		var invalid *instance.InvalidError
		if _, err := r.Fetch(t.Context(), record.Message{ID: "m2"}); !errors.As(err, &invalid) {
			t.Errorf("no file: %v", err)
		}
		r.tell(c, replaced)
		if _, err := r.Fetch(t.Context(), m); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("offline: %v", err)
		}
	})
}
