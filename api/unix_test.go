package api_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// folder is a directory whose name leaves room for a socket's.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sh") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// overUnix serves a on a socket and answers its path.
func overUnix(t *testing.T, a *api.API) string {
	t.Helper()
	path := filepath.Join(folder(t), api.SocketName)
	l, err := api.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := a.Server()
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return path
}

func TestOwnUserNeedsNoTokenOverTheSocket(t *testing.T) {
	_, a := rooms(t, func(c *api.Config) { c.Token = "" })
	path := overUnix(t, a)
	c := client.Unix(path)
	defer c.CloseIdle()
	e, err := c.Find(t.Context(), "acme")
	if err != nil || e.ID != "i1" {
		t.Errorf("%+v, %v", e, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(folder(t), api.SocketName)
	killed, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	killed.SetUnlinkOnClose(false) // as after kill -9
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := api.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket outlives its listener: %v", err)
	}
}

func TestWhatIsInUseIsLeftAlone(t *testing.T) {
	path := filepath.Join(folder(t), api.SocketName)
	first, err := api.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.ListenUnix(path); err == nil || !strings.Contains(err.Error(), "another daemon listens there") {
		t.Errorf("a second listener: %v", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener is gone: %v", err)
	} else if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.ListenUnix(path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("over a file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file: %q %v", text, err)
	}
}

func TestUnusablePathsAreExplained(t *testing.T) {
	long := filepath.Join(folder(t), strings.Repeat("d", 120), api.SocketName)
	if _, err := api.ListenUnix(long); err == nil || !strings.Contains(err.Error(), "shorter name") {
		t.Errorf("a long path: %v", err)
	}
	missing := filepath.Join(folder(t), "missing", api.SocketName)
	if _, err := api.ListenUnix(missing); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestOtherRoomsOverTheSocket(t *testing.T) {
	_, a := rooms(t)
	path := overUnix(t, a)
	transport := &http.Transport{DialContext: func(c context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(c, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://localhost/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
		t.Errorf("%d %s %v", res.StatusCode, body, err)
	}
}

// Pulling needs no token there, and a stream is as good as a poll.
func TestStreamOverTheSocket(t *testing.T) {
	f, a := rooms(t, func(c *api.Config) { c.Token = "" })
	path := overUnix(t, a)
	transport := &http.Transport{DialContext: func(c context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(c, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://localhost/api/v1/instances/acme/events/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := f.Delete(t.Context(), "i1"); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body) // ends with the instance
	if err != nil || !strings.HasPrefix(string(body), "retry: 3000\n\nid: i1/1/1\ndata: {") || !strings.HasSuffix(string(body), "}\n\n") {
		t.Errorf("%s %v", body, err)
	}
}
