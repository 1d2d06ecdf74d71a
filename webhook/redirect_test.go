package webhook

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/outbox"
	"github.com/switchhook/switchhook/record"
)

// seen is a request as it arrived.
type seen struct {
	method, uri, body string
	header            http.Header
}

// catch is a handler that hands requests over.
func catch(to chan seen) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		to <- seen{r.Method, r.URL.RequestURI(), string(body), r.Header}
	}
}

func following(url string) *record.Endpoint {
	ep := endpointAt(url)
	ep.FollowRedirects = true
	ep.Bearer = "t0ken-of-theirs"
	ep.Headers = map[string]string{"X-Api-Key": "k3y-of-theirs", "user-agent": "theirs"}
	return &ep
}

// A redirect that keeps the POST is followed with everything to the same origin,
// and with nothing secret to another.
func TestRedirectsAreFollowed(t *testing.T) {
	const userinfo = "alice:pa55word@"
	for _, status := range []int{307, 308} {
		got := make(chan seen, 10)
		other := serve(t, catch(got))
		srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/near":
				http.Redirect(w, r, "end?x=1", status)
			case "/far":
				w.Header().Set("Location", other.URL+"/other")
				w.WriteHeader(status)
			case "/back": // to another origin and back to this one
				w.Header().Set("Location", other.URL+"/home")
				w.WriteHeader(status)
			default:
				catch(got)(w, r)
			}
		})
		s := local(t)
		for path, want := range map[string]struct {
			uri    string
			secret bool
		}{"/near": {"/end?x=1", true}, "/far": {"/other", false}} {
			ep := following(strings.Replace(srv.URL, "//", "//"+userinfo, 1) + path)
			ep.Bearer = ""
			if v := s.Send(t.Context(), ep, 6, []*record.Event{event(7)}); v.Outcome != outbox.Delivered {
				t.Fatalf("%d %s: %+v", status, path, v)
			}
			r := <-got
			body, _ := event(7).Standard()
			if r.method != http.MethodPost || r.uri != want.uri || r.body != string(body) {
				t.Errorf("%d: %+v", status, r)
			}
			if (r.header.Get("X-Api-Key") != "") != want.secret || (r.header.Get("Authorization") != "") != want.secret {
				t.Errorf("%d %s: %v", status, path, r.header)
			}
			if r.header.Get("webhook-signature") == "" || r.header.Get("webhook-id") != "k7f3q/2/7" || r.header.Get("switchhook-prev") != "6" {
				t.Errorf("%d %s: %v", status, path, r.header)
			}
		}
		ep := following(srv.URL + "/far")
		if v := s.Send(t.Context(), ep, 6, []*record.Event{event(7)}); v.Outcome != outbox.Delivered {
			t.Fatalf("%+v", v)
		}
		if h := fmt.Sprint(<-got); strings.Contains(h, "of-theirs") {
			t.Errorf("another origin got %s", h)
		}
	}
}

// What was left out for another origin stays out when that leads back.
func TestRedirectThereAndBack(t *testing.T) {
	got := make(chan seen, 1)
	home := ""
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", home+"/end")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			catch(got)(w, r)
			return
		}
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	home = srv.URL
	if v := local(t).Send(t.Context(), following(srv.URL), 6, []*record.Event{event(7)}); v.Outcome != outbox.Delivered {
		t.Fatalf("%+v", v)
	}
	if h := fmt.Sprint(<-got); strings.Contains(h, "of-theirs") {
		t.Errorf("got %s", h)
	}
}

func TestRedirectsRefused(t *testing.T) {
	s := senderFor(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	for name, tc := range map[string]struct {
		status         int
		location, want string
	}{
		"moved":            {301, "/x", "turn a POST into a GET"},
		"found":            {302, "/x", "turn a POST into a GET"},
		"see other":        {303, "/x", "turn a POST into a GET"},
		"not modified":     {304, "", "turn a POST into a GET"},
		"nowhere":          {307, "", "it leads nowhere"},
		"no URL":           {307, "http://[::1", "it leads nowhere"},
		"too long":         {307, "/" + strings.Repeat("s3cret", 1000), "it leads nowhere"},
		"metadata":         {307, "http://169.254.169.254/latest/s3cret", "link-local"},
		"another loopback": {308, "http://127.0.0.2/s3cret", "loopback"},
		"decimal":          {307, "http://2130706433/", "unusual spelling"},
		"no web":           {307, "file:///etc/passwd", "scheme must be"},
		"gopher":           {307, "gopher://127.0.0.1:25/x", "scheme must be"},
		"user name":        {307, "http://s3cret:s3cret@127.0.0.1/", "user name"},
		"round and round":  {307, "/", "more than 5 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			hits := 0
			srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				hits++
				if tc.location != "" {
					w.Header().Set("Location", tc.location)
				}
				w.WriteHeader(tc.status)
			})
			v := s.Send(t.Context(), following(srv.URL+"/hook"), 0, []*record.Event{event(1)})
			if v.Outcome != outbox.Retry || !strings.Contains(v.Err.Error(), tc.want) || strings.Contains(v.Err.Error(), "s3cret") {
				t.Fatalf("%+v", v)
			}
			if v.Status != tc.status || !v.Slow {
				t.Errorf("%+v", v)
			}
			if want := 1 + strings.Count(tc.want, "more than 5")*maxRedirects; hits != want {
				t.Errorf("%d requests, want %d", hits, want)
			}
		})
	}
}

// The dialler checks where a redirect's name leads.
func TestRedirectToAForbiddenName(t *testing.T) {
	port, hit := twoHosts(t)
	n := serveNames(t, func(name string, _ int) []string {
		if name == "inside.example" {
			return []string{"127.0.0.1"}
		}
		return []string{"127.0.0.2"}
	})
	s := senderFor(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/31")}, Resolver: n.Resolver})
	l := serveAt(t, "127.0.0.3:0", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://inside.example:"+port+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	v := s.Send(t.Context(), following("http://"+l), 0, []*record.Event{event(1)})
	if v.Err == nil || !strings.Contains(v.Err.Error(), "post to http://inside.example:"+port+": 127.0.0.1 is loopback") || !v.Slow || len(hit) > 0 {
		t.Errorf("%+v", v)
	}
}

func TestRedirectFromHTTPSToHTTP(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	secure := tlsServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", plain.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	s := senderFor(t, Config{AllowLoopback: true, RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	v := s.Send(t.Context(), following(secure.URL), 0, []*record.Event{event(1)})
	if v.Err == nil || !strings.HasSuffix(v.Err.Error(), "it leads from https to http") {
		t.Errorf("%+v", v)
	}
}

func TestSameOrigin(t *testing.T) {
	s := local(t)
	for i, tc := range []struct {
		a, b string
		want bool
	}{
		{"http://a.example/x", "http://A.EXAMPLE:80/y?z", true},
		{"https://a.example", "https://a.example:443", true},
		{"http://a.example", "https://a.example", false},
		{"http://a.example", "http://a.example:81", false},
		{"http://a.example", "http://b.example", false},
		{"http://a.example", "http://sub.a.example", false},
		{"http://[::1]:9", "http://[::1]:9/x", true},
	} {
		a, err1 := s.targets.get(tc.a)
		b, err2 := s.targets.get(tc.b)
		if err1 != nil || err2 != nil || sameOrigin(a.url, b.url) != tc.want {
			t.Error(strconv.Itoa(i), tc, err1, err2)
		}
	}
}
