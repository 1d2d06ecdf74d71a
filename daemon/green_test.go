package daemon_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/queue"
	"github.com/switchhook/switchhook/record"
)

// As many notifications as an event makes have a receipt each.
var _ = [1]struct{}{}[queue.Places-notify.Most]

// TestNotificationsAreFetched: what happens to an instance is in its queue, in order,
// until it is deleted, over a restart; switches are read when it is fetched, and what
// happened before nobody wanted it is not told afterwards.
func TestNotificationsAreFetched(t *testing.T) {
	dir := shortDir(t)
	g := runGreen(t, dir, nil)
	id := g.add("shop", "").ID
	g.set(id, record.GreenSettings{})
	if _, err := g.admin.Code(t.Context(), id); err != nil { // which is nothing that is told
		t.Fatal(err)
	}
	g.scan("shop")
	if n, _, ok := g.fetch(id, 0, false); ok {
		t.Errorf("without a switch there is %s", n)
	}
	g.set(id, allSwitches)
	if n, _, ok := g.fetch(id, 0, false); ok {
		t.Errorf("what nobody wanted is told: %s", n)
	}

	came := make(chan note)
	go func() {
		n, _, _ := g.fetch(id, patience, true)
		came <- n
	}()
	written := g.write("see you at eight").Data.Message
	n := <-came
	if n.String() != "incomingMessageReceived see you at eight" || n.Instance.ID != g.d.GreenOf(id).ID || n.Instance.WID != g.find("shop").Phone+"@c.us" {
		t.Errorf("%+v", n)
	}
	if err := g.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "read"}); err != nil {
		t.Fatal(err)
	}
	before := g.find("shop").Seq
	for _, l := range []struct {
		api.Letter
		record.Kind
	}{
		{api.Letter{React: written.ID, Text: "👍"}, record.MessageReaction},
		{api.Letter{Edit: written.ID, Text: "see you at nine"}, record.MessageEdited},
		{api.Letter{Delete: written.ID}, record.MessageRevoked},
		{api.Letter{Call: true}, record.MessageCall},
	} {
		l.From = contact
		if _, err := g.admin.Write(t.Context(), "shop", l.Letter); err != nil {
			t.Fatal(err)
		}
		g.event("shop", before, string(l.Kind), kind(l.Kind))
	}
	if _, err := g.admin.Send(t.Context(), "shop", api.Outgoing{To: contact, Text: "I shall be there"}); err != nil {
		t.Fatal(err)
	}
	g.event("shop", before, "read", func(e client.Event) bool { return e.Type == record.MessageReceipt && e.Data.Message.Type == "read" })
	if _, err := g.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	n, receipt, _ := g.fetch(id, 0, false)
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}

	g = runGreen(t, dir, nil)
	if again, same, _ := g.fetch(id, 0, false); again != n || same != receipt {
		t.Errorf("before the restart %d was %s, after it %d is %s", receipt, n, same, again)
	}
	if was, err := g.d.DeleteNotification(t.Context(), id, receipt+7*queue.Places*1000); was || err != nil {
		t.Errorf("what was never there is deleted: %t, %v", was, err)
	}
	want := []string{
		"incomingMessageReceived reactionMessage", "incomingMessageReceived editedMessage",
		"incomingMessageReceived deletedMessage", "incomingCall offer",
		"outgoingAPIMessageReceived I shall be there", "outgoingMessageStatus sent",
		"outgoingMessageStatus delivered", "outgoingMessageStatus read",
		"stateInstanceChanged sleepMode", "statusInstanceChanged offline",
	}
	if got := words(g.drain(id)); !slices.Equal(got, want) {
		t.Errorf("fetched %q, want %q", got, want)
	}
	g.goes(id)
}

// goes deletes the instance: its queue is closed at once.
func (g *green) goes(id string) {
	g.t.Helper()
	if _, err := g.admin.Delete(context.Background(), "shop"); err != nil {
		g.t.Fatal(err)
	}
	if n, _, ok := g.fetch(id, 0, false); ok {
		g.t.Errorf("of a deleted instance there is %s", n)
	}
	if err := g.trySet(id, allSwitches); !errors.Is(err, instance.ErrDeleted) && !errors.Is(err, instance.ErrNotFound) {
		g.t.Errorf("settings of a deleted instance: %v", err)
	}
}

// TestWebhookAndQueue: notifications go to the webhookUrl, with its token; a change
// from the queue to it and back loses nothing and brings nothing twice.
func TestWebhookAndQueue(t *testing.T) {
	h := newHook(t)
	g := runGreen(t, shortDir(t), nil)
	id := g.add("shop", "").ID
	s := allSwitches
	g.set(id, s)
	g.scan("shop")
	if got := words(g.drain(id)); !slices.Contains(got, "stateInstanceChanged authorized") || !slices.Contains(got, "deviceInfo") {
		t.Fatalf("connected, the queue has %q", got)
	}
	g.write("one")
	g.write("two")
	g.fetch(id, 0, true)

	s.WebhookURL, s.WebhookToken = h.URL, "t0ken"
	g.set(id, s)
	if got := h.take(t, 1); words(got)[0] != "incomingMessageReceived two" || got[0].auth != "Bearer t0ken" {
		t.Errorf("the receiver got %+v", got)
	}
	if n, _, ok := g.fetch(id, 0, false); ok {
		t.Errorf("beside a webhook the queue has %s", n)
	}
	if err := g.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "none"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.admin.Send(t.Context(), "shop", api.Outgoing{To: contact, Text: "three"}); err != nil {
		t.Fatal(err)
	}
	got := h.take(t, 2)
	if w := words(got); !slices.Equal(w, []string{"outgoingAPIMessageReceived three", "outgoingMessageStatus sent"}) || got[1].id != got[0].id+".2" {
		t.Errorf("the receiver got %q as %s and %s", w, got[0].id, got[1].id)
	}
	s.WebhookToken = "Basic dXNlcjpwYXNz"
	g.set(id, s)
	g.write("four")
	if got := h.take(t, 1); got[0].auth != "Basic dXNlcjpwYXNz" {
		t.Errorf("with a scheme the token is sent as %q", got[0].auth)
	}

	h.answer(http.StatusAccepted) // which is no success to this format
	g.write("five")
	h.await(t, func() bool { return h.refused > 0 })
	h.answer(http.StatusOK)
	s.WebhookURL = "https://webhook.green-api.com/"
	g.set(id, s)
	g.write("six")
	if got := words(g.drain(id)); !slices.Equal(got, []string{"incomingMessageReceived five", "incomingMessageReceived six"}) {
		t.Errorf("back in the queue there is %q", got)
	}
	if endpoints, err := g.admin.Endpoints(t.Context(), api.Owner{Instance: id}); err != nil || len(endpoints) != 0 {
		t.Errorf("without a webhook there are %d endpoints, %v", len(endpoints), err)
	}
	s.WebhookURL = h.URL
	g.set(id, s)
	g.write("seven")
	if got := words(h.take(t, 1)); !slices.Equal(got, []string{"incomingMessageReceived seven"}) {
		t.Errorf("the webhook, set again, got %q", got)
	}
	g.goes(id)
}

// TestWebhookIsTheSettings: an address that is forbidden or no address is refused and
// changes nothing; the operator is told where the endpoint comes from.
func TestWebhookIsTheSettings(t *testing.T) {
	h := newHook(t)
	g := runGreen(t, shortDir(t), nil)
	id := g.add("shop", "").ID
	g.set(id, allSwitches)
	for url, field := range map[string]string{
		"ftp://example.org": "webhookUrl", "no address": "webhookUrl", "http://10.0.0.1/": "webhookUrl", "http://": "webhookUrl",
	} {
		s := record.GreenSettings{WebhookURL: url}
		if err := g.trySet(id, s); !isInvalid(err, field) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := g.trySet(id, record.GreenSettings{WebhookURL: h.URL, WebhookToken: "two\nlines"}); !isInvalid(err, "webhookUrlToken") {
		t.Errorf("a token of two lines: %v", err)
	}
	if a := g.d.GreenOf(id); a.Settings.WebhookURL != "" || !a.Settings.Incoming {
		t.Errorf("what was refused is stored: %+v", a.Settings)
	}
	if err := g.trySet("inobody", allSwitches); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("nobody's settings: %v", err)
	}

	s := allSwitches
	s.WebhookURL = h.URL
	g.set(id, s)
	ep, err := g.admin.Endpoint(t.Context(), "shop/greenapi")
	if err != nil || *ep.Format != "greenapi" || ep.ID != id+"-greenapi" {
		t.Fatalf("%+v, %v", ep, err)
	}
	for what, change := range map[string]api.EndpointChange{
		"address": {URL: new("https://example.org")}, "token": {Bearer: new("x")}, "format": {Format: new("standard")},
	} {
		if _, err := g.admin.ChangeEndpoint(t.Context(), ep.ID, change); err == nil || !strings.Contains(err.Error(), "setSettings") {
			t.Errorf("another %s: %v", what, err)
		}
	}
	if _, err := g.admin.RemoveEndpoint(t.Context(), ep.ID); err == nil || !strings.Contains(err.Error(), "setSettings") {
		t.Errorf("removed: %v", err)
	}
	if _, err := g.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "greenapi", Instance: "shop", EndpointChange: api.EndpointChange{URL: new(h.URL)}}); !isInvalid(err, "name") {
		t.Errorf("another of that name: %v", err)
	}
	if _, err := g.admin.AddEndpoint(t.Context(), api.EndpointSpec{Name: "bulky", Instance: "shop", EndpointChange: api.EndpointChange{
		URL: new(h.URL), Format: new("greenapi"), Bulk: &api.Bulk{Most: 10},
	}}); !isInvalid(err, "bulk") {
		t.Errorf("in bulk: %v", err)
	}
	if _, err := g.admin.PauseEndpoint(t.Context(), ep.ID, "maintenance"); err != nil {
		t.Errorf("paused: %v", err)
	}
}

// TestShortRetention: a log that keeps events for less than a day keeps what waits in
// the queue, and nothing for one that is not read from.
func TestShortRetention(t *testing.T) {
	g := runGreen(t, shortDir(t), func(c *configs.Config) { c.Store.Retention = time.Nanosecond })
	id := g.add("shop", "").ID
	g.set(id, allSwitches)
	g.scan("shop")
	g.drain(id)
	first := g.write("one").Seq
	g.write("two")
	begins := func() uint64 {
		t.Helper()
		if err := g.d.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if events := g.events("shop", 0); len(events) > 0 {
			return events[0].Seq
		}
		return 0
	}
	if got := begins(); got != first {
		t.Errorf("the log begins with %d, the queue with %d", got, first)
	}
	g.fetch(id, 0, true)
	if got := begins(); got != first+1 {
		t.Errorf("the log begins with %d, the queue with %d", got, first+1)
	}
	if got := words(g.drain(id)); !slices.Equal(got, []string{"incomingMessageReceived two"}) {
		t.Errorf("fetched %q", got)
	}
	if got := begins(); got != 0 {
		t.Errorf("the log begins with %d, and nothing waits", got)
	}
	g.set(id, record.GreenSettings{})
	g.write("three")
	g.set(id, allSwitches)
	if got := begins(); got != 0 {
		t.Errorf("the log begins with %d, which nobody wanted", got)
	}
}
