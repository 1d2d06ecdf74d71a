//nolint:forbidigo // its sleeps are in bubbles
package whatsapp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow/store"
)

var errOffline = errors.New("offline")

// library is the version that the library announces.
func library() store.WAVersionContainer { return store.GetWAVersion() }

func after(v store.WAVersionContainer, n uint32) string {
	v[2] += n
	return v.String()
}

func newTestVersions(t *testing.T, pinned, file string, latest func(context.Context) (string, error)) *versions {
	t.Helper()
	v, err := newVersions(pinned, file, latest, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBadVersions(t *testing.T) {
	for _, bad := range []string{"2", "2.3000", "2.3000.1.1", "2.3000.x", "2.3000.-1", "2.3000.4294967296", "..", "2.3000. 1", "v2.3000.1"} {
		if _, err := New(Config{Version: bad}); err == nil || !strings.Contains(err.Error(), "whatsapp.version") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "version")
		asked, answer, failure := 0, after(library(), 5), error(nil)
		latest := func(context.Context) (string, error) {
			asked++
			return answer, failure
		}
		v := newTestVersions(t, "", file, latest)
		renew := func(announced store.WAVersionContainer, renewed bool, times int, want error) {
			t.Helper()
			got, err := v.renew(t.Context(), announced)
			if got != renewed || !errors.Is(err, want) || asked != times {
				t.Fatalf("renewed %v, asked %d times, %v; want %v, %d, %v", got, asked, err, renewed, times, want)
			}
		}
		renew(library(), true, 1, nil)
		renew(library(), true, 1, nil) // others have announced the old one too
		if now := v.current(); now.String() != answer {
			t.Errorf("announces %s", now)
		}
		renew(v.current(), false, 1, nil) // asked a moment ago
		time.Sleep(askEvery)
		answer = library().String()
		renew(v.current(), false, 2, nil) // never down
		if now := v.current(); now.String() != after(library(), 5) {
			t.Errorf("went down to %s", now)
		}
		time.Sleep(askEvery)
		failure = errOffline
		renew(v.current(), false, 3, errOffline)
		renew(v.current(), false, 3, errOffline)
		time.Sleep(askAgain)
		failure, answer = nil, "nonsense"
		renew(v.current(), false, 4, errVersion)
		time.Sleep(askAgain)
		answer = after(library(), 6)
		renew(v.current(), true, 5, nil)

		if again := newTestVersions(t, "", file, latest).current(); again.String() != answer {
			t.Errorf("kept %s", again)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("kept with mode %v, %v", info.Mode(), err)
		}
		if names, err := os.ReadDir(filepath.Dir(file)); err != nil || len(names) != 1 {
			t.Errorf("left %v behind, %v", names, err)
		}
	})
}

func TestRenewNot(t *testing.T) {
	never := func(context.Context) (string, error) {
		t.Error("asked")
		return "", errOffline
	}
	for name, v := range map[string]*versions{
		"pinned":   newTestVersions(t, "2.3000.1", "", never),
		"pinned 2": newTestVersions(t, "2.9999.1", filepath.Join(t.TempDir(), "none"), never),
		"none":     newTestVersions(t, "", "", func(context.Context) (string, error) { return "", nil }),
	} {
		if renewed, err := v.renew(t.Context(), v.current()); renewed || err != nil {
			t.Errorf("%s: %v, %v", name, renewed, err)
		}
	}
	if v := newTestVersions(t, "2.3000.1", "", never); v.current().String() != "2.3000.1" {
		t.Errorf("pinned: announces %s", v.current())
	}
}

// TestRenewTogether asks once for a fleet.
func TestRenewTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		v := newTestVersions(t, "", "", func(context.Context) (string, error) {
			asked++
			time.Sleep(10 * time.Second)
			return after(library(), 1), nil
		})
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.renew(impatient, library()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient: %v", err)
		}
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if renewed, err := v.renew(t.Context(), library()); !renewed || err != nil {
					t.Errorf("%v, %v", renewed, err)
				}
			})
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestRenewPanics(t *testing.T) {
	v := newTestVersions(t, "", "", func(context.Context) (string, error) { panic("on purpose") })
	if renewed, err := v.renew(t.Context(), library()); renewed || err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("%v, %v", renewed, err)
	}
}

func TestVersionFile(t *testing.T) {
	newer := after(library(), 3)
	for content, want := range map[string]string{
		newer: newer, newer + "\n": newer, "2.2000.1": library().String(), "": library().String(), "nonsense": library().String(),
		strings.Repeat(newer, 100): library().String(), "\x00": library().String(),
	} {
		file := filepath.Join(t.TempDir(), "version")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		v, err := newVersions("", file, func(context.Context) (string, error) { return after(library(), 9), nil },
			slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if v.current().String() != want {
			t.Errorf("%.20q: announces %s, want %s", content, v.current(), want)
		}
		broken := want == library().String() && content != "2.2000.1"
		if strings.Contains(log.String(), "ignored") != broken {
			t.Errorf("%.20q: log %s", content, log.String())
		}
		if renewed, err := v.renew(t.Context(), v.current()); !renewed || err != nil {
			t.Errorf("%.20q: %v, %v", content, renewed, err)
		}
		if kept, err := readVersion(file); err != nil || kept.String() != after(library(), 9) {
			t.Errorf("%.20q: kept %s, %v", content, kept, err)
		}
	}
	if _, err := readVersion(t.TempDir()); err == nil {
		t.Error("a directory is read")
	}
}

// TestVersionFileThatCannotBe announces the new version all the same.
func TestVersionFileThatCannotBe(t *testing.T) {
	v := newTestVersions(t, "", filepath.Join(t.TempDir(), "no", "such", "version"), func(context.Context) (string, error) {
		return after(library(), 1), nil
	})
	if renewed, err := v.renew(t.Context(), library()); !renewed || err != nil {
		t.Errorf("%v, %v", renewed, err)
	}
}

// site answers like web.whatsapp.com.
type site func(*http.Request) (int, string)

func (s site) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := s(r)
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestLatestOf(t *testing.T) {
	latest := latestOf(site(func(r *http.Request) (int, string) {
		if r.URL.String() != "https://web.whatsapp.com" {
			t.Errorf("asked %s", r.URL)
		}
		return http.StatusOK, `<script>{"client_revision":1031080999,"x":1}</script>`
	}))
	if v, err := latest(t.Context()); err != nil || v != "2.3000.1031080999" {
		t.Errorf("%s, %v", v, err)
	}
	for _, s := range []site{
		func(*http.Request) (int, string) { return http.StatusForbidden, strings.Repeat("secret", 1000) },
		func(*http.Request) (int, string) { return http.StatusOK, "nothing" },
		func(*http.Request) (int, string) { return http.StatusNoContent, "" },
		func(*http.Request) (int, string) {
			return http.StatusOK, strings.Repeat(" ", askLimit) + `"client_revision":1,`
		},
	} {
		if v, err := latestOf(s)(t.Context()); err == nil || len(err.Error()) > 200 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, %v", v, err)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"2.3000.1031080782", "2.3000", "", "..", "2.3000.4294967296"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseVersion(s)
		if err != nil {
			return
		}
		if again, err := parseVersion(v.String()); err != nil || again != v {
			t.Errorf("%q is %v, then %v, %v", s, v, again, err)
		}
	})
}
