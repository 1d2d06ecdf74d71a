package receivers_test

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook/api/witi"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
	"github.com/switchhook/switchhook/webhook"
)

func TestReceivers(t *testing.T) {
	for _, ex := range examples() {
		t.Run(ex.name, func(t *testing.T) {
			r := newRig(t, ex, filepath.Join(t.TempDir(), "memory"))
			t.Run("formats", r.formats)
			t.Run("repeats", r.repeats)
			t.Run("together", r.together)
			t.Run("bulk", r.bulk)
			t.Run("tests", r.tests)
			t.Run("gaps", r.gaps)
			t.Run("signatures", r.signatures)
			t.Run("forgeries", r.forgeries)
			t.Run("nonsense", r.nonsense)
		})
	}
}

// TestKilled: what was handled before a receiver was killed is not handled again.
func TestKilled(t *testing.T) {
	for _, ex := range examples() {
		if !ex.keeps {
			continue
		}
		t.Run(ex.name, func(t *testing.T) {
			memory := filepath.Join(t.TempDir(), "memory")
			evs, ids := events("killed", 3)
			t.Run("before", func(t *testing.T) {
				r := newRig(t, ex, memory)
				r.send(t, r.endpoint(webhook.Standard), 0, evs[0])
				r.heard(t, ids[0]+" connection.changed")
			})
			t.Run("after", func(t *testing.T) {
				r := newRig(t, ex, memory)
				r.send(t, r.endpoint(webhook.Standard), 0, evs[0])
				r.send(t, r.endpoint(webhook.Standard), 2, evs[2])
				r.heard(t, ids[2]+" connection.changed")
				if !ex.blind {
					r.told(t, "missing killed/1 after 1 to", 1)
				}
			})
		})
	}
}

// rig is a receiver that runs, and knows two secrets, and a sender.
type rig struct {
	*process
	ex       example
	sender   *webhook.Sender
	old, new string
	events   int // that it has handled
}

func newRig(t *testing.T, ex example, memory string) *rig {
	s, err := webhook.New(webhook.Config{
		AllowLoopback: true,
		Formats:       map[string]webhook.Encoder{"witi": witi.Encoder{WID: func(string) (string, bool) { return recordtest.WID, true }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := &rig{ex: ex, sender: s, old: webhook.NewSecret(), new: webhook.NewSecret()}
	r.process = start(t, ex, memory, r.old, r.new)
	return r
}

func (r *rig) endpoint(format string) *record.Endpoint {
	return &record.Endpoint{ID: recordtest.Endpoint, URL: r.url + "/hooks?tenant=7", Format: format, Secrets: []string{r.new}}
}

// send delivers events in one request, and wants the answer 204.
func (r *rig) send(t *testing.T, ep *record.Endpoint, prev uint64, events ...*record.Event) {
	t.Helper()
	v := r.sender.Send(t.Context(), ep, prev, events)
	if v.Outcome != outbox.Delivered || v.Status != http.StatusNoContent {
		t.Errorf("%s: %d %v %s", events[0].ID(), v.Status, v.Err, v.Excerpt)
	}
}

// refused sends what must be refused.
func (r *rig) refused(t *testing.T, ep *record.Endpoint, ev *record.Event, status int) {
	t.Helper()
	if v := r.sender.Send(t.Context(), ep, 0, []*record.Event{ev}); v.Outcome == outbox.Delivered || v.Status != status {
		t.Errorf("%s: %d %v, want %d", ev.ID(), v.Status, v.Err, status)
	}
}

// heard wants these events, and no others, to be the next ones that it handles.
func (r *rig) heard(t *testing.T, events ...string) {
	t.Helper()
	got := r.told(t, "event", r.events+len(events))[r.events:]
	r.events += len(got)
	if !slices.Equal(got, events) {
		t.Fatalf("handled %q, want %q", got, events)
	}
}

// events is a stream of its own, so that the parts of the test do not meet.
func events(stream string, n int) (out []*record.Event, ids []string) {
	for i := range n {
		ev := recordtest.Of(record.ConnectionChanged)[0].Event
		ev.Stream, ev.Seq = stream, uint64(i+1)
		out, ids = append(out, &ev), append(ids, ev.ID())
	}
	return out, ids
}

// formats sends every sample in every format that carries it.
func (r *rig) formats(t *testing.T) {
	for format, word := range words {
		ep := r.endpoint(format)
		for _, s := range recordtest.Samples() {
			ev := s.Event
			if !r.sender.Carries(ep, &ev) {
				continue
			}
			ev.Stream += "-" + format // the same id would be a repeat
			r.send(t, ep, 0, &ev)
			r.heard(t, ev.ID()+" "+word(ev.Kind))
		}
	}
}

// words answer how each format calls a kind.
var words = map[string]func(record.Kind) string{
	webhook.Standard:    func(k record.Kind) string { return string(k) },
	webhook.CloudEvents: func(k record.Kind) string { return "io.github.switchhook." + string(k) },
	"witi": func(k record.Kind) string {
		return map[record.Kind]string{record.ConnectionChanged: "status", record.QRIssued: "qrcode"}[k]
	},
}

// bulk: every event of a batch is handled once, also if a batch overlaps another, as
// it does after a crash.
func (r *rig) bulk(t *testing.T) {
	for format, word := range words {
		for _, version := range []string{"1.0", "1.1"} {
			evs, ids := events("bulk-"+format+version, 5)
			for i := range ids {
				ids[i] += " " + word(record.ConnectionChanged)
			}
			ep := r.endpoint(format)
			ep.Version, ep.Bulk = version, &record.Bulk{Most: 50, Wait: time.Second}
			r.send(t, ep, 0, evs[:3]...)
			r.heard(t, ids[:3]...)
			r.send(t, ep, 1, evs[1:]...)
			r.heard(t, ids[3:]...)
			r.send(t, ep, 0, evs[:1]...)
			ep.Bulk = nil
			r.send(t, ep, 4, evs[4])
		}
	}
	r.heard(t)
	evs, _ := events("bulk", 2)
	ep := r.endpoint("witi")
	ep.Bulk, ep.Secrets = &record.Bulk{Most: 50}, []string{webhook.NewSecret()}
	r.refused(t, ep, evs[0], http.StatusUnauthorized)
}

// tests: what an operator sends to try the address is acknowledged.
func (r *rig) tests(t *testing.T) {
	for format := range words {
		v := r.sender.Test(t.Context(), r.endpoint(format))
		if v.Outcome != outbox.Delivered {
			t.Errorf("%s: %d %v", format, v.Status, v.Err)
		}
		got := r.told(t, "event", r.events+1)
		if len(got) != r.events+1 || !strings.HasPrefix(got[r.events], "test/") || !strings.HasSuffix(got[r.events], "endpoint.test") {
			t.Errorf("%s: handled %q", format, got[r.events:])
		}
		r.events = len(got)
	}
}

// repeats: an event that comes again is acknowledged and not handled.
func (r *rig) repeats(t *testing.T) {
	evs, ids := events("repeats", 2)
	ep := r.endpoint(webhook.Standard)
	r.send(t, ep, 0, evs[0])
	r.send(t, ep, 0, evs[0])
	r.send(t, ep, 1, evs[1])
	r.send(t, ep, 0, evs[0])
	r.heard(t, ids[0]+" connection.changed", ids[1]+" connection.changed")
}

// together: of requests with the same event at the same time, one handles it.
func (r *rig) together(t *testing.T) {
	evs, ids := events("together", 1)
	ep := r.endpoint(webhook.Standard)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { r.send(t, ep, 0, evs[0]) })
	}
	all.Wait()
	r.heard(t, ids[0]+" connection.changed")
}

// gaps: what is missing is noticed; a repeat, and a jump over events that were not
// meant for it, are no gaps.
func (r *rig) gaps(t *testing.T) {
	if r.ex.blind {
		t.Skip("it does not look for gaps")
	}
	evs, ids := events("gaps", 9)
	ep := r.endpoint(webhook.Standard)
	for _, step := range []struct{ seq, prev int }{{1, 0}, {4, 1}, {4, 1}, {2, 1}, {9, 7}} {
		r.send(t, ep, uint64(step.prev), evs[step.seq-1])
	}
	restored := recordtest.Of(record.ConnectionChanged)[0].Event
	restored.Stream, restored.Epoch, restored.Seq = "gaps", 2, 3
	r.send(t, ep, 2, &restored)
	const kind = " connection.changed"
	r.heard(t, ids[0]+kind, ids[3]+kind, ids[1]+kind, ids[8]+kind, "gaps/2/3"+kind)
	if got := r.told(t, "missing", 1); !slices.Equal(got, []string{"gaps/1 after 4 to 7"}) {
		t.Errorf("missing %q", got)
	}
}

// signatures: either secret will do, and both together while one is rotated.
func (r *rig) signatures(t *testing.T) {
	evs, ids := events("signatures", 4)
	other := webhook.NewSecret()
	later := time.Now().Add(time.Hour)
	for i, ep := range []record.Endpoint{
		{Secrets: []string{r.old}},
		{Secrets: []string{r.new}, Retiring: []record.Retiring{{Secret: r.old, Until: later}}},
		{Secrets: []string{other}, Retiring: []record.Retiring{{Secret: r.old, Until: later}}},
		{Secrets: []string{other, r.new}},
	} {
		to := r.endpoint(webhook.Standard)
		to.Secrets, to.Retiring = ep.Secrets, ep.Retiring
		r.send(t, to, 0, evs[i])
		r.heard(t, ids[i]+" connection.changed")
	}
	for _, secrets := range [][]string{{other}, {other, webhook.NewSecret()}, nil} {
		to := r.endpoint(webhook.Standard)
		to.Secrets = secrets
		r.refused(t, to, evs[0], http.StatusUnauthorized)
	}
	gone := r.endpoint(webhook.Standard)
	gone.Secrets, gone.Retiring = []string{other}, []record.Retiring{{Secret: r.old, Until: time.Now().Add(-time.Second)}}
	r.refused(t, gone, evs[0], http.StatusUnauthorized)
}

// forgeries are requests that Switchhook does not make, signed by somebody else's
// library.
func (r *rig) forgeries(t *testing.T) {
	lib, err := standardwebhooks.NewWebhook(r.new)
	if err != nil {
		t.Fatal(err)
	}
	evs, ids := events("forgeries", 1)
	body, err := evs[0].Standard()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, c := range map[string]struct {
		signed, told time.Time
		id           string
		body         []byte
		change       func(http.Header)
	}{
		"old":            {signed: now.Add(-10 * time.Minute)},
		"of tomorrow":    {signed: now.Add(10 * time.Minute)},
		"made young":     {signed: now.Add(-10 * time.Minute), told: now},
		"another id":     {signed: now, id: "forgeries/1/2"},
		"another body":   {signed: now, body: bytes.Replace(body, []byte("shop"), []byte("shot"), 1)},
		"no signature":   {signed: now, change: func(h http.Header) { h.Del("webhook-signature") }},
		"no timestamp":   {signed: now, change: func(h http.Header) { h.Del("webhook-timestamp") }},
		"no id":          {signed: now, change: func(h http.Header) { h.Del("webhook-id") }},
		"no number":      {signed: now, change: func(h http.Header) { h.Set("webhook-timestamp", "yesterday") }},
		"a huge number":  {signed: now, change: func(h http.Header) { h.Set("webhook-timestamp", strings.Repeat("9", 40)) }},
		"another scheme": {signed: now, change: func(h http.Header) { h.Set("webhook-signature", "v2"+h.Get("webhook-signature")[2:]) }},
		"cut":            {signed: now, change: func(h http.Header) { h.Set("webhook-signature", h.Get("webhook-signature")[:20]) }},
		"empty":          {signed: now, change: func(h http.Header) { h.Set("webhook-signature", "v1,") }},
		"no base64":      {signed: now, change: func(h http.Header) { h.Set("webhook-signature", "v1,%%%% v1,ä") }},
	} {
		signature, err := lib.Sign(ids[0], c.signed, body)
		if err != nil {
			t.Fatal(err)
		}
		h := make(http.Header)
		h.Set("webhook-id", ids[0])
		h.Set("webhook-timestamp", strconv.FormatInt(c.signed.Unix(), 10))
		h.Set("webhook-signature", signature)
		if c.id != "" {
			h.Set("webhook-id", c.id)
		}
		if !c.told.IsZero() {
			h.Set("webhook-timestamp", strconv.FormatInt(c.told.Unix(), 10))
		}
		if c.change != nil {
			c.change(h)
		}
		sent := body
		if c.body != nil {
			sent = c.body
		}
		if status := r.post(t, h, bytes.NewReader(sent)); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", name, status)
		}
	}
	// The same with nothing wrong is taken: the other cases fail for their own reason.
	r.send(t, r.endpoint(webhook.Standard), 0, evs[0])
	r.heard(t, ids[0]+" connection.changed")
}

// nonsense is refused and stops nothing.
func (r *rig) nonsense(t *testing.T) {
	lib, err := standardwebhooks.NewWebhook(r.new)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"empty": "", "no JSON": "hello", "no id": `{"type":"daemon.started"}`, "no string": `{"id":7}`,
		"no event": `[null]`, "no base64": `BULK,["%"]`, "no list": `BULK,{`, "no zlib": "BULKGZ,aGVsbG8=",
	} {
		now := time.Now()
		signature, err := lib.Sign("nonsense/1/1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := make(http.Header)
		h.Set("webhook-id", "nonsense/1/1")
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", signature)
		if status := r.post(t, h, strings.NewReader(body)); status/100 == 2 {
			t.Errorf("%s: status %d", name, status)
		}
	}
	big := io.LimitReader(zeros{}, 9<<20)
	if status := r.post(t, make(http.Header), big); status/100 == 2 {
		t.Errorf("9 MB: status %d", status)
	}
	evs, ids := events("nonsense", 1)
	r.send(t, r.endpoint(webhook.Standard), 0, evs[0])
	r.heard(t, ids[0]+" connection.changed")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// post answers the status, 0 if the receiver hung up instead.
func (r *rig) post(t *testing.T, h http.Header, body io.Reader) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		t.Log(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
