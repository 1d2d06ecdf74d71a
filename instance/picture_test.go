//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

var portrait = instance.Image{JPEG: []byte("large"), Thumbnail: []byte("small")}

// pictures is a rig that is connected, whose files are kept, and whose WhatsApp
// takes pictures under one number after another.
func pictures(r *rig) *conn {
	r.files = &files{kept: map[string]string{}}
	c := r.authenticated()
	n := 0
	c.onPicture = func(context.Context, []byte) (string, error) {
		n++
		return fmt.Sprint(1000 + n), nil
	}
	return c
}

// pictureEvents are the events about pictures, as they were committed.
func (r *rig) pictureEvents() (all []record.Event) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	for _, e := range r.journal.events {
		if e.Kind == record.PictureUpdated {
			all = append(all, e)
		}
	}
	return all
}

// kept holds which pictures are stored, with thumbnails and without anything else.
func (r *rig) kept(t *testing.T, want ...record.Picture) {
	t.Helper()
	synctest.Wait()
	var names []string
	for _, p := range want {
		names = append(names, "profile/"+p.StoredName(), "thumb/"+p.StoredName())
	}
	slices.Sort(names)
	if got := r.files.names(); !slices.Equal(got, names) {
		t.Errorf("stored are %q, want %q", got, names)
	}
}

func TestSetPicture(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		pictures(r)
		first, err := r.SetPicture(t.Context(), portrait)
		if err != nil || first.ID != "1001" || first.Bytes != 5 || len(first.Token) < 26 || !first.At.Equal(time.Now()) {
			t.Fatalf("%+v, %v", first, err)
		}
		r.kept(t, first)
		if r.files.kept["profile/"+first.StoredName()] != "large" || r.files.kept["thumb/"+first.StoredName()] != "small" {
			t.Errorf("kept %q", r.files.kept)
		}
		if strings.Contains(first.StoredName(), first.Token) {
			t.Error("the file's name gives the token away")
		}
		events := r.pictureEvents()
		var fact record.PictureFact
		if len(events) != 1 || json.Unmarshal(events[0].Data, &fact) != nil || fact != (record.PictureFact{Picture: "1001", Bytes: 5}) {
			t.Fatalf("events %+v", events)
		}
		if strings.Contains(string(events[0].Data), first.Token) {
			t.Error("the event holds the token")
		}
		if p := r.Status().Picture; p == nil || *p != first || *r.journal.picture != first {
			t.Errorf("the status says %+v", p)
		}

		// The next one takes its place, for good.
		second, err := r.SetPicture(t.Context(), portrait)
		if err != nil || second.Token == first.Token || second.ID != "1002" {
			t.Fatalf("%+v, %v", second, err)
		}
		r.kept(t, second)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r.restart(fsm.CauseRestart)
		if p := r.Status().Picture; p == nil || *p != second {
			t.Errorf("after a restart the status says %+v", p)
		}
	})
}

// TestPictureEnds with what is cleared, and with the account.
func TestPictureEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *rig){
		"clear": func(t *testing.T, r *rig) {
			if _, err := r.Clear(t.Context()); err != nil {
				t.Error(err)
			}
		},
		"logged out": func(_ *testing.T, r *rig) { r.tell(r.conn(), loggedOut) },
		"disconnect": func(t *testing.T, r *rig) {
			r.conn().loggedOut <- nil
			if _, err := r.Disconnect(t.Context()); err != nil {
				t.Error(err)
			}
		},
		"delete": func(t *testing.T, r *rig) {
			if err := r.Delete(t.Context()); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				pictures(r)
				if _, err := r.SetPicture(t.Context(), portrait); err != nil {
					t.Fatal(err)
				}
				end(t, r)
				r.kept(t)
				if p := r.Status().Picture; p != nil || r.journal.picture != nil {
					t.Errorf("the status says %+v, stored is %+v", p, r.journal.picture)
				}
			})
		})
	}
}

func TestPictureNotSet(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.files = &files{kept: map[string]string{}}
		r.start(newRecord(fsm.NoConnection), nil)
		if _, err := r.SetPicture(t.Context(), portrait); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("offline: %v", err)
		}
		var invalid *instance.InvalidError
		if _, err := r.SetPicture(t.Context(), instance.Image{JPEG: []byte("x")}); !errors.As(err, &invalid) {
			t.Errorf("half of it: %v", err)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		c := pictures(r)
		before, err := r.SetPicture(t.Context(), portrait)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(t *testing.T, what string, want error) {
			t.Helper()
			if _, err := r.SetPicture(t.Context(), portrait); !errors.Is(err, want) {
				t.Errorf("%s: %v", what, err)
			}
			r.kept(t, before)
			if p := r.Status().Picture; p == nil || *p != before || len(r.pictureEvents()) != 1 {
				t.Errorf("%s: the status says %+v, with %d events", what, p, len(r.pictureEvents()))
			}
		}
		c.onPicture = func(context.Context, []byte) (string, error) {
			return "", fmt.Errorf("code 429: %w", instance.ErrPictureRefused)
		}
		refused(t, "refused", instance.ErrPictureRefused)

		c.onPicture = func(context.Context, []byte) (string, error) { return "", io.ErrUnexpectedEOF }
		refused(t, "cut off", instance.ErrNotReady)
		var unsure *instance.PictureError
		if _, err := r.SetPicture(t.Context(), portrait); !errors.As(err, &unsure) {
			t.Errorf("cut off: %v", err)
		}

		c.onPicture = func(ctx context.Context, _ []byte) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		began := time.Now()
		refused(t, "no answer", instance.ErrNotReady)
		if took := time.Since(began); took != r.timing.Command {
			t.Errorf("it took %v", took)
		}

		// Nothing is sent that could not be stored.
		c.onPicture = func(context.Context, []byte) (string, error) {
			t.Error("WhatsApp got a picture that is not stored")
			return "9", nil
		}
		r.files.mu.Lock()
		r.files.full = true
		r.files.mu.Unlock()
		refused(t, "full", instance.ErrFull)
		if r.Status().Storage == "" {
			t.Error("the status does not say that the storage is full")
		}
	})
}

// TestPictureOfAnAccountThatIsGone: WhatsApp took it, and then the phone logged the
// device out.
func TestPictureOfAnAccountThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := pictures(r)
		taken := make(chan struct{})
		c.onPicture = func(context.Context, []byte) (string, error) { <-taken; return "1", nil }
		answered := make(chan error, 1)
		go func() { _, err := r.SetPicture(t.Context(), portrait); answered <- err }()
		synctest.Wait()
		r.tell(c, loggedOut)
		close(taken)
		if err := <-answered; !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("it got %v", err)
		}
		r.kept(t)
		if r.Status().Picture != nil || len(r.pictureEvents()) != 0 {
			t.Error("an account that is gone has a picture")
		}
	})
}

// TestPictureIsRecordedThoughNobodyWaits: the caller is gone, but it was set; also
// in the last moment before a stop.
func TestPictureIsRecordedThoughNobodyWaits(t *testing.T) {
	for _, stop := range []bool{false, true} {
		inBubble(t, func(t *testing.T, r *rig) {
			c := pictures(r)
			taken := make(chan struct{})
			c.onPicture = func(context.Context, []byte) (string, error) { <-taken; return "1", nil }
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = r.SetPicture(ctx, portrait) }()
			synctest.Wait()
			cancel()
			if stop {
				r.cancel()
			}
			synctest.Wait()
			close(taken)
			synctest.Wait()
			if p := r.journal.picture; p == nil || p.ID != "1" || len(r.pictureEvents()) != 1 {
				t.Errorf("recorded is %+v", p)
			} else {
				r.kept(t, *p)
			}
		})
	}
}

// TestClearWhileAPictureIsSet: it is set, and what was to be cleared is gone.
func TestClearWhileAPictureIsSet(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := pictures(r)
		if _, err := r.SetPicture(t.Context(), portrait); err != nil {
			t.Fatal(err)
		}
		taken := make(chan struct{})
		c.onPicture = func(context.Context, []byte) (string, error) { <-taken; return "2", nil }
		answered := make(chan error, 1)
		go func() { _, err := r.SetPicture(t.Context(), portrait); answered <- err }()
		synctest.Wait()
		if _, err := r.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(taken)
		if err := <-answered; err != nil {
			t.Error(err)
		}
		r.kept(t)
		if p := r.Status().Picture; p != nil || r.journal.picture != nil || len(r.pictureEvents()) != 2 {
			t.Errorf("the status says %+v, with %d events", p, len(r.pictureEvents()))
		}
	})
}

// TestPicturesAtOnce are set one after another; the last one stays, and too many are
// told to come again.
func TestPicturesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := pictures(r)
		var mu sync.Mutex
		under, n := 0, 0
		c.onPicture = func(context.Context, []byte) (string, error) {
			mu.Lock()
			under++
			n++
			id := fmt.Sprint(n)
			if under > 1 {
				t.Error("two at once")
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return id, nil
		}
		var group sync.WaitGroup
		busy, set := 0, 0
		for range 8 {
			group.Go(func() {
				_, err := r.SetPicture(t.Context(), portrait)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					set++
				case errors.Is(err, instance.ErrBusy):
					busy++
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if set != 5 || busy != 3 {
			t.Errorf("%d were set and %d too many", set, busy)
		}
		if p := r.Status().Picture; p == nil || p.ID != "5" {
			t.Fatalf("the status says %+v", p)
		} else {
			r.kept(t, *p)
		}
		if got := r.pictureEvents(); len(got) != 5 {
			t.Errorf("%d events", len(got))
		}
	})
}

// TestPictureWaitsForTheStore: WhatsApp has taken it, so it is recorded however long
// that takes.
func TestPictureWaitsForTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		pictures(r)
		r.journal.fail(errFull)
		answered := make(chan error, 1)
		go func() { _, err := r.SetPicture(t.Context(), portrait); answered <- err }()
		time.Sleep(3 * time.Second)
		if r.Status().Degraded == "" {
			t.Error("the status does not say that nothing can be stored")
		}
		r.journal.fail(nil)
		if err := <-answered; err != nil {
			t.Error(err)
		}
		if p := r.Status().Picture; p == nil || len(r.pictureEvents()) != 1 {
			t.Errorf("the status says %+v", p)
		}
	})
}

func TestContact(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start(newRecord(fsm.NoConnection), nil)
		if _, err := r.Contact(t.Context(), "5511999990000"); !errors.Is(err, instance.ErrNotConnected) {
			t.Errorf("offline: %v", err)
		}
		var invalid *instance.InvalidError
		for _, bad := range []string{"", strings.Repeat("1", 129)} {
			if _, err := r.Contact(t.Context(), bad); !errors.As(err, &invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		want := record.Contact{JID: "5511999990000@s.whatsapp.net", Exists: true, PictureURL: "https://pps.example/x"}
		c.onContact = func(context.Context, string) (record.Contact, error) { return want, nil }
		if got, err := r.Contact(t.Context(), "5511999990000"); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
		var invalid *instance.InvalidError
		c.onContact = func(context.Context, string) (record.Contact, error) {
			return record.Contact{}, &instance.InvalidError{Field: "jid", Problem: "is none"}
		}
		if _, err := r.Contact(t.Context(), "x"); !errors.As(err, &invalid) {
			t.Errorf("no JID: %v", err)
		}
		var unsaid *instance.LookUpError
		c.onContact = func(context.Context, string) (record.Contact, error) { return record.Contact{}, io.ErrUnexpectedEOF }
		if _, err := r.Contact(t.Context(), "5511999990000"); !errors.As(err, &unsaid) || !errors.Is(err, instance.ErrNotReady) {
			t.Errorf("cut off: %v", err)
		}
		// Of many at once only some are asked, and none for ever.
		c.onContact = func(ctx context.Context, _ string) (record.Contact, error) {
			<-ctx.Done()
			return record.Contact{}, ctx.Err()
		}
		began, busy := time.Now(), 0
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				_, err := r.Contact(t.Context(), "5511999990000")
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, instance.ErrBusy) {
					busy++
				} else if !errors.Is(err, instance.ErrNotReady) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(began); busy != 12 || took != r.timing.Command {
			t.Errorf("%d were busy after %v", busy, took)
		}
	})
}
