package eventsdoc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/api/witi"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
	"github.com/switchhook/switchhook/webhook"
)

// The names of the formats.
const (
	Standard    = webhook.Standard
	CloudEvents = webhook.CloudEvents
	WITI        = "witi"
	GreenAPI    = notify.Format
	Tencent     = callback.Format
)

// Formats are those that are documented, in this order.
var Formats = []string{Standard, CloudEvents, WITI, GreenAPI, Tencent}

// Request is a PostBack as a receiver gets it.
type Request struct {
	Header http.Header
	Body   []byte
	More   []Request // those that follow it, of the same event
}

// Make answers the PostBack of events in the format of an endpoint, in bulk if that
// wants it; false if the format does not carry the first of them.
func Make(ctx context.Context, ep record.Endpoint, events ...*record.Event) (Request, bool, error) {
	w, err := newWire()
	if err != nil {
		return Request{}, false, err
	}
	defer w.close()
	if !w.carries(ep.Format, events[0]) {
		return Request{}, false, nil
	}
	req, err := w.send(ctx, ep, events...)
	return req, true, err
}

// wire is a sender and the memory of a network: what is sent is kept.
type wire struct {
	sender *webhook.Sender
	came   chan Request
}

func newWire() (*wire, error) {
	w := &wire{came: make(chan Request, notify.Most)}
	wid := func(string) (string, bool) { return recordtest.WID, true }
	s, err := webhook.New(webhook.Config{
		Formats:     map[string]webhook.Encoder{WITI: witi.Encoder{WID: wid}, GreenAPI: green(), Tencent: callback.Encoder{}},
		DialContext: w.dial,
	})
	if err != nil {
		return nil, fmt.Errorf("make a sender: %w", err)
	}
	w.sender = s
	return w, nil
}

// green is GREEN-API's format for an account that wants everything.
func green() notify.Encoder {
	return notify.Encoder{
		Account: func(string) (notify.Account, bool) {
			return notify.Account{ID: 1101000001, Phone: "5511955550001", Settings: record.GreenSettings{
				Incoming: true, IncomingCall: true, OutgoingMessage: true, OutgoingAPIMessage: true, OutgoingStatus: true,
				State: true, Device: true, Edited: true, Deleted: true, Poll: true,
			}}, true
		},
	}
}

func (w *wire) close() { w.sender.Close() }

func (w *wire) carries(format string, ev *record.Event) bool {
	return w.sender.Carries(&record.Endpoint{Format: format}, ev)
}

func (w *wire) send(ctx context.Context, ep record.Endpoint, events ...*record.Event) (Request, error) {
	ep.ID, ep.URL, ep.Secrets = recordtest.Endpoint, "http://erp.example/hooks/whatsapp", []string{webhook.NewSecret()}
	if v := w.sender.Send(ctx, &ep, 0, events); v.Outcome != outbox.Delivered {
		return Request{}, fmt.Errorf("send %s as %s: %w", events[0].ID(), ep.Format, v.Err)
	}
	req := <-w.came
	for len(w.came) > 0 {
		req.More = append(req.More, <-w.came)
	}
	return req, nil
}

// dial answers a connection whose other end takes one request.
func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		r, err := http.ReadRequest(bufio.NewReader(far))
		if err != nil {
			return // the sender says so
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.came <- Request{Header: r.Header, Body: body}
		_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	return near, nil
}
