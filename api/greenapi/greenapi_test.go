package greenapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the first instance of a fake is to clients.
const (
	idInstance = "1101000001"
	token      = "00000000000000000000000000000000000000000000000001"
	mine       = "/waInstance" + idInstance + "/"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a daemon with the instance acme, whose pictures, files and queue are its own.
type world struct {
	*apitest.Fake
	pictures *pictures
	files    *files
	sink     *lengths // instead of files
	noRoom   error    // of holding a file
	writes   error    // of writing what is held
	queue    *queue
	cfg      func(*api.Config)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	f := apitest.New("sandbox")
	f.Now = func() time.Time { return noon }
	if _, err := f.Add(t.Context(), api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	return &world{Fake: f, pictures: &pictures{}, files: &files{}, queue: &queue{}}
}

func (w *world) handler() *api.API {
	cfg := api.Config{
		Instances: w, System: w, Sandbox: w, Now: func() time.Time { return w.Now() }, PublicURL: "https://wa.example",
	}
	if w.cfg != nil {
		w.cfg(&cfg)
	}
	return api.New(cfg)
}

func (w *world) SetPicture(ctx context.Context, id string, image io.Reader) (record.Picture, error) {
	return w.pictures.SetPicture(ctx, id, image)
}

func (w *world) OwnPicture(ctx context.Context, id string) (record.Picture, bool, error) {
	return w.pictures.OwnPicture(ctx, id)
}

func (w *world) Contact(ctx context.Context, id, jid string) (record.Contact, error) {
	return w.pictures.Contact(ctx, id, jid)
}

func (w *world) SendFile(ctx context.Context, id string, f instance.File, content io.Reader) (record.Message, error) {
	if held, ok := content.(io.Seeker); ok {
		if _, err := held.Seek(0, io.SeekStart); err != nil {
			return record.Message{}, err
		}
	}
	if w.sink != nil {
		return w.sink.SendFile(ctx, id, f, content)
	}
	return w.files.SendFile(ctx, id, f, content)
}

func (w *world) HoldFile(ctx context.Context, id string) (api.HeldFile, error) {
	if w.noRoom != nil {
		return nil, w.noRoom
	}
	held, err := w.Fake.HoldFile(ctx, id)
	if w.writes != nil {
		held = &fullFile{held, w.writes}
	}
	return held, err
}

// fullFile takes nothing.
type fullFile struct {
	api.HeldFile
	err error
}

func (f *fullFile) Write([]byte) (int, error) { return 0, f.err }

func (w *world) ReceiveNotification(ctx context.Context, id string, wait time.Duration) (int64, []byte, bool, error) {
	return w.queue.ReceiveNotification(ctx, id, wait)
}

func (w *world) DeleteNotification(ctx context.Context, id string, receipt int64) (bool, error) {
	return w.queue.DeleteNotification(ctx, id, receipt)
}

func (w *world) pair(t testing.TB) {
	t.Helper()
	if _, err := w.Generate(t.Context(), "i1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
}

// pictures is a port that takes every picture and knows everybody but one.
type pictures struct {
	err error
	set func() // called when all of a picture was read

	mu    sync.Mutex
	calls int
	bytes int64
	own   *record.Picture
}

func (p *pictures) SetPicture(_ context.Context, _ string, image io.Reader) (record.Picture, error) {
	n, err := io.Copy(io.Discard, image)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	p.bytes += n
	if err != nil {
		return record.Picture{}, fmt.Errorf("decode: %w", io.ErrUnexpectedEOF) // as a decoder says it
	}
	if p.set != nil {
		p.set()
	}
	if p.err != nil {
		return record.Picture{}, p.err
	}
	p.own = &record.Picture{ID: "1", Token: "p1ctur3", Bytes: n, At: noon}
	return *p.own, nil
}

func (p *pictures) OwnPicture(context.Context, string) (record.Picture, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		return record.Picture{}, false, nil
	}
	return *p.own, true, nil
}

func (p *pictures) Contact(_ context.Context, _, jid string) (record.Contact, error) {
	if p.err != nil {
		return record.Contact{}, p.err
	}
	if strings.HasPrefix(jid, "79870000000@") {
		return record.Contact{JID: jid}, nil
	}
	return record.Contact{JID: jid, Exists: true, PictureURL: "https://pps.whatsapp.net/v/" + jid + "?a=1&b=2"}, nil
}

// files is a port that takes every file.
type files struct {
	err error

	mu   sync.Mutex
	sent []string
}

func (f *files) SendFile(_ context.Context, _ string, file instance.File, content io.Reader) (record.Message, error) {
	body, err := io.ReadAll(content)
	if err == nil {
		err = f.err
	}
	if err != nil {
		return record.Message{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, fmt.Sprintf("%s %s %s %q: %s", file.To, file.Name, file.MIME, file.Caption, body))
	return record.Message{ID: fmt.Sprintf("3EB0F%d", len(f.sent))}, nil
}

// queue holds one notification, or none.
type queue struct {
	receipt int64 // 0: none
	err     error
	waits   bool // where there is none

	mu   sync.Mutex
	wait time.Duration // what was asked for last
}

func (q *queue) ReceiveNotification(ctx context.Context, _ string, wait time.Duration) (int64, []byte, bool, error) {
	q.mu.Lock()
	q.wait = wait
	q.mu.Unlock()
	if q.err != nil || q.receipt != 0 {
		return q.receipt, []byte(`{"typeWebhook": "stateInstanceChanged", "stateInstance": "<authorized>"}`), q.err == nil, q.err
	}
	if !q.waits {
		return 0, nil, false, nil
	}
	select {
	case <-time.After(wait):
		return 0, nil, false, nil
	case <-ctx.Done():
		return 0, nil, false, ctx.Err()
	}
}

func (q *queue) DeleteNotification(_ context.Context, _ string, receipt int64) (bool, error) {
	return receipt == q.receipt, q.err
}

// situations are where the golden requests find the instance.
var situations = map[string]func(t testing.TB, w *world){
	"new":  func(testing.TB, *world) {},
	"bare": func(t testing.TB, w *world) { w.pair(t) },
	"shown": func(t testing.TB, w *world) {
		if _, err := w.Generate(t.Context(), "i1", nil); err != nil {
			t.Fatal(err)
		}
	},
	"paired": func(t testing.TB, w *world) { w.pair(t); w.pictures.own = &record.Picture{Token: "0wn"} },
	"starting": func(t testing.TB, w *world) {
		w.pair(t)
		w.Fire("acme", fsm.CauseNetwork, fsm.ConnectionLost, fsm.RetryDue, fsm.HandshakeDone, fsm.LoginSent)
	},
	"closed":  func(t testing.TB, w *world) { w.pair(t); w.Fire("acme", fsm.CauseOperator, fsm.Closed) },
	"banned":  func(t testing.TB, w *world) { w.pair(t); w.Fire("acme", fsm.CauseTemporaryBan, fsm.ConnectionLost) },
	"revoked": func(t testing.TB, w *world) { w.pair(t); w.Fire("acme", fsm.CauseLoggedOut, fsm.LoggedOut) },
	"exported": func(t testing.TB, w *world) {
		w.pair(t)
		w.Fire("acme", fsm.CauseOperator, fsm.Closed)
		w.Amend("acme", func(in *record.Instance) { in.ExportedAt = noon })
	},
	"deleted": func(t testing.TB, w *world) {
		if err := w.Delete(t.Context(), "i1"); err != nil {
			t.Fatal(err)
		}
	},
	"configured": func(t testing.TB, w *world) {
		w.pair(t)
		_, err := w.ChangeGreen(t.Context(), "i1", func(s *record.GreenSettings) error {
			*s = record.GreenSettings{
				WebhookURL: "https://shop.example/hook?a=1&b=2", WebhookToken: "t0p", DelayMillis: 1000, State: true, Incoming: true,
				Others: map[string]string{"autoTyping": "3", "linkPreview": "false", "sharedSession": `"yes"`},
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	},
	"notified": func(_ testing.TB, w *world) { w.queue.receipt = 7 },
	"failing":  func(_ testing.TB, w *world) { w.Fail(errors.New("open /secret/path: I/O error")) },
	"failing_ports": func(t testing.TB, w *world) {
		w.pair(t)
		err := errors.New("open /secret/path: I/O error")
		w.pictures.err, w.queue.err = err, err
	},
	"failing_pairing": func(_ testing.TB, w *world) {
		w.cfg = func(c *api.Config) { c.Instances = refusingCodes{w} }
	},
	"unavailable": func(_ testing.TB, w *world) { w.Fail(fmt.Errorf("commit: %w", instance.ErrUnavailable)) },
	"refusing": func(t testing.TB, w *world) {
		w.pair(t)
		w.pictures.err = fmt.Errorf("set: %w", instance.ErrPictureRefused)
	},
	"slow": func(t testing.TB, w *world) { w.pair(t); w.pictures.err = instance.ErrNotReady },
	"bad_image": func(t testing.TB, w *world) {
		w.pair(t)
		w.pictures.err = &instance.InvalidError{Field: "image", Problem: "has 30000 × 30000 pixels, at most 64 million are taken"}
	},
	"full": func(t testing.TB, w *world) {
		w.pair(t)
		w.pictures.err, w.files.err = instance.ErrFull, instance.ErrFull
	},
	"lost_meanwhile": func(t testing.TB, w *world) {
		w.pair(t)
		w.pictures.err = instance.ErrNotConnected
		w.pictures.set = func() { w.Fire("acme", fsm.CauseNetwork, fsm.ConnectionLost) }
	},
	"refused_text": func(t testing.TB, w *world) {
		w.pair(t)
		w.refuseSend(&instance.SendError{Err: instance.ErrTextRefused})
	},
	"unconfirmed": func(t testing.TB, w *world) {
		w.pair(t)
		w.refuseSend(&instance.SendError{Err: errors.New("websocket of 10.0.0.7 broke")})
	},
	"not_uploaded": func(t testing.TB, w *world) {
		w.pair(t)
		w.files.err = &instance.SendError{Err: fmt.Errorf("%w: no media server answers", instance.ErrNotUploaded)}
	},
	"busy": func(t testing.TB, w *world) {
		w.pair(t)
		w.refuseSend(instance.ErrBusy)
		w.pictures.err = instance.ErrBusy
	},
	"hurried": func(t testing.TB, w *world) { w.pair(t); w.queue.receipt = 7 },
}

// refuseSend lets sending fail, and nothing else.
func (w *world) refuseSend(err error) {
	w.files.err = err
	w.cfg = func(c *api.Config) { c.Instances = refusingSend{w, err} }
}

type refusingSend struct {
	*world
	err error
}

func (r refusingSend) Send(context.Context, string, instance.Text) (record.Message, error) {
	return record.Message{}, r.err
}

type refusingCodes struct{ *world }

func (refusingCodes) LinkPhone(context.Context, string, string, *string) (record.Code, error) {
	return record.Code{}, &instance.PairingError{Err: errors.New("rate-overlimit")}
}

// again is a handler that is asked the same until it refuses.
type again struct{ http.Handler }

func (a again) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	for range 200 {
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		out := &held{header: make(http.Header)}
		a.Handler.ServeHTTP(out, r)
		if out.status == http.StatusTooManyRequests {
			maps.Copy(w.Header(), out.header)
			w.WriteHeader(out.status)
			_, _ = w.Write(out.body)
			return
		}
	}
}

// held is an answer that may not go out.
type held struct {
	header http.Header
	status int
	body   []byte
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { h.body = append(h.body, p...); return len(p), nil }

func (w *world) mustAdd(t testing.TB, name string) {
	t.Helper()
	if _, err := w.Add(t.Context(), api.AddSpec{Name: name}); err != nil {
		t.Fatal(err)
	}
}

// tokenOf is the token of the fake's n-th instance.
func tokenOf(n int) string { return fmt.Sprintf("%050x", n) }

// lengths is a port that takes every file and keeps its length only.
type lengths struct{ length int64 }

func (l *lengths) SendFile(_ context.Context, _ string, _ instance.File, content io.Reader) (record.Message, error) {
	n, err := io.Copy(io.Discard, content)
	l.length = n
	return record.Message{ID: "3EB0"}, err
}
