package daemon_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestTellsSystemd: the daemon says when it is ready, pats the watchdog while it
// works, and says when it stops.
func TestTellsSystemd(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "300000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	expect := func(want string) {
		t.Helper()
		if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for {
			var buf [256]byte
			n, err := l.Read(buf[:])
			if err != nil {
				t.Fatalf("systemd hears nothing of %s: %v", want, err)
			}
			if got := string(buf[:n]); got == want {
				return
			} else if got != "WATCHDOG=1" {
				t.Fatalf("systemd hears %q before %s", got, want)
			}
		}
	}
	d := runDaemon(t, filepath.Join(dir, "data"), nil)
	expect("READY=1")
	expect("WATCHDOG=1")
	expect("WATCHDOG=1")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
}
