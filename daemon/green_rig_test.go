package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/record"
)

// allSwitches is all of those that have notifications.
var allSwitches = record.GreenSettings{
	Incoming: true, OutgoingMessage: true, OutgoingAPIMessage: true, OutgoingStatus: true,
	State: true, Device: true, IncomingCall: true, Edited: true, Deleted: true, Poll: true,
}

// green is a daemon as GREEN-API's clients see it.
type green struct{ *rig }

func runGreen(t *testing.T, dir string, edit func(*configs.Config)) *green {
	t.Helper()
	return &green{runDaemon(t, dir, edit)}
}

// set changes settings, as setSettings does.
func (g *green) set(id string, s record.GreenSettings) {
	g.t.Helper()
	if err := g.trySet(id, s); err != nil {
		g.t.Fatal(err)
	}
}

func (g *green) trySet(id string, s record.GreenSettings) error {
	return g.d.SetGreen(context.Background(), id, s)
}

// note is what these tests read of a notification.
type note struct {
	Type     string `json:"typeWebhook"`
	Instance struct {
		ID  int64  `json:"idInstance"`
		WID string `json:"wid"`
	} `json:"instanceData"`
	State    string `json:"stateInstance"`
	Socket   string `json:"statusInstance"`
	Status   string `json:"status"`
	Message  string `json:"idMessage"`
	Contents struct {
		Type string `json:"typeMessage"`
		Text struct {
			Text string `json:"textMessage"`
		} `json:"textMessageData"`
	} `json:"messageData"`

	auth, id string
}

// String is the note in a few words.
func (n note) String() string {
	contents := n.Contents.Text.Text
	if contents == "" {
		contents = n.Contents.Type
	}
	return strings.TrimSpace(n.Type + " " + n.State + n.Socket + n.Status + contents)
}

func words(notes []note) (out []string) {
	for _, n := range notes {
		out = append(out, n.String())
	}
	return out
}

// fetch reads the queue's next notification and, if it shall, deletes it.
func (g *green) fetch(id string, wait time.Duration, drop bool) (n note, receipt int64, ok bool) {
	g.t.Helper()
	receipt, body, ok, err := g.d.ReceiveNotification(context.Background(), id, wait)
	if err != nil {
		g.t.Fatal(err)
	}
	if !ok {
		return n, 0, false
	}
	if err := json.Unmarshal(body, &n); err != nil {
		g.t.Fatal(err)
	}
	if drop {
		if was, err := g.d.DeleteNotification(context.Background(), id, receipt); !was || err != nil {
			g.t.Fatalf("delete %d: %t, %v", receipt, was, err)
		}
	}
	return n, receipt, true
}

// drain reads the queue until it is empty.
func (g *green) drain(id string) (notes []note) {
	g.t.Helper()
	for {
		n, _, ok := g.fetch(id, 0, true)
		if !ok {
			return notes
		}
		notes = append(notes, n)
	}
}

// write lets somebody write, and waits for the event.
func (g *green) write(text string) client.Event {
	g.t.Helper()
	before := g.find("shop").Seq
	if _, err := g.admin.Write(context.Background(), "shop", api.Letter{From: contact, Name: "Ana", Text: text}); err != nil {
		g.t.Fatal(err)
	}
	return g.event("shop", before, "a text", kind(record.MessageText))
}

// hook is a receiver of notifications.
type hook struct {
	*httptest.Server
	mu      sync.Mutex
	notes   []note        // guarded by mu
	status  int           // guarded by mu; of the answers
	refused int           // guarded by mu; requests that were
	changed chan struct{} // guarded by mu; closed at each arrival
}

func newHook(t *testing.T) *hook {
	h := &hook{status: http.StatusOK, changed: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		n := note{auth: r.Header.Get("Authorization"), id: r.Header.Get("Webhook-Id")}
		if err = errors.Join(err, json.Unmarshal(body, &n)); err != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", r.Header.Get("Content-Type"), err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.status == http.StatusOK {
			h.notes = append(h.notes, n)
		} else {
			h.refused++
		}
		w.WriteHeader(h.status)
		close(h.changed)
		h.changed = make(chan struct{})
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

// await waits until done, called with the lock held.
func (h *hook) await(t *testing.T, done func() bool) {
	t.Helper()
	over := time.After(patience)
	for {
		h.mu.Lock()
		ok, changed := done(), h.changed
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-over:
			t.Fatal("the receiver waits in vain")
		}
	}
}

// take waits for so many notifications and answers them.
func (h *hook) take(t *testing.T, n int) []note {
	t.Helper()
	h.await(t, func() bool { return len(h.notes) >= n })
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.notes
	h.notes = nil
	return got
}
