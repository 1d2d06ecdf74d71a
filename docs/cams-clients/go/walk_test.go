package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWalk: each client gets through, and says on the wire what it was given, signed as
// is documented. What the daemon makes of it is tested in package daemon.
func TestWalk(t *testing.T) {
	d := &double{t: t, secret: "testsecret0001"}
	srv := httptest.NewServer(d)
	defer srv.Close()
	s := settings{
		URL: srv.URL, Key: "LTAItestkeyid0001", Secret: d.secret, Number: "8615800000000",
		Text: "Olá! שלום 你好 & (a+b)*c~ 100% \"quoted\" 👩‍👩‍👧\r\nsecond line",
	}
	for name := range clients {
		d.said = nil
		var out bytes.Buffer
		if err := walk(t.Context(), &out, s, name); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &out)
		}
		if len(d.said) != 2 || d.said[0] != s.Text || d.said[1] != s.Text+"!" {
			t.Errorf("%s said %q", name, d.said)
		}
		seen := make(map[string]map[string]any)
		for line := range strings.Lines(out.String()) {
			var step struct {
				Step string         `json:"step"`
				What map[string]any `json:"what"`
			}
			if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "show ")), &step); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			seen[strings.TrimPrefix(step.Step, name+".")] = step.What
		}
		for step, want := range map[string]float64{"opened": 302, "former": 410, "updated": 302, "gone": 410, "deletedTwice": 400, "wrongSecret": 400} {
			if seen[step]["status"] != want {
				t.Errorf("%s.%s: %v", name, step, seen[step])
			}
		}
		if seen["deletedTwice"]["code"] != "InvalidQrdlCode" || seen["wrongSecret"]["code"] != "SignatureDoesNotMatch" {
			t.Errorf("%s: refused with %v and %v", name, seen["deletedTwice"], seen["wrongSecret"])
		}
		if list, _ := seen["list"]["Data"].([]any); len(list) != 1 {
			t.Errorf("%s: %v", name, seen["list"])
		}
	}
	if d.throttled == 0 {
		t.Error("nobody was told to come again")
	}
}
