package webhook

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// several says an event in as many requests as it has words, and wants none that
// says "no".
type several struct{}

func (several) Carries(record.Kind) bool { return true }

func (several) Wants(_ *record.Endpoint, ev *record.Event) bool { return ev.Name != "no" }

func (several) Encode(_ *record.Endpoint, events []*record.Event) (made record.PostBack, err error) {
	for i, word := range strings.Fields(events[0].Name) {
		one := record.PostBack{Body: []byte(word), ContentType: "text/plain"}
		if i == 0 {
			made = one
		} else {
			made.More = append(made.More, one)
		}
	}
	return made, nil
}

// TestSeveralRequests: they go in order, with ids of their own, the next only after
// the one before; a failure repeats all of them.
func TestSeveralRequests(t *testing.T) {
	var came []string
	refused := ""
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		came = append(came, r.Header.Get("Webhook-Id")+"="+string(body))
		if string(body) == refused {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	s := senderFor(t, Config{AllowLoopback: true, Formats: map[string]Encoder{"several": several{}}})
	ep := endpointAt(srv.URL)
	ep.Format = "several"
	try := func(words, refuse string) (outbox.Verdict, []string) {
		came, refused = nil, refuse
		ev := event(7)
		ev.Name = words
		return s.Send(t.Context(), &ep, 6, []*record.Event{ev}), came
	}
	for _, c := range []struct {
		words, refuse string
		want          []string
		outcome       outbox.Outcome
	}{
		{"one", "", []string{"k7f3q/2/7=one"}, outbox.Delivered},
		{"one two three", "", []string{"k7f3q/2/7=one", "k7f3q/2/7.2=two", "k7f3q/2/7.3=three"}, outbox.Delivered},
		{"one two three", "two", []string{"k7f3q/2/7=one", "k7f3q/2/7.2=two"}, outbox.Retry},
		{"one two three", "one", []string{"k7f3q/2/7=one"}, outbox.Retry},
		{"", "", nil, outbox.Delivered},
	} {
		if v, got := try(c.words, c.refuse); v.Outcome != c.outcome || !slices.Equal(got, c.want) {
			t.Errorf("%q, refused %q: %s after %q, %v", c.words, c.refuse, v.Outcome, got, v.Err)
		}
	}
}

// TestChooser: what a format does not want is not carried, whatever it carries.
func TestChooser(t *testing.T) {
	s := senderFor(t, Config{Formats: map[string]Encoder{"several": several{}}})
	ep := endpointAt("https://erp.example")
	for format, want := range map[string]bool{"several": false, Standard: true, "unknown": true} {
		ep.Format = format
		ev := event(7)
		if !s.Carries(&ep, ev) {
			t.Errorf("%s does not carry an event", format)
		}
		if ev.Name = "no"; s.Carries(&ep, ev) != want {
			t.Errorf("%s carries what is not wanted: %t", format, !want)
		}
	}
}
