package webhook

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/switchhook/switchhook/record"
)

// The vector that the Standard Webhooks libraries publish.
func TestSignPublishedVector(t *testing.T) {
	var s signer
	got, err := s.sign([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSignAgainstTheLibrary(t *testing.T) {
	var s signer
	at := time.Unix(1735689600, 0)
	for n := range 200 {
		secret := NewSecret()
		body := []byte(strings.Repeat("x", n*7))
		lib, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		want, err := lib.Sign("a/1/2", at, body)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time with the pooled hash
			got, err := s.sign([]string{secret}, "a/1/2", "1735689600", body)
			if err != nil || got != want {
				t.Fatalf("got %s (%v), want %s", got, err, want)
			}
		}
	}
}

func TestSignWithManyAtOnce(t *testing.T) {
	var s signer
	secrets := []string{NewSecret(), NewSecret()}
	want, err := s.sign(secrets, "id", "1", []byte("body"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got, err := s.sign(secrets, "id", "1", []byte("body")); err != nil || got != want {
					t.Errorf("got %s (%v)", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSignRefusesBadSecrets(t *testing.T) {
	var s signer
	for _, secret := range []string{"", "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1a_abcd"} {
		_, err := s.sign([]string{NewSecret(), secret}, "id", "1", nil)
		if err == nil || secret != "" && strings.Contains(err.Error(), secret+"x") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestSignForgetsOldKeys(t *testing.T) {
	var s signer
	for range maxKeys + 10 {
		if _, err := s.sign([]string{NewSecret()}, "id", "1", nil); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	s.keys.Range(func(any, any) bool { n++; return true })
	if n > 10 {
		t.Errorf("%d keys kept", n)
	}
}

// What a receiver does: verify with the library, during a rotation too.
func TestSentRequestVerifies(t *testing.T) {
	var mu sync.Mutex
	var header http.Header
	var body []byte
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		header = r.Header
		body, _ = io.ReadAll(r.Body)
	})
	s := local(t)
	ep := endpointAt(srv.URL)
	ep.Secrets = append(ep.Secrets, NewSecret())
	if v := s.Send(t.Context(), &ep, 6, []*record.Event{event(7)}); v.Err != nil {
		t.Fatal(v.Err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, secret := range ep.Secrets {
		lib, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := lib.Verify(body, header); err != nil {
			t.Error(err)
		}
	}
	other, _ := standardwebhooks.NewWebhook(NewSecret())
	if err := other.Verify(body, header); err == nil {
		t.Error("verified with a secret of somebody else")
	}
	for name, want := range map[string]string{
		"webhook-id": "k7f3q/2/7", "switchhook-seq": "7", "switchhook-prev": "6",
		"content-type": "application/json", "user-agent": "switchhook",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if want, _ := event(7).Standard(); string(body) != string(want) {
		t.Errorf("body %s", body)
	}
}

func TestNoSecretsNoSignature(t *testing.T) {
	got := make(chan http.Header, 1)
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	ep := endpointAt(srv.URL)
	ep.Secrets = nil
	if v := local(t).Send(t.Context(), &ep, 0, []*record.Event{event(1)}); v.Err != nil {
		t.Fatal(v.Err)
	}
	h := <-got
	if h.Get("webhook-signature") != "" || h.Get("webhook-timestamp") == "" || h.Get("switchhook-prev") != "0" {
		t.Errorf("headers %v", h)
	}
}

func BenchmarkSign(b *testing.B) {
	var s signer
	secrets, body := []string{NewSecret()}, make([]byte, 600)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.sign(secrets, "k7f3q/2/7", "1735689600", body); err != nil {
			b.Fatal(err)
		}
	}
}
