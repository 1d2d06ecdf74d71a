package configs

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commented is a key of the sample: a # with no space behind it.
var commented = regexp.MustCompile(`(?m)^( *)#(\w+:)`)

// The sample is the defaults, as it stands and with every key uncommented, and
// leaves no key out.
func TestSample(t *testing.T) {
	uncommented := commented.ReplaceAll(Sample(), []byte("$1$2"))
	for name, data := range map[string][]byte{"as it stands": Sample(), "uncommented": uncommented} {
		got, err := parse("switchhook.yaml", data, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := Default(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
	l := newLoader("switchhook.yaml")
	l.file(uncommented)
	last := 0
	for _, k := range keys {
		at, ok := l.origin[k.path]
		if !ok {
			t.Errorf("%s is missing", k.path)
		} else if at.Line < last {
			t.Errorf("%s is not where Config has it", k.path)
		}
		last = at.Line
	}
	for i, line := range strings.Split(string(Sample()), "\n") {
		if len(line) > 80 {
			t.Errorf("line %d is longer than 80 characters", i+1)
		}
	}
}

func TestSampleAndUnitAreCopies(t *testing.T) {
	for name, get := range map[string]func() []byte{"sample": Sample, "unit": Unit} {
		get()[0] = 'X'
		if get()[0] == 'X' {
			t.Errorf("the caller of %s changed it for everyone", name)
		}
	}
}

func TestUnit(t *testing.T) {
	got := make(map[string][]string) // by section.key
	section := ""
	for line := range bytes.Lines(Unit()) {
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			section = strings.Trim(text, "[]")
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || section == "" {
			t.Fatalf("not a unit's line: %q", text)
		}
		got[section+"."+key] = append(got[section+"."+key], value)
	}
	for key, want := range map[string]string{
		"Unit.StartLimitIntervalSec":      "0",
		"Service.Type":                    "notify",
		"Service.ExecStart":               "/usr/local/bin/switchhook serve --config /etc/switchhook/switchhook.yaml",
		"Service.Environment":             "SWITCHHOOK_DATA_DIR=%S/switchhook",
		"Service.User":                    "switchhook",
		"Service.StateDirectory":          "switchhook",
		"Service.StateDirectoryMode":      "0700",
		"Service.Restart":                 "on-failure",
		"Service.WatchdogSec":             "30s",
		"Service.TimeoutStopSec":          "15s",
		"Service.UMask":                   "0077",
		"Service.LimitNOFILE":             "65536",
		"Service.LimitCORE":               "0",
		"Service.CapabilityBoundingSet":   "",
		"Service.NoNewPrivileges":         "yes",
		"Service.ProtectSystem":           "strict",
		"Service.ProtectHome":             "yes",
		"Service.PrivateTmp":              "yes",
		"Service.MemoryDenyWriteExecute":  "yes",
		"Service.RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK",
		"Service.SystemCallFilter":        "@system-service|~@privileged",
		"Install.WantedBy":                "multi-user.target",
	} {
		if value := strings.Join(got[key], "|"); len(got[key]) == 0 || value != want {
			t.Errorf("%s is %q, want %q", key, value, want)
		}
	}
	// The environment that the unit sets is one that Load takes.
	for _, variable := range got["Service.Environment"] {
		if _, err := parse("", nil, []string{variable}); err != nil {
			t.Error(err)
		}
	}
	if stop := Default().Connection.StopTimeout; stop >= parsed(t, got["Service.TimeoutStopSec"][0]) {
		t.Errorf("systemd kills the daemon within its own %s", stop)
	}
}

func parsed(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := parseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// systemd's own opinion, where it is installed.
func TestUnitVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	// The binary need not be installed to check the rest.
	file := write(t, "switchhook.service", strings.ReplaceAll(string(Unit()), "/usr/local/bin/switchhook", "/bin/true"))
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", file).CombinedOutput()
	if bytes.Contains(out, []byte(filepath.Base(file)+":")) {
		t.Errorf("%s", out)
	} else if err != nil {
		t.Skipf("systemd-analyze does not work here: %v: %s", err, out)
	}
}
