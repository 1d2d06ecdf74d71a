package webhook

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		status  int
		outcome outbox.Outcome
		waits   bool // Retry-After counts
		slow    bool
	}{
		{200, outbox.Delivered, false, false},
		{201, outbox.Delivered, false, false},
		{202, outbox.Delivered, false, false},
		{204, outbox.Delivered, false, false},
		{299, outbox.Delivered, false, false},
		{300, outbox.Retry, false, true},
		{301, outbox.Retry, false, true},
		{302, outbox.Retry, false, true},
		{304, outbox.Retry, false, true},
		{307, outbox.Retry, false, true},
		{308, outbox.Retry, false, true},
		{400, outbox.Retry, false, true},
		{401, outbox.Retry, false, true},
		{403, outbox.Retry, false, true},
		{404, outbox.Retry, false, true},
		{408, outbox.Retry, true, false},
		{402, outbox.Retry, false, true},
		{409, outbox.Retry, false, true},
		{410, outbox.Disable, false, false},
		{413, outbox.Retry, false, true},
		{422, outbox.Retry, false, true},
		{425, outbox.Retry, true, false},
		{429, outbox.Retry, true, false},
		{500, outbox.Retry, true, false},
		{501, outbox.Retry, true, false},
		{502, outbox.Retry, true, false},
		{503, outbox.Retry, true, false},
		{504, outbox.Retry, true, false},
		{599, outbox.Retry, true, false},
		{999, outbox.Retry, true, false},
	} {
		srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "77")
			w.WriteHeader(tc.status)
		})
		v := send(t, local(t), srv.URL)
		if v.Outcome != tc.outcome || v.Status != tc.status || (v.Err == nil) != (tc.outcome == outbox.Delivered) {
			t.Errorf("%d: %+v", tc.status, v)
		}
		want := time.Duration(0)
		if tc.waits {
			want = 77 * time.Second
		}
		if v.RetryAfter != want {
			t.Errorf("%d: Retry-After %v, want %v", tc.status, v.RetryAfter, want)
		}
		if v.Slow != tc.slow {
			t.Errorf("%d: slow is %v", tc.status, v.Slow)
		}
		if v.Duration <= 0 {
			t.Errorf("%d: no duration", tc.status)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-1": 0, "1.5": 0, "0x10": 0, "1e3": 0, "+5": 0, "5 s": 0,
		"0": time.Second, "1": time.Second, "120": 2 * time.Minute, " 120 ": 2 * time.Minute, "007": 7 * time.Second,
		"3600": time.Hour, "3601": time.Hour, "86400": time.Hour,
		"4294967296": time.Hour, "99999999999999999999999": time.Hour,
		"Sat, 01 Mar 2025 12:00:30 GMT":    30 * time.Second,
		"Sat, 01 Mar 2025 11:00:00 GMT":    time.Second, // past
		"Sat, 01 Mar 2025 12:00:00 GMT":    time.Second,
		"Sun, 02 Mar 2025 12:00:00 GMT":    time.Hour,
		"Saturday, 01-Mar-25 12:01:00 GMT": time.Minute, // RFC 850
		"Sat Mar  1 12:01:00 2025":         time.Minute, // asctime
		"2025-03-01T12:01:00Z":             0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "-1", "Sat, 01 Mar 2025 12:00:30 GMT", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, time.Now()); d != 0 && (d < minRetryAfter || d > maxRetryAfter) {
			t.Errorf("%q: %v", value, d)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	hits := make(chan string, 10)
	target := serve(t, func(_ http.ResponseWriter, r *http.Request) { hits <- r.Method })
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, status) })
		v := send(t, local(t), srv.URL)
		if v.Outcome != outbox.Retry || v.Status != status || !strings.Contains(v.Err.Error(), "redirects are not followed") {
			t.Errorf("%d: %+v", status, v)
		}
	}
	if len(hits) != 0 {
		t.Errorf("followed %d times", len(hits))
	}
}

type badEncoder struct{}

func (badEncoder) Encode(*record.Endpoint, []*record.Event) (record.PostBack, error) {
	return record.PostBack{}, errors.New("no such code")
}
func (badEncoder) Carries(k record.Kind) bool { return k == record.QRIssued }

func TestFormats(t *testing.T) {
	s := senderFor(t, Config{Formats: map[string]Encoder{"bad": badEncoder{}}})
	for format, want := range map[string]string{"bad": "no such code", "nope": "unknown"} {
		ep := endpointAt("https://receiver.example/")
		ep.Format = format
		v := s.Send(t.Context(), &ep, 0, []*record.Event{event(1)})
		if v.Outcome != outbox.Retry || v.Err == nil || !strings.Contains(v.Err.Error(), want) {
			t.Errorf("%s: %+v", format, v)
		}
	}
	for _, tc := range []struct {
		format string
		kind   record.Kind
		want   bool
	}{
		{"bad", record.QRIssued, true},
		{"bad", record.DaemonStarted, false},
		{Standard, record.DaemonStarted, true},
		{"nope", record.DaemonStarted, true},
	} {
		if got := s.Carries(&record.Endpoint{Format: tc.format}, &record.Event{Kind: tc.kind}); got != tc.want {
			t.Errorf("%s carries %s: %v", tc.format, tc.kind, got)
		}
	}
	for _, formats := range []map[string]Encoder{{Standard: badEncoder{}}, {"x": nil}} {
		if _, err := New(Config{Formats: formats}); err == nil {
			t.Errorf("%v was taken", formats)
		}
	}
}

func TestBadSecretFailsTheTry(t *testing.T) {
	ep := endpointAt("https://receiver.example/")
	ep.Secrets = []string{"whsec_hunter2!"}
	v := local(t).Send(t.Context(), &ep, 0, []*record.Event{event(1)})
	if v.Err == nil || strings.Contains(v.Err.Error(), "hunter2") {
		t.Errorf("%+v", v)
	}
}

func TestSilentReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, p, cleanup := bubble(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		defer cleanup()
		began := time.Now()
		v := send(t, s, "http://receiver.example/")
		if d := time.Since(began); d != 15*time.Second || v.Duration != d {
			t.Errorf("took %v, verdict says %v", d, v.Duration)
		}
		if v.Outcome != outbox.Retry || !strings.HasSuffix(v.Err.Error(), "no answer within 15s") || p.dialled() != 1 {
			t.Errorf("%+v after %d dials", v, p.dialled())
		}
	})
}

// The status decides; a body that drips or never ends costs a second.
func TestSlowAndHugeBodies(t *testing.T) {
	for _, status := range []int{200, 500} {
		for name, body := range map[string]func(http.ResponseWriter, *http.Request){
			"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"drips": func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = w.Write([]byte("drop "))
					_ = http.NewResponseController(w).Flush()
					time.Sleep(100 * time.Millisecond) //nolint:forbidigo // in a bubble
				}
			},
			"floods": func(w http.ResponseWriter, _ *http.Request) {
				for range 1 << 16 {
					if _, err := w.Write(make([]byte, 1<<12)); err != nil {
						return
					}
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, _, cleanup := bubble(t, func(w http.ResponseWriter, r *http.Request) {
						w.WriteHeader(status)
						_ = http.NewResponseController(w).Flush()
						body(w, r)
					})
					defer cleanup()
					began := time.Now()
					v := send(t, s, "http://receiver.example/")
					if d := time.Since(began); d > time.Second {
						t.Errorf("took %v", d)
					}
					if v.Status != status || (v.Outcome == outbox.Delivered) != (status == 200) {
						t.Errorf("%+v", v)
					}
					if len(v.Excerpt) > excerptMost || (status == 500 && name == "drips") != strings.HasPrefix(v.Excerpt, "drop") {
						t.Errorf("excerpt %q", v.Excerpt)
					}
				})
			})
		}
	}
}

func TestExcerptIsPrintable(t *testing.T) {
	u, _ := url.Parse("https://receiver.example/s3cretpath?wid=6D6307C3")
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		_, _ = w.Write([]byte("\x1b[31mno\x00 \r\n\tgo \xff: " + r.URL.RequestURI() + strings.Repeat(" é", 2000)))
	})
	v := send(t, local(t), srv.URL+u.RequestURI())
	if !strings.HasPrefix(v.Excerpt, "[31mno go : … é é") || len(v.Excerpt) > excerptMost {
		t.Errorf("excerpt %q", v.Excerpt)
	}
}
