package greenapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, http.NoBody))
	return w
}

// counted counts what the port is asked.
type counted struct {
	*world
	found, asked atomic.Int64
}

func (c *counted) FindGreen(ctx context.Context, id int64) (record.GreenAPI, error) {
	c.found.Add(1)
	return c.world.FindGreen(ctx, id)
}

func (c *counted) Info(ctx context.Context, id string) (record.Info, error) {
	c.asked.Add(1)
	return c.world.Info(ctx, id)
}

// TestUnknownIDAndWrongTokenCostTheSame: one look-up and nothing else, and the same
// memory, so the same comparison behind it.
func TestUnknownIDAndWrongTokenCostTheSame(t *testing.T) {
	w := newWorld(t)
	port := &counted{world: w}
	w.cfg = func(c *api.Config) { c.Instances = port }
	h := w.handler()
	wrong := strings.Repeat("2", len(token))
	allocs := make(map[int]float64)
	for status, path := range map[int]string{
		http.StatusForbidden:    "/waInstance1101000009/getStateInstance/" + wrong,
		http.StatusUnauthorized: mine + "getStateInstance/" + wrong,
	} {
		port.found.Store(0)
		r := httptest.NewRequest("GET", path, http.NoBody)
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		if got.Code != status || port.found.Load() != 1 || port.asked.Load() != 0 {
			t.Errorf("%s: %d after %d look-ups and %d questions", path, got.Code, port.found.Load(), port.asked.Load())
		}
		// The least of many: the race detector has pools forget what they hold now and then.
		allocs[status] = math.Inf(1)
		for range 100 {
			allocs[status] = min(allocs[status], testing.AllocsPerRun(1, func() { h.ServeHTTP(httptest.NewRecorder(), r) }))
		}
	}
	if allocs[http.StatusForbidden] != allocs[http.StatusUnauthorized] {
		t.Errorf("an unknown id takes %v allocations, a wrong token %v", allocs[http.StatusForbidden], allocs[http.StatusUnauthorized])
	}
}

// TestRotatedTokenIsWorthNothing at once.
func TestRotatedTokenIsWorthNothing(t *testing.T) {
	w := newWorld(t)
	h := w.handler()
	e, err := w.RotateToken(t.Context(), "i1", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := get(h, mine+"getStateInstance/"+token); got.Code != http.StatusUnauthorized {
		t.Errorf("the old token: %d", got.Code)
	}
	if got := get(h, mine+"getStateInstance/"+e.APIToken); got.Code != http.StatusOK {
		t.Errorf("the new token: %d", got.Code)
	}
}

// TestUnknownErrorIsLoggedOnce and told to nobody.
func TestUnknownErrorIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t)
	w.Fail(errors.New("open /secret/path: I/O error"))
	w.cfg = func(c *api.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }
	got := get(w.handler(), mine+"reboot/"+token)
	if got.Code != 500 || strings.Contains(got.Body.String(), "secret") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if n := strings.Count(log.String(), "/secret/path"); n != 1 || !strings.Contains(log.String(), "method=reboot id_instance=1101000001") {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

// TestRefusedChangesNothing: an answer of 4xx leaves everything as it was.
func TestRefusedChangesNothing(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"wrong token":    httptest.NewRequest("GET", mine+"logout/x", http.NoBody),
		"unknown id":     httptest.NewRequest("GET", "/waInstance7/logout/"+token, http.NoBody),
		"wrong verb":     httptest.NewRequest("POST", mine+"logout/"+token, http.NoBody),
		"half a setting": httptest.NewRequest("POST", mine+"setSettings/"+token, strings.NewReader(`{"stateWebhook":"yes","incomingWebhook":"y"}`)),
		"oversized":      httptest.NewRequest("POST", mine+"setSettings/"+token, strings.NewReader(`{"webhookUrl":"`+strings.Repeat("x", 1<<20)+`"}`)),
		"a broken form":  httptest.NewRequest("POST", mine+"setProfilePicture/"+token, strings.NewReader(before)),
		"no text":        httptest.NewRequest("POST", mine+"sendMessage/"+token, strings.NewReader(`{"chatId":"79876543210@c.us"}`)),
	} {
		w := paired(t)
		calls := w.Calls()
		got := httptest.NewRecorder()
		w.handler().ServeHTTP(got, r)
		if got.Code < 400 || got.Code > 499 || !slices.Equal(w.Calls(), calls) || w.pictures.calls != 0 {
			t.Errorf("%s: %d, and then %v", name, got.Code, w.Calls()[len(calls):])
		}
		if g, err := w.FindGreen(t.Context(), 1101000001); err != nil || g.Settings.State {
			t.Errorf("%s: %+v, %v", name, g.Settings, err)
		}
	}
}
