package webhook

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

func TestCheckHeaders(t *testing.T) {
	many := make(map[string]string)
	for i := range maxHeaders + 1 {
		many[fmt.Sprintf("X-%d", i)] = "v"
	}
	for want, headers := range map[string]map[string]string{
		"":                  {"X-Api-Key": "hunter2", "user-agent": "erp", "Authorization": "ApiKey hunter2", "cookie": "a=hunter2", "X-Tab": "a\tb", "X-Empty": ""},
		"more than 32":      many,
		"longer than 8192":  {"X-Long": strings.Repeat("hunter2", 2000)},
		"header Webhook-Id": {"webhook-id": "hunter2"},
		"header Webhook-Signature is not for endpoints": {"WEBHOOK-SIGNATURE": "hunter2"},
		"header Switchhook-Seq is not for endpoints":    {"Switchhook-seq": "hunter2"},
		"header Switchhook-New is not for endpoints":    {"switchhook-new": "hunter2"},
		"header Host is not for endpoints":              {"host": "hunter2"},
		"header Content-Length is not for endpoints":    {"content-length": "7"},
		"header Content-Type is not for endpoints":      {"Content-type": "hunter2"},
		"header Content-Encoding is not for endpoints":  {"Content-Encoding": "gzip"},
		"header Transfer-Encoding is not for endpoints": {"transfer-encoding": "chunked"},
		"header Connection is not for endpoints":        {"Connection": "close"},
		"header Keep-Alive is not for endpoints":        {"keep-alive": "hunter2"},
		"header Upgrade is not for endpoints":           {"upgrade": "h2c"},
		"header Te is not for endpoints":                {"TE": "trailers"},
		"header Trailer is not for endpoints":           {"trailer": "X"},
		"header Expect is not for endpoints":            {"expect": "100-continue"},
		"header Proxy-Authorization is not":             {"proxy-authorization": "hunter2"},
		"name is not valid":                             {"X Api": "hunter2"},
		"a header's name is not valid":                  {"X-Api:": "hunter2"},
		"header's name is not valid":                    {"": "hunter2"},
		"s name is not valid":                           {"X-\r\nEvil": "hunter2"},
		" name is not valid":                            {strings.Repeat("x", 200): "hunter2"},
		"X-Split holds a control character":             {"X-Split": "hunter2\r\nEvil: 1"},
		"X-Nul holds a control character":               {"X-Nul": "hunter2\x00"},
		"the header X-Api-Key is set twice":             {"X-Api-Key": "a", "x-api-key": "hunter2"},
		"header X-Api-Key is set twice":                 {"X-API-KEY": "hunter2", "x-api-key": "hunter2"},
	} {
		err := CheckHeaders(headers)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v", want, err)
		}
	}
	for token, want := range map[string]string{
		"": "", "hunter2": "", "Basic aHVudGVyMg==": "", "hunter2\r\nEvil: 1": "control character",
		strings.Repeat("hunter2", 2000): "longer than 8192",
	} {
		err := CheckBearer(token)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestOwnHeaders(t *testing.T) {
	got := make(chan seen, 1)
	srv := serve(t, catch(got))
	s := local(t)
	for token, want := range map[string]string{
		"t0ken": "Bearer t0ken", "Bearer t0ken": "Bearer t0ken", "Basic dXNlcjpwYXNz": "Basic dXNlcjpwYXNz",
		"bearer t0ken": "Bearer bearer t0ken", "": "ApiKey k",
	} {
		ep := endpointAt(srv.URL)
		ep.Bearer = token
		ep.Headers = map[string]string{"x-api-key": "k3y", "USER-AGENT": "erp", "Authorization": "ApiKey k"}
		if v := s.Send(t.Context(), &ep, 6, []*record.Event{event(7)}); v.Err != nil {
			t.Fatal(v.Err)
		}
		h := (<-got).header
		for name, value := range map[string]string{
			"Authorization": want, "X-Api-Key": "k3y", "User-Agent": "erp", "Webhook-Id": "k7f3q/2/7", "Content-Type": "application/json",
		} {
			if h.Get(name) != value || len(h[name]) != 1 {
				t.Errorf("%s: %q, want %q", name, h[name], value)
			}
		}
	}
	// Stored by somebody who did not check: refused, in words, and not sent.
	for name, change := range map[string]func(ep *record.Endpoint){
		"Webhook-Id is not for endpoints": func(ep *record.Endpoint) { ep.Headers = map[string]string{"webhook-id": "x"} },
		"holds a control character":       func(ep *record.Endpoint) { ep.Bearer = "hunter2\n" },
	} {
		ep := endpointAt(srv.URL)
		change(&ep)
		v := s.Send(t.Context(), &ep, 6, []*record.Event{event(7)})
		if v.Outcome != outbox.Retry || !v.Slow || v.Err == nil || !strings.Contains(v.Err.Error(), name) || strings.Contains(v.Err.Error(), "hunter2") {
			t.Errorf("%+v", v)
		}
	}
}

// A receiver that shows what it got gives none of the endpoint's secrets away.
func TestEchoedSecretsAreTakenOut(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		_, _ = fmt.Fprint(w, r.Header.Get("Authorization"), " ", strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "), " ", r.Header.Get("X-Api-Key"), " ok")
	})
	ep := endpointAt(srv.URL)
	ep.Bearer = "Basic dXNlcjpwYXNz"
	ep.Headers = map[string]string{"x-api-key": "k3y-k3y"}
	v := local(t).Send(t.Context(), &ep, 6, []*record.Event{event(7)})
	if v.Excerpt != "… … … ok" {
		t.Errorf("%q", v.Excerpt)
	}
}

// Wherever the part of an answer that is kept ends within a secret, and where the
// answer breaks off there, nothing of the secret stays.
func TestEchoedSecretsAreTakenOutWhereTheyAreCut(t *testing.T) {
	const token = "tok-0123456789abcdef"
	s := local(t)
	for _, breaks := range []bool{false, true} {
		for kept := shortest; kept < len(token); kept++ {
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				body := strings.Repeat("x", excerptMost-kept) + token
				if breaks {
					w.Header().Set("Content-Length", "2000")
					body = "x" + token[:kept]
				}
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, body)
			})
			ep := endpointAt(srv.URL)
			ep.Bearer = token
			v := s.Send(t.Context(), &ep, 6, []*record.Event{event(7)})
			if strings.Contains(v.Excerpt, token[:shortest]) || !strings.HasSuffix(v.Excerpt, "x…") {
				t.Errorf("%d characters, breaks off %v: kept …%q", kept, breaks, v.Excerpt[max(0, len(v.Excerpt)-40):])
			}
		}
	}
}
