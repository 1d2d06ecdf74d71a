package callback_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/webhook"
)

func sender(t testing.TB, cfg webhook.Config) *webhook.Sender {
	t.Helper()
	cfg.Formats = map[string]webhook.Encoder{callback.Format: callback.Encoder{}}
	s, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestRequest: the query comes behind that of the address, and the body is the callback.
func TestRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = string(b)
		got <- r
		_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`)
	}))
	defer srv.Close()
	s, ev := sender(t, webhook.Config{AllowLoopback: true}), updated(t, text(record.TagNick, "The Shop"))
	const query = "SdkAppid=1400000001&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=0.0.0.0&OptPlatform=RESTAPI"
	for path, want := range map[string]string{
		"":               "/?" + query,
		"/hook":          "/hook?" + query,
		"/hook?":         "/hook?" + query,
		"/hook?key=a%26": "/hook?key=a%26&" + query,
		"/hook?a=1&a=2":  "/hook?a=1&a=2&" + query,
	} {
		ep := record.Endpoint{ID: "e1", URL: srv.URL + path, Format: callback.Format, Bearer: "hunter2"}
		if v := s.Send(t.Context(), &ep, 6, []*record.Event{ev}); v.Outcome != outbox.Delivered {
			t.Fatalf("%s: %+v", path, v)
		}
		r := <-got
		if r.Method != http.MethodPost || r.RequestURI != want || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Authorization") != "Bearer hunter2" || r.Header.Get("webhook-id") != ev.ID() || r.Header.Get("switchhook-prev") != "6" {
			t.Errorf("%s: %s %s %v; want %s", path, r.Method, r.RequestURI, r.Header, want)
		}
		if want := `{"CallbackCommand":"Profile.CallbackPortraitSet","Operator_Account":"administrator","From_Account":"shop",` +
			`"EventTime":1795292130123,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"The Shop"}]}`; body != want {
			t.Errorf("%s; want %s", body, want)
		}
	}
}

// TestVerdicts: any 2xx is a success, whatever it says; all else is tried again or ends
// the endpoint, as with every format.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   outbox.Outcome
		slow   bool
	}{
		"as expected":      {200, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`, outbox.Delivered, false},
		"it says FAIL":     {200, `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no"}`, outbox.Delivered, false},
		"nothing":          {204, "", outbox.Delivered, false},
		"no JSON":          {202, "<html>", outbox.Delivered, false},
		"broken for now":   {500, "", outbox.Retry, false},
		"too much":         {429, "", outbox.Retry, false},
		"nobody is there":  {404, "", outbox.Retry, true},
		"gone for ever":    {410, "", outbox.Disable, false},
		"a redirect":       {302, "", outbox.Retry, true},
		"it is forbidden":  {403, `{"ActionStatus":"OK"}`, outbox.Retry, true},
		"it is overloaded": {503, "", outbox.Retry, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		}))
		ep := record.Endpoint{ID: "e1", URL: srv.URL, Format: callback.Format}
		v := sender(t, webhook.Config{AllowLoopback: true}).Send(t.Context(), &ep, 0, []*record.Event{updated(t, text(record.TagNick, "x"))})
		if v.Outcome != c.want || v.Slow != c.slow || v.Status != c.status {
			t.Errorf("%s: %+v", name, v)
		}
		srv.Close()
	}
}

// TestTimeout: a receiver has two seconds, unless its endpoint says otherwise.
func TestTimeout(t *testing.T) {
	for of, want := range map[time.Duration]time.Duration{0: 2 * time.Second, 5 * time.Second: 5 * time.Second, 500 * time.Millisecond: 500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			silent := func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					_, _ = io.Copy(io.Discard, far) // until the sender gives up
					_ = far.Close()
				}()
				return near, nil
			}
			s := sender(t, webhook.Config{DialContext: silent, Timeout: 15 * time.Second})
			ep := record.Endpoint{ID: "e1", URL: "http://erp.example/hook", Format: callback.Format, Timeout: of}
			v := s.Send(t.Context(), &ep, 0, []*record.Event{updated(t, text(record.TagNick, "x"))})
			if v.Outcome != outbox.Retry || v.Status != 0 || v.Duration < want || v.Duration > want+time.Second {
				t.Errorf("with a timeout of %s: %+v", of, v)
			}
			if p := s.Policy(&ep); p.Timeout != want || len(p.Schedule) > 0 || p.Horizon != 0 || p.Jitter != nil || p.InFlight != 0 {
				t.Errorf("the policy is %+v", p)
			}
		})
	}
}
