//nolint:forbidigo // in a bubble
package daemon

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// deaf is a receiver that answers every request with a status that is no success to
// GREEN-API, in memory.
type deaf struct {
	mu    sync.Mutex
	tries []time.Time // guarded by mu
}

func (d *deaf) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		r, err := http.ReadRequest(bufio.NewReader(far))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		d.mu.Lock()
		d.tries = append(d.tries, time.Now())
		d.mu.Unlock()
		_, _ = io.WriteString(far, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	return near, nil
}

// TestEveryMinuteForADay: a webhook that does not answer 200 is tried each minute, and
// after 24 hours the notification is a dead letter.
func TestEveryMinuteForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.TempDir()+"/switchhook.db", store.Options{Network: "sandbox"})
		if err != nil {
			t.Fatal(err)
		}
		format := notify.Encoder{Account: func(string) (notify.Account, bool) {
			return notify.Account{ID: 1, Settings: record.GreenSettings{Incoming: true}}, true
		}}
		var d deaf
		sender, err := webhook.New(webhook.Config{Formats: map[string]webhook.Encoder{notify.Format: format}, DialContext: d.dial})
		if err != nil {
			t.Fatal(err)
		}
		b := newBook()
		b.open("i1", "")
		ep := greenEndpoint("i1", "http://erp.example/hook", "")
		b.put(ep)
		out := outbox.New(outbox.Config{
			Log: deliveries{s, b}, Sender: sender, Carries: sender.Carries, Covers: b.covers, Policy: sender.Policy,
		})
		s.OnAppend(func([]record.Event) { out.Notify("i1") })
		disk, sink := newGroup(t.Context()), newGroup(t.Context())
		disk.run("store", s.Run)
		sink.run("outbox", out.Run)
		defer func() {
			err := errors.Join(sink.stop(), disk.stop())
			sender.Close()
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		}()
		ch := s.Change()
		ch.PutEndpoint(ep)
		ch.PutLane(record.Lane{Endpoint: ep.ID, Stream: "i1"})
		began := time.Now()
		ch.Append(record.Event{Stream: "i1", Kind: record.MessageText, At: began, Message: &record.Message{Text: "hello"}})
		if _, err := s.Commit(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
		dead := func() int {
			found, err := s.DeadLettersAfter("", "", store.DeadPlace{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		time.Sleep(notify.Encoder{}.Policy().Horizon - 30*time.Second)
		if n := dead(); n != 0 {
			t.Errorf("%d dead letters within the day", n)
		}
		time.Sleep(5 * time.Minute)
		if n := dead(); n != 1 {
			t.Errorf("%d dead letters after a day", n)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.tries); n < 24*60-10 || n > 24*60+2 {
			t.Errorf("%d tries in a day", n)
		}
		for i := 1; i < len(d.tries)-1; i++ {
			if wait := d.tries[i].Sub(d.tries[i-1]); wait < time.Minute || wait > time.Minute+time.Second {
				t.Fatalf("%s between tries %d and %d", wait, i, i+1)
			}
		}
	})
}
