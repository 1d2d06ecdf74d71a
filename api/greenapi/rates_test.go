package greenapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/greenapi"
)

// limits are WIRE.md §2.5, and what it leaves to us.
var limits = map[string]int{
	"getSettings": 1, "setSettings": 1, "getStateInstance": 1, "getStatusInstance": 1, "reboot": 1, "logout": 1,
	"scanqrcode": 1, "getWaSettings": 1, "getDeviceInfo": 1, "getAuthorizationCode": 1, "qr": 3, "getAvatar": 10,
	"receiveNotification": 100, "deleteNotification": 100, "sendMessage": 50, "sendFileByUpload": 50,
}

// ask plays a method without a body that could succeed, and reports whether it was
// refused for its rate.
func ask(h http.Handler, verb, method string) (limited bool, w *httptest.ResponseRecorder) {
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(verb, mine+method+"/"+token, http.NoBody))
	return w.Code == http.StatusTooManyRequests, w
}

// TestRates: a second's requests at once, no more, and one more each time that the
// share of one has passed.
func TestRates(t *testing.T) {
	seen := 0
	for _, name := range greenapi.Methods() {
		if name == "setProfilePicture" {
			continue // see TestPaceIsKept
		}
		seen++
		t.Run(name, func(t *testing.T) {
			w := paired(t)
			w.queue.receipt = 7
			now := noon
			w.Now = func() time.Time { return now }
			h := w.handler()
			verb := greenapi.Verb(name)
			for n := range limits[name] {
				if limited, got := ask(h, verb, name); limited {
					t.Fatalf("request %d of %d: %s", n+1, limits[name], got.Body)
				}
			}
			limited, got := ask(h, verb, name)
			if !limited || got.Header().Get("Retry-After") != "1" {
				t.Fatalf("request %d: %d, Retry-After %q", limits[name]+1, got.Code, got.Header().Get("Retry-After"))
			}
			// Another verb, and another instance's token, are refused before they are counted.
			for range 5 {
				if limited, got := ask(h, "PATCH", name); limited {
					t.Errorf("a wrong verb: %s", got.Body)
				}
			}
			now = now.Add(time.Second / time.Duration(limits[name]))
			if limited, got := ask(h, verb, name); limited {
				t.Errorf("a share of a second later: %s", got.Body)
			}
			if limited, _ := ask(h, verb, name); !limited {
				t.Error("and one more is taken")
			}
		})
	}
	if seen != len(limits) {
		t.Errorf("%d methods, %d limits", seen, len(limits))
	}
}

// TestRefusedUsesUpNoRate: 401, 403 and 404, however many, leave the rate alone.
func TestRefusedUsesUpNoRate(t *testing.T) {
	w := newWorld(t)
	h := w.handler()
	for range 50 {
		for path, status := range map[string]int{
			mine + "getStateInstance/wrong":                   401,
			"/waInstance7/getStateInstance/" + token:          403,
			mine + "getStateInstance/" + token + "/more":      404,
			mine + "getStateInstances/" + token:               404,
			mine + "setSettings/" + token:                     404,
			mine + "getStateInstance/" + token[:len(token)-1]: 401,
		} {
			if got := get(h, path); got.Code != status {
				t.Fatalf("%s: %d", path, got.Code)
			}
		}
	}
	if limited, _ := ask(h, "GET", "getStateInstance"); limited {
		t.Error("the rate is used up")
	}
}

// TestRatesAreApart: of instances, and of methods.
func TestRatesAreApart(t *testing.T) {
	w := newWorld(t)
	w.mustAdd(t, "beta")
	h := w.handler()
	for _, path := range []string{
		mine + "getStateInstance/" + token,
		mine + "getStatusInstance/" + token,
		"/waInstance1101000002/getStateInstance/" + fmt.Sprintf("%050x", 2),
	} {
		if got := get(h, path); got.Code != 200 {
			t.Errorf("%s: %d", path, got.Code)
		}
		if got := get(h, strings.Replace(path, "get", "GET", 1)); got.Code != 429 {
			t.Errorf("%s again: %d", path, got.Code)
		}
	}
}
