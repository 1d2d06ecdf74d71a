package configs

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Every key works from the environment and from the file, and both ways give
// the same configuration.
func TestEveryKey(t *testing.T) {
	// What a key needs beside it, and values that its type alone does not give.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	external := "SWITCHHOOK_NATS_URL=nats://example.com"
	special := map[string]struct {
		value  string
		beside []string
	}{
		"listen":                   {value: "127.0.0.1:9"},
		"public_url":               {value: "https://example.com"},
		"network":                  {value: "sandbox"},
		"sandbox.listen":           {value: "[::1]:9"},
		"sandbox.url":              {value: "http://localhost:9"},
		"log.format":               {value: "json"},
		"admin.token_file":         {value: file},
		"nats.url":                 {value: "nats://example.com"},
		"nats.listen":              {value: "127.0.0.1:9"},
		"nats.user":                {value: "me", beside: []string{external}},
		"nats.password":            {value: "secret", beside: []string{external, "SWITCHHOOK_NATS_USER=me"}},
		"nats.token":               {value: "secret", beside: []string{external}},
		"nats.credentials_file":    {value: file, beside: []string{external}},
		"nats.ca_file":             {value: file, beside: []string{external}},
		"webhook.proxy":            {value: "socks5://example.com:9"},
		"webhook.ca_file":          {value: file},
		"webhook.client_cert_file": {value: file, beside: []string{"SWITCHHOOK_WEBHOOK_CLIENT_KEY_FILE=" + file}},
		"webhook.client_key_file":  {value: file, beside: []string{"SWITCHHOOK_WEBHOOK_CLIENT_CERT_FILE=" + file}},
		"files.total":              {value: "77GiB"},
		"store.key":                {value: strings.Repeat("0f", 32)},
		"store.key_credential":     {value: "store.key"},
		"whatsapp.version":         {value: "2.3000.1"},
		"whatsapp.proxy":           {value: "http://example.com:9"},
	}
	names := make(map[string]string)
	for _, k := range keys {
		t.Run(k.path, func(t *testing.T) {
			if other, ok := names[k.env]; ok {
				t.Errorf("%s is the variable of %s too", k.env, other)
			}
			names[k.env] = k.path

			start := Default()
			was := k.in(&start).Interface()
			value, inFile := "0123456789abcdef", `"0123456789abcdef"`
			switch was.(type) {
			case time.Duration:
				value, inFile = "77s", "77s"
			case int:
				value, inFile = "77", "77"
			case bool:
				value, inFile = "true", "true"
			case Size:
				value, inFile = "77MiB", "77MiB"
			case slog.Level:
				value, inFile = "warn", "warn"
			case []time.Duration:
				value, inFile = "1s, 77s", "[1s, 77s]"
			case []netip.Prefix:
				value, inFile = "10.0.0.0/8,fd00::/8", "[10.0.0.0/8, fd00::/8]"
			}
			if s, ok := special[k.path]; ok {
				value, inFile = s.value, "'"+s.value+"'"
			}
			beside := special[k.path].beside

			fromEnv, err := Load("", append(beside, k.env+"="+value))
			if err != nil {
				t.Fatalf("%s=%s: %v", k.env, value, err)
			}
			if got := k.in(&fromEnv).Interface(); reflect.DeepEqual(got, was) {
				t.Errorf("%s=%s changed nothing: %v", k.env, value, got)
			}
			text := nested(k.path, inFile)
			fromFile, err := Load(write(t, "f.yaml", text), beside)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !reflect.DeepEqual(fromFile, fromEnv) {
				t.Errorf("%s gives %+v, %s=%s gives %+v", text, fromFile, k.env, value, fromEnv)
			}
		})
	}
	for path := range special {
		if _, ok := findKey(path); !ok {
			t.Errorf("the test knows %s, Config does not", path)
		}
	}
}

// nested writes a value below its path.
func nested(path, value string) string {
	text := value
	for {
		dir, name := cutLast(path)
		text = "{" + name + ": " + text + "}"
		if path = dir; path == "" {
			return text
		}
	}
}

func cutLast(path string) (dir, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '.' {
			return path[:i], path[i+1:]
		}
	}
	return "", path
}

// A variable replaces what the file has for the same key, also if that is not
// valid there.
func TestEnvironmentWins(t *testing.T) {
	c, err := parse("f.yaml", []byte("listen: :1\nwebhook: {schedule: [1h]}\n"), []string{
		"SWITCHHOOK_LISTEN=:2", "SWITCHHOOK_LISTEN=:3", "SWITCHHOOK_WEBHOOK_SCHEDULE=1s,2s", "SWITCHHOOK_WEBHOOK_ALLOW_NETWORKS=",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":3" {
		t.Errorf("listen is %s", c.Listen)
	}
	if want := []time.Duration{time.Second, 2 * time.Second}; !reflect.DeepEqual(c.Webhook.Schedule, want) {
		t.Errorf("schedule is %v", c.Webhook.Schedule)
	}
	if _, err := parse("f.yaml", []byte("listen: x\n"), []string{"SWITCHHOOK_LISTEN=:2"}); err != nil {
		t.Errorf("a bad value that a variable replaces: %v", err)
	}
}

func TestForeignVariables(t *testing.T) {
	_, err := Load("", []string{
		"SWITCHHOOK_CONFIG=f", "SWITCHHOOK_DATA=d", "SWITCHHOOK_URL=u", "SWITCHHOOK_TOKEN=t",
		"SWITCHHOOK_TEST_ANYTHING=1",
		"SWITCHHOOK_SERVICE_HOST=10.0.0.1", "SWITCHHOOK_SERVICE_PORT=80", "SWITCHHOOK_SERVICE_PORT_HTTP=80",
		"SWITCHHOOK_PORT=tcp://10.0.0.1:80", "SWITCHHOOK_PORT_80_TCP=tcp://10.0.0.1:80",
		"SWITCHHOOK_PORT_80_TCP_PROTO=tcp", "SWITCHHOOK_PORT_80_TCP_PORT=80", "SWITCHHOOK_PORT_80_TCP_ADDR=10.0.0.1",
		"SWITCHHOOK_NATS_SERVICE_HOST=10.0.0.1", "SWITCHHOOK_NATS_PORT=tcp://10.0.0.1:4222",
		"switchhook_listen=x", "MALFORMED",
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"SWITCHHOOK_NATS_PORT=4222", "SWITCHHOOK_=x", "SWITCHHOOK_NATS=x"} {
		if _, err := Load("", []string{name}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
