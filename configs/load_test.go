package configs

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLoadNothingIsDefault(t *testing.T) {
	got, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, empty := range []string{"", "\n", "# nothing\n", "---\n", "nats:\n", "nats: {}\n", "\ufefflisten: 127.0.0.1:8080\n"} {
		got, err := parse("f.yaml", []byte(empty), nil)
		if err != nil {
			t.Errorf("%q: %v", empty, err)
		}
		if want := Default(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v", empty, got)
		}
	}
}

func TestLoadReadsEveryType(t *testing.T) {
	file := write(t, "switchhook.yaml", `
data_dir: /srv/switchhook
listen: ":9000"
public_url: https://example.com/hook/
network: sandbox
log: {level: debug, format: json}
nats:
  url: nats://a.example.com:4222, tls://b.example.com
  user: switchhook
  password: "123456"
  max_bytes: 512MiB
webhook:
  allow_networks: [10.0.0.0/8, "fd00::/8"]
  max_in_flight: 64
  schedule:
    - 1s
    - 1h30m
whatsapp:
  version: 2.3000.1027868167
  proxy: socks5://me:hunter2@proxy.example.com:1080
`)
	got, err := Load(file, []string{"SWITCHHOOK_WEBHOOK_MAX_IN_FLIGHT=128", "HOME=/", "SWITCHHOOK_LISTEN=[::1]:1"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir = "/srv/switchhook"
	want.Listen = "[::1]:1"
	want.PublicURL = "https://example.com/hook"
	want.Network = NetworkSandbox
	want.Log = Log{Level: slog.LevelDebug, Format: LogJSON}
	want.NATS.URL = "nats://a.example.com:4222, tls://b.example.com"
	want.NATS.User = "switchhook"
	want.NATS.Password = "123456"
	want.NATS.MaxBytes = 512 * MiB
	want.Webhook.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	want.Webhook.MaxInFlight = 128
	want.Webhook.Schedule = []time.Duration{time.Second, 90 * time.Minute}
	want.WhatsApp = WhatsApp{Version: "2.3000.1027868167", Proxy: "socks5://me:hunter2@proxy.example.com:1080"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Every bad file is refused with all its problems, each with its line and what
// to write instead.
func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name, file string
		env        []string
		want       []string
	}{
		{name: "unknown key, misspelt", file: "listen: :1\nnats:\n  ulr: x\n", want: []string{"f.yaml:3: nats.ulr is not a key: did you mean nats.url?"}},
		{name: "unknown key, other section", file: "timeout: 5s\n", want: []string{"f.yaml:1: timeout is not a key: did you mean webhook.timeout?"}},
		{name: "unknown key, several sections", file: "admin:\n  url: x\n", want: []string{"f.yaml:2: admin.url is not a key: did you mean sandbox.url or nats.url?"}},
		{name: "unknown key, nothing alike", file: "log:\n  colour_of_lines: red\n", want: []string{"f.yaml:2: log.colour_of_lines is not a key: the known ones are level, format"}},
		{name: "unknown section", file: "natz:\n  url: x\n", want: []string{"f.yaml:1: natz is not a key: did you mean nats?"}},
		{name: "unknown key, odd", file: "\"a\\nb\": 1\n", want: []string{`f.yaml:1: "a\nb" is not a key: the known ones are data_dir, listen, public_url, network, sandbox, log, admin, nats, webhook, store, files, connection, whatsapp`}},
		{name: "merge key", file: "<<: {listen: x}\n", want: []string{`f.yaml:1: "<<" is not a key: the known ones are data_dir, listen, public_url, network, sandbox, log, admin, nats, webhook, store, files, connection, whatsapp`}},
		{name: "key that is no scalar", file: "? [a]\n: 1\n", want: []string{"f.yaml:1: holds something that is not a key"}},
		{name: "duplicate key", file: "listen: :1\n\nlisten: :2\n", want: []string{"f.yaml:3: listen is already set in line 1: keep one of them"}},
		{name: "duplicate section", file: "log:\n  level: info\nlog:\n  format: text\n", want: []string{"f.yaml:3: log is already set in line 1: keep one of them"}},
		{name: "duplicate key in a section", file: "log:\n  level: info\n  level: info\n", want: []string{"f.yaml:3: log.level is already set in line 2: keep one of them"}},
		{name: "two documents", file: "listen: :1\n---\nlisten: :2\n", want: []string{"f.yaml:2: the file holds a second document: join them and remove the line ---"}},
		{name: "no mapping", file: "- listen\n", want: []string{"f.yaml:1: the file must hold keys with values, as in listen: 127.0.0.1:8080"}},
		{name: "section without keys", file: "nats: nats://localhost\n", want: []string{"f.yaml:1: nats: is a section: write its keys below it, indented: url, listen, user, password, token, credentials_file, ca_file, max_age, max_bytes, message_texts"}},
		{name: "key as a section", file: "listen:\n  port: 1\n", want: []string{"f.yaml:2: listen: must be a single value"}},
		{name: "no value", file: "listen:\n", want: []string{"f.yaml:1: listen: has no value: give one, or remove the line for the default"}},
		{name: "alias", file: "listen: &a :1\npublic_url: *a\n", want: []string{"f.yaml:2: public_url: anchors and aliases are not supported: write the value out"}},
		{name: "alias of nothing", file: "nats:\n  password: *hunter2\n", want: []string{"f.yaml:2: a value begins with *: put it in quotes"}},
		{name: "tab", file: "log:\n\tlevel: info\n", want: []string{"f.yaml:2: not valid YAML: the line is indented with a tab: use spaces"}},
		{name: "open bracket", file: "webhook:\n  schedule: [1s\nlisten: :1\n", want: []string{"f.yaml:3: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence from line 2)"}},
		{name: "no YAML", file: "listen: a: b\n", want: []string{"f.yaml:1: not valid YAML: mapping values are not allowed in this context"}},
		{name: "binary", file: "\x00", want: []string{"f.yaml: not valid YAML: control characters are not allowed (value: 0)"}},

		{name: "text that is a number", file: "nats:\n  user: a\n  url: nats://h\n  password: 123456\n", want: []string{`f.yaml:4: nats.password: is not text to YAML: put the value in quotes, as in "123"`}},
		{name: "number that is text", file: "webhook:\n  max_in_flight: many\n  per_endpoint: \"3\"\n", want: []string{
			`f.yaml:2: webhook.max_in_flight: "many" is not a whole number`,
			"f.yaml:3: webhook.per_endpoint: must be a number: remove the quotes",
		}},
		{name: "neither true nor false", file: "nats:\n  message_texts: yes\n", want: []string{`f.yaml:2: nats.message_texts: "yes" is neither true nor false`}},
		{name: "true in quotes", file: "nats:\n  message_texts: 'true'\n", want: []string{"f.yaml:2: nats.message_texts: must be true or false: remove the quotes"}},
		{name: "more for one than for all", file: "files:\n  per_instance: 11GiB\n", want: []string{"f.yaml:2: files.per_instance (11GiB) is more than files.total (10GiB): lower one or raise the other"}},
		{name: "number that is too large", file: "webhook:\n  max_in_flight: 99999999999999999999\n", want: []string{`f.yaml:2: webhook.max_in_flight: "99999999999999999999" is too large`}},
		{name: "durations", file: "connection:\n  dial_timeout: 20\n  login_timeout: soon\n  qr_show: 1d\n  qr_idle: 2 w\n  retry_min: 0s\n  stop_timeout: -1s\n  deaf_after: 1m 30s\n", want: []string{
			`f.yaml:2: connection.dial_timeout: "20" has no unit: write one of ms, s, m, h, as in 20s`,
			`f.yaml:3: connection.login_timeout: "soon" is not a duration: write a number with a unit (ms, s, m, h), as in 15s or 1h30m`,
			`f.yaml:4: connection.qr_show: "1d": the largest unit is the hour: write 24h`,
			`f.yaml:5: connection.qr_idle: "2 w": the largest unit is the hour, as in 168h for a week`,
			`f.yaml:6: connection.retry_min: must be longer than 0`,
			`f.yaml:7: connection.stop_timeout: must be longer than 0`,
			`f.yaml:8: connection.deaf_after: "1m 30s" is not a duration: write a number with a unit (ms, s, m, h), as in 15s or 1h30m`,
		}},
		{name: "sizes", file: "nats:\n  max_bytes: 10GB\n", want: []string{
			`f.yaml:2: nats.max_bytes: "10GB": "GB" is not a unit: write one of B, KiB, MiB, GiB, TiB`,
		}},
		{name: "size without a unit", file: "nats:\n  max_bytes: 1000000\n", want: []string{
			`f.yaml:2: nats.max_bytes: "1000000" has no unit: write one of B, KiB, MiB, GiB, TiB, as in 1000000MiB`,
		}},
		{name: "small sizes", file: "nats:\n  max_bytes: -1GiB\n", want: []string{
			"f.yaml:2: nats.max_bytes: must be at least 1MiB",
		}},
		{name: "list that is none", file: "webhook:\n  allow_networks: 10.0.0.0/8\n  schedule: 5s\n", want: []string{
			"f.yaml:2: webhook.allow_networks: must be a list, as in [10.0.0.0/8, fd00::/8]",
			"f.yaml:3: webhook.schedule: must be a list, as in [5s, 30s, 2m]",
		}},
		{name: "lists of lists", file: "webhook:\n  schedule:\n    - 5s\n    - [1s]\n", want: []string{"f.yaml:4: webhook.schedule: must be a list of single values, as in [5s, 30s, 2m]"}},
		{name: "list entries", file: "webhook:\n  schedule:\n    - 5s\n    - 6\n    - x\n  allow_networks:\n    - 10.0.0.1/8\n    - 10.0.0.1\n    - here\n", want: []string{
			`f.yaml:4: webhook.schedule: "6" has no unit: write one of ms, s, m, h, as in 6s`,
			`f.yaml:5: webhook.schedule: "x" is not a duration: write a number with a unit (ms, s, m, h), as in 15s or 1h30m`,
			`f.yaml:7: webhook.allow_networks: "10.0.0.1/8" has bits beyond its mask: write 10.0.0.0/8`,
			`f.yaml:8: webhook.allow_networks: "10.0.0.1" is an address, not a network: write 10.0.0.1/32 for this address alone`,
			`f.yaml:9: webhook.allow_networks: "here" is not a network: write it as in 10.0.0.0/8 or fd00::/8`,
		}},
		{name: "empty schedule", file: "webhook:\n  schedule: []\n", want: []string{"f.yaml:2: webhook.schedule: is empty: give at least one wait, as in [1h]"}},
		{name: "wait of nothing", file: "webhook:\n  schedule: [1s, 0s]\n", want: []string{"f.yaml:2: webhook.schedule: each entry must be longer than 0"}},
		{name: "choices", file: "network: test\nlog:\n  level: INFO\n  format: xml\n", want: []string{
			`f.yaml:1: network: "test" is not one of whatsapp, sandbox`,
			`f.yaml:3: log.level: "INFO" is not one of debug, info, warn, error`,
			`f.yaml:4: log.format: "xml" is not one of text, json`,
		}},

		{name: "listen", file: "listen: localhost\n", want: []string{`f.yaml:1: listen: "localhost" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`}},
		{name: "listen, URL", file: "listen: http://localhost:80\n", want: []string{`f.yaml:1: listen: "http://localhost:80" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`}},
		{name: "listen, port", file: "listen: 127.0.0.1:http\n", want: []string{`f.yaml:1: listen: "127.0.0.1:http": "http" is not a port: write a number from 0 (any free port) to 65535`}},
		{name: "public URL", file: "public_url: switchhook.example.com\n", want: []string{"f.yaml:1: public_url: is not an absolute URL: write it as in https://switchhook.example.com"}},
		{name: "public URL with a password", file: "public_url: https://a:hunter2@example.com\n", want: []string{"f.yaml:1: public_url: holds a user or password: remove them, the URL is given to others"}},
		{name: "public URL with a query", file: "public_url: https://example.com/?a\n", want: []string{"f.yaml:1: public_url: holds a query or fragment: remove everything from ? or # on"}},
		{name: "sandbox", file: "network: sandbox\nlisten: 0.0.0.0:80\nsandbox:\n  listen: :0\n  url: http://192.0.2.1:80\n", want: []string{
			`f.yaml:4: sandbox.listen: ":0" is not on loopback, where the sandbox has to stay: write 127.0.0.1:0`,
			`f.yaml:5: sandbox.url: "192.0.2.1:80" is not on loopback, where the sandbox has to stay`,
		}},
		{name: "sandbox URL", file: "sandbox:\n  listen: \"\"\n  url: localhost:80\n", want: []string{
			`f.yaml:2: sandbox.listen: "" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`,
			"f.yaml:3: sandbox.url: is not the address of a sandbox: write what switchhook sandbox serve prints, as in http://127.0.0.1:8090",
		}},
		{name: "short token", file: "admin:\n  token: hunter2\n", want: []string{"f.yaml:2: admin.token: has 7 characters and needs at least 16; openssl rand -hex 32 makes a good one"}},
		{name: "token with a space", file: "admin:\n  token: hunter2 and something\n", want: []string{"f.yaml:2: admin.token: holds a space or a character beyond ASCII, which an HTTP header cannot carry; openssl rand -hex 32 makes a good one"}},
		{name: "NATS URL", file: "nats:\n  url: localhost:4222\n  listen: x\n", want: []string{
			"f.yaml:2: nats.url: is not the URL of a NATS server: write it as in nats://nats.example.com:4222, several separated by commas",
			`f.yaml:3: nats.listen: "x" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`,
		}},
		{name: "NATS URL, scheme", file: "nats:\n  url: nats://a,http://b\n", want: []string{`f.yaml:2: nats.url: "http" is not a scheme of NATS: write nats://, tls://, ws:// or wss://`}},
		{name: "NATS URL with a password", file: "nats:\n  url: nats://a:hunter2@h\n", want: []string{"f.yaml:2: nats.url: holds a user, password or token: move it to nats.user and nats.password, or to nats.token"}},
		{name: "NATS login for the embedded server", file: "nats:\n  user: a\n  password: b\n", want: []string{"f.yaml:2: nats.user: is for an external server: set nats.url too, or remove this; the embedded server makes its own credentials"}},
		{name: "NATS password alone", file: "nats:\n  url: nats://h\n  password: b\n", want: []string{"f.yaml:3: nats.password: needs nats.user beside it"}},
		{name: "two store keys", file: "store:\n  key_file: a\n  key_credential: b\n", want: []string{"f.yaml:2: store.key_file and store.key_credential are set: keep the one that holds the key of the database"}},
		{name: "store key", file: "store:\n  key: hunter2\n", want: []string{"f.yaml:2: store.key: is not 32 bytes in base64 or hex; switchhook key new makes a good one"}},
		{name: "store credential", file: "store:\n  key_credential: ../key\n", want: []string{"f.yaml:2: store.key_credential: \"../key\" is not the name of a systemd credential: write the part before the colon of LoadCredential=, as in store.key"}},
		{name: "two NATS logins", file: "nats:\n  url: nats://h\n  user: a\n  token: b\n", want: []string{"f.yaml:3: nats.user and nats.token are set: keep the one that the server wants"}},
		{name: "relations", file: "connection:\n  retry_min: 10m\nwebhook:\n  max_in_flight: 16\n", want: []string{
			"f.yaml:2: connection.retry_min (10m) is longer than connection.retry_max (5m): lower one or raise the other",
			"f.yaml:4: webhook.per_endpoint (32) is more than webhook.max_in_flight (16): lower one or raise the other",
		}},
		{name: "relation to a bad value", file: "connection:\n  retry_min: 1\n  retry_max: 10ms\n", want: []string{`f.yaml:2: connection.retry_min: "1" has no unit: write one of ms, s, m, h, as in 1s`}},
		{name: "version", file: "whatsapp:\n  version: 2.3000.x\n", want: []string{`f.yaml:2: whatsapp.version: "2.3000.x" is not a client version: write three numbers, as in 2.3000.1027868167`}},
		{name: "proxy", file: "whatsapp:\n  proxy: ftp://a:hunter2@h\n", want: []string{"f.yaml:2: whatsapp.proxy: is not the URL of a proxy: write it as in http://proxy.example.com:3128 or socks5://proxy.example.com:1080"}},
		{name: "webhook proxy", file: "webhook:\n  proxy: socks4://a:hunter2@h\n", want: []string{"f.yaml:2: webhook.proxy: is not the URL of a proxy: write it as in http://proxy.example.com:3128 or socks5://proxy.example.com:1080"}},
		{name: "webhook proxy, no URL", file: "webhook:\n  proxy: proxy.example.com:3128\n", want: []string{"f.yaml:2: webhook.proxy: is not the URL of a proxy: write it as in http://proxy.example.com:3128 or socks5://proxy.example.com:1080"}},
		{name: "certificate without a key", file: "webhook:\n  client_cert_file: a\n", want: []string{"f.yaml:2: webhook.client_cert_file: needs webhook.client_key_file beside it"}},
		{name: "key without a certificate", file: "webhook:\n  client_key_file: a\n", want: []string{"f.yaml:2: webhook.client_key_file: needs webhook.client_cert_file beside it"}},
		{name: "denied networks", file: "webhook:\n  deny_networks: [8.8.8.8, 1.2.3.4/8]\n  per_origin: 0\n", want: []string{
			`f.yaml:2: webhook.deny_networks: "8.8.8.8" is an address, not a network: write 8.8.8.8/32 for this address alone`,
			`f.yaml:2: webhook.deny_networks: "1.2.3.4/8" has bits beyond its mask: write 1.0.0.0/8`,
			"f.yaml:3: webhook.per_origin: must be at least 1",
		}},
		{name: "long value", file: "log:\n  format: " + strings.Repeat("x", 1000) + "\n", want: []string{`f.yaml:2: log.format: "` + strings.Repeat("x", 60) + `…" is not one of text, json`}},

		{name: "unknown variable", env: []string{"SWITCHHOOK_NATS_ULR=x"}, want: []string{"SWITCHHOOK_NATS_ULR: is not a variable of Switchhook: unset it; the nearest name is SWITCHHOOK_NATS_URL"}},
		{name: "bad variables", env: []string{"SWITCHHOOK_WEBHOOK_TIMEOUT=15", "SWITCHHOOK_WEBHOOK_SCHEDULE=1s,,x", "SWITCHHOOK_LISTEN="}, want: []string{
			`SWITCHHOOK_LISTEN: "" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`,
			`SWITCHHOOK_WEBHOOK_SCHEDULE: "" is not a duration: write a number with a unit (ms, s, m, h), as in 15s or 1h30m`,
			`SWITCHHOOK_WEBHOOK_TIMEOUT: "15" has no unit: write one of ms, s, m, h, as in 15s`,
		}},
		{name: "file and variable", file: "listen: :1\nlog:\n  level: loud\n", env: []string{"SWITCHHOOK_LISTEN=here", "SWITCHHOOK_CONNECTION_RETRY_MAX=10ms"}, want: []string{
			`f.yaml:3: log.level: "loud" is not one of debug, info, warn, error`,
			"SWITCHHOOK_CONNECTION_RETRY_MAX: connection.retry_min (1s) is longer than connection.retry_max (10ms): lower one or raise the other",
			`SWITCHHOOK_LISTEN: "here" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse("f.yaml", []byte(tt.file), tt.env)
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("got error %v, want an *Error", err)
			}
			var got []string
			for _, p := range bad.Problems {
				got = append(got, p.String())
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"))
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "missing.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	big := write(t, "big.yaml", strings.Repeat("#\n", maxFile/2+1))
	if _, err := Load(big, nil); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("big file: %v", err)
	}
}

func TestAdminTokenFile(t *testing.T) {
	good := write(t, "token", "0123456789abcdef\n")
	config, err := Load("", []string{"SWITCHHOOK_ADMIN_TOKEN_FILE=" + good})
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Admin.Token.Reveal(); got != "0123456789abcdef" {
		t.Errorf("token is %q", got)
	}
	if err := config.Validate(); err != nil {
		t.Errorf("a loaded configuration is valid: %v", err)
	}

	short := write(t, "short", "hunter2")
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct{ file, want string }{
		{"admin: {token_file: " + short + "}", ":1: admin.token_file: \"" + short + "\": has 7 characters"},
		{"admin:\n  token_file: " + missing, ":2: admin.token_file: \"" + missing + "\": no such file"},
		{"admin:\n  token_file: " + good + "\n  token: 0123456789abcdef", ":2: admin.token and admin.token_file are both set: remove one"},
		{"nats:\n  url: nats://h\n  credentials_file: " + missing, ":3: nats.credentials_file: \"" + missing + "\": no such file"},
		{"webhook:\n  ca_file: " + missing, ":2: webhook.ca_file: \"" + missing + "\": no such file"},
		{"webhook:\n  client_key_file: " + good + "\n  client_cert_file: " + missing, ":3: webhook.client_cert_file: \"" + missing + "\": no such file"},
		{"nats:\n  url: nats://h\n  ca_file: " + missing, ":3: nats.ca_file: \"" + missing + "\": no such file"},
	} {
		if _, err := Load(write(t, "f.yaml", tt.file), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant …%s", tt.file, err, tt.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := parse("f.yaml", []byte("listne: :1\nnetwork: x\n"), nil)
	const want = `configuration: 2 problems
  f.yaml:1: listne is not a key: did you mean listen?
  f.yaml:2: network: "x" is not one of whatsapp, sandbox`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = parse("f.yaml", []byte("network: x\n"), nil)
	if want := `configuration: f.yaml:1: network: "x" is not one of whatsapp, sandbox`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A flag is set after Load, so Validate has to speak for itself.
func TestValidate(t *testing.T) {
	c := Default()
	if err := c.Validate(); err != nil {
		t.Fatalf("the defaults are invalid: %v", err)
	}
	c.Listen = "8080"
	c.DataDir = ""
	err := c.Validate()
	const want = `configuration: 2 problems
  data_dir: is empty and no home directory is known: set it
  listen: "8080" is not host:port: write it as in 127.0.0.1:8080, or :8080 for all addresses`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
