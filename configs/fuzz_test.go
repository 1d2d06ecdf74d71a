package configs

import (
	"errors"
	"strings"
	"testing"
)

// Whatever a file holds, parsing ends with a valid configuration or with
// problems that each name the file and stay on their line.
func FuzzFile(f *testing.F) {
	f.Add(Sample())
	f.Add(commented.ReplaceAll(Sample(), []byte("$1$2")))
	for _, seed := range []string{
		"", "---\n---\n", "listen: [", "a: &a [*a]\n", "nats:\n\turl: x\n", "? {a: b}\n: c\n", "\xff\xfea\x00:\x00",
		"webhook:\n  schedule: [1s, 2, !!int 3, null]\n  allow_networks: [10.0.0.1, 10.0.0.1/8, '::%eth0', fe80::1%0/64]\n",
		"nats: {max_bytes: 9999999TiB}\nconnection: {retry_min: 9d, dials_per_second: 0x10}\n",
		"whatsapp: {version: 1.2.3, proxy: 'http://[::1'}\nadmin: {token: \"\\u2028\"}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("fuzz.yaml", data, nil)
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("accepted, but invalid: %v", err)
			}
			return
		}
		checkProblems(t, err, func(p Problem) bool { return p.File == "fuzz.yaml" })
	})
}

// The same of variables.
func FuzzEnviron(f *testing.F) {
	for _, k := range keys {
		f.Add(k.env, "1")
	}
	f.Add("SWITCHHOOK_WEBHOOK_SCHEDULE", "1s, 2d,")
	f.Add("SWITCHHOOK_NATS_PORT", "tcp://x")
	f.Add("SWITCHHOOK_\x00", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := parse("", nil, []string{name + "=" + value})
		if err == nil {
			if err := c.Validate(); err != nil {
				t.Errorf("accepted, but invalid: %v", err)
			}
			return
		}
		checkProblems(t, err, func(p Problem) bool { return p.Variable != "" })
	})
}

func checkProblems(t *testing.T, err error, placed func(Problem) bool) {
	t.Helper()
	var bad *Error
	if !errors.As(err, &bad) || len(bad.Problems) == 0 {
		t.Fatalf("not an *Error: %v", err)
	}
	for _, p := range bad.Problems {
		if !placed(p) {
			t.Errorf("nobody knows where %q is", p)
		}
		if strings.ContainsAny(p.String(), "\n\r\x00\x1b") {
			t.Errorf("problem %q is not a line of text", p)
		}
	}
}
