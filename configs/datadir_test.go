package configs

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestDataDir(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the other platforms' paths are not absolute here")
	}
	for _, tt := range []struct {
		goos string
		euid int
		env  map[string]string
		home string
		want string
	}{
		{"linux", 0, map[string]string{"XDG_STATE_HOME": "/x"}, "/root", "/var/lib/switchhook"},
		{"freebsd", 0, nil, "/root", "/var/lib/switchhook"},
		{"linux", 1000, nil, "/home/u", "/home/u/.local/state/switchhook"},
		{"linux", 1000, map[string]string{"XDG_STATE_HOME": "/x"}, "/home/u", "/x/switchhook"},
		{"linux", 1000, map[string]string{"XDG_STATE_HOME": "x"}, "/home/u", "/home/u/.local/state/switchhook"},
		{"linux", 1000, nil, "", ""},
		{"darwin", 501, nil, "/Users/u", "/Users/u/Library/Application Support/Switchhook"},
		{"darwin", 0, nil, "/var/root", "/var/root/Library/Application Support/Switchhook"},
		{"windows", -1, map[string]string{"LocalAppData": "/l"}, "/u", "/l/Switchhook"},
		{"windows", -1, nil, "/u", ""},
	} {
		got := dataDir(tt.goos, tt.euid, func(k string) string { return tt.env[k] }, func() string { return tt.home })
		if got != tt.want {
			t.Errorf("%s as %d: got %q, want %q", tt.goos, tt.euid, got, tt.want)
		}
	}
	if got := DefaultDataDir(); !filepath.IsAbs(got) {
		t.Errorf("here it is %q", got)
	}
	c, err := parse("f.yaml", []byte(`data_dir: ""`), nil)
	if err != nil || c.DataDir != DefaultDataDir() {
		t.Errorf("an empty data_dir becomes %q, %v", c.DataDir, err)
	}
}
