package sandbox_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// client is a Client for the rig's network.
func (r *rig) client(t *testing.T) *sandbox.Client {
	c := sandbox.NewClient("http://" + r.addr + "/")
	t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

func TestClientDoesWhatTheNetworkDoes(t *testing.T) {
	r := newRig(t)
	var control sandbox.Control = r.client(t)

	info, err := control.Info(t.Context())
	root := sandbox.RootKey()
	if err != nil || info.RootKey != hex.EncodeToString(root[:]) || len(info.Faults) != len(sandbox.FaultKinds()) {
		t.Errorf("info: %+v, %v", info, err)
	}

	device := newDevice()
	s := r.start(t, device)
	code := await[*events.QR](s).Codes[0]
	scanned, err := control.Scan(t.Context(), someone, code)
	if err != nil {
		t.Fatal(err)
	}
	s.paired()
	s = r.logIn(t, device)

	devices, err := control.Devices(t.Context())
	if err != nil || len(devices) != 1 || devices[0] != r.only() || devices[0].JID != scanned.JID {
		t.Errorf("devices: %+v, %v", devices, err)
	}
	err = control.Fault(t.Context(), sandbox.Target{Phone: someone}, sandbox.FaultReplaced, sandbox.FaultOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await[*events.StreamReplaced](s)

	if stats := r.network.Stats(); stats.Dials.MostEver < 1 || len(stats.Dials.PerSecond) == 0 || stats.LoginRate.MostEver != 1 {
		t.Errorf("rates: %+v, %+v", stats.Dials, stats.LoginRate)
	}

	for _, test := range []struct {
		name string
		err  error
		want error
	}{
		{"scan", second(control.Scan(t.Context(), "", code)), sandbox.ErrCodeExpired},
		{"scan", second(control.Scan(t.Context(), "", "x")), sandbox.ErrBadCode},
		{"scan", second(control.Scan(t.Context(), "1", code)), sandbox.ErrBadPhone},
		{
			"fault", control.Fault(t.Context(), sandbox.Target{Phone: someone}, "meteor", sandbox.FaultOptions{}),
			sandbox.ErrUnknownFault,
		},
		{
			"fault", control.Fault(t.Context(), sandbox.Target{Phone: someone}, "drop", sandbox.FaultOptions{}),
			sandbox.ErrNotConnected,
		},
		{"fault", control.Fault(t.Context(), sandbox.Target{}, "drop", sandbox.FaultOptions{}), sandbox.ErrBadTarget},
		{"fault", control.Fault(t.Context(), sandbox.Target{}, sandbox.FaultRefuse405, sandbox.FaultOptions{Times: -2}), sandbox.ErrBadTimes},
		{
			"fault", control.Fault(t.Context(), sandbox.Target{Phone: someone}, sandbox.FaultBadHMAC, sandbox.FaultOptions{}),
			sandbox.ErrNotShowing,
		},
		{"type", second(control.TypeCode(t.Context(), someone, "x")), sandbox.ErrBadCode},
		{"type", second(control.TypeCode(t.Context(), someone, "1234-5678")), sandbox.ErrNotAsked},
		{"type", second(control.TypeCode(t.Context(), "1", "1234-5678")), sandbox.ErrBadPhone},
		{"enrol", control.Enrol(t.Context(), make([]sandbox.Enrolment, 1)), sandbox.ErrBadPhone},
		{"enrol", control.Enrol(t.Context(), []sandbox.Enrolment{{Phone: someone}}), sandbox.ErrBadEnrolment},
		{"version", control.SetMinimumVersion(t.Context(), "x"), sandbox.ErrBadVersion},
	} {
		if !errors.Is(test.err, test.want) || test.err.Error() == "" {
			t.Errorf("%s: %v, want %v", test.name, test.err, test.want)
		}
	}
}

// TestClientPlaysFaults: options and targets arrive as they were sent.
func TestClientPlaysFaults(t *testing.T) {
	r := newRig(t)
	var control sandbox.Control = r.client(t)
	made := newCompanion(t, someone, 1)
	if err := control.Enrol(t.Context(), []sandbox.Enrolment{made.Enrolment}); err != nil {
		t.Fatal(err)
	}
	s := r.logIn(t, deviceOf(t, made))
	play := func(target sandbox.Target, kind sandbox.FaultKind, opts sandbox.FaultOptions) {
		t.Helper()
		if err := control.Fault(t.Context(), target, kind, opts); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	ban := sandbox.FaultOptions{Later: true, Times: 2, Expire: 90 * time.Second, Code: 104}
	play(sandbox.Target{Phone: someone}, sandbox.FaultRefuse402, ban)
	play(sandbox.Target{}, sandbox.FaultNoUpgrade, sandbox.FaultOptions{Times: sandbox.Forever})
	if _, err := r.dialIn(t, deviceOf(t, made)); err == nil {
		t.Error("dialled")
	}
	if err := s.ping(); err != nil {
		t.Errorf("the connection was not left: %v", err)
	}
	play(sandbox.Target{}, sandbox.FaultHeal, sandbox.FaultOptions{})
	play(sandbox.Target{Phone: someone}, sandbox.FaultRefuse402, ban)
	for range 2 {
		banned := await[*events.TemporaryBan](r.start(t, deviceOf(t, made)))
		if banned.Expire != 90*time.Second || banned.Code != 104 {
			t.Errorf("banned: %+v", banned)
		}
	}
	if err := control.SetMinimumVersion(t.Context(), "99"); err != nil {
		t.Fatal(err)
	}
	await[*events.ClientOutdated](r.start(t, deviceOf(t, made)))
	if err := control.SetMinimumVersion(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	r.logIn(t, deviceOf(t, made)).client.Disconnect()
}

func TestClientTypesTheCode(t *testing.T) {
	r := newRig(t)
	device := newDevice()
	s, code := r.asking(t, device)
	control := r.client(t)
	wrong := strings.Map(func(c rune) rune {
		if c == '1' {
			return '2'
		}
		return '1'
	}, strings.ReplaceAll(code, "-", ""))
	if _, err := control.TypeCode(t.Context(), someone, wrong); !errors.Is(err, sandbox.ErrWrongCode) {
		t.Errorf("wrong code: %v", err)
	}
	d, err := control.TypeCode(t.Context(), someone, code)
	if err != nil {
		t.Fatal(err)
	}
	if paired := s.paired(); paired.ID.String() != d.JID {
		t.Errorf("paired as %s, typed %+v", paired.ID, d)
	}
	r.logIn(t, device).client.Disconnect()
}

func second[T any](_ T, err error) error { return err }

func TestControlAPI(t *testing.T) {
	r := newRig(t)
	for _, test := range []struct {
		name, verb, path, body string
		header                 http.Header
		host                   string
		status                 int
	}{
		{name: "info", path: "info", status: 200},
		{name: "devices", path: "devices", status: 200},
		{name: "by name", path: "info", host: "localhost:1234", status: 200},
		{name: "by IPv6", path: "info", host: "[::1]:1234", status: 200},
		{name: "by IPv6 without a port", path: "info", host: "[::1]", status: 200},
		{name: "unknown call", path: "reboot", status: 404},
		{name: "scan with GET", path: "scan", status: 405},
		{name: "info with POST", verb: "POST", path: "info", status: 405},
		{name: "unknown code", verb: "POST", path: "scan", body: `{"code":"x,` + threeKeys + `"}`, status: 404},
		{name: "no code", verb: "POST", path: "scan", body: `{}`, status: 400},
		{name: "no JSON", verb: "POST", path: "scan", body: `code=x`, status: 400},
		{name: "empty body", verb: "POST", path: "scan", status: 400},
		{name: "unknown field", verb: "POST", path: "scan", body: `{"code":"x","colour":"red"}`, status: 400},
		{name: "two values", verb: "POST", path: "scan", body: `{"code":"x"} {}`, status: 400},
		{name: "large body", verb: "POST", path: "scan", body: `{"code":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413},
		{name: "unknown kind", verb: "POST", path: "fault", body: `{"phone":"5511900000001","kind":"meteor"}`, status: 400},
		{name: "unknown phone", verb: "POST", path: "fault", body: `{"phone":"5511900000001","kind":"drop"}`, status: 404},
		{name: "network fault", verb: "POST", path: "fault", body: `{"kind":"no-upgrade","times":3}`, status: 200},
		{name: "heal", verb: "POST", path: "fault", body: `{"kind":"heal"}`, status: 200},
		{name: "fault without a target", verb: "POST", path: "fault", body: `{"kind":"drop"}`, status: 400},
		{name: "type with GET", path: "type", status: 405},
		{name: "type nothing", verb: "POST", path: "type", body: `{}`, status: 400},
		{name: "type unasked", verb: "POST", path: "type", body: `{"phone":"5511900000001","code":"1234-5678"}`, status: 409},
		{name: "enrol with GET", path: "enrol", status: 405},
		{name: "enrol nobody", verb: "POST", path: "enrol", body: `{}`, status: 200},
		{name: "enrol nonsense", verb: "POST", path: "enrol", body: `{"companions":[{"phone":"5511900000001"}]}`, status: 400},
		{name: "enrol no base64", verb: "POST", path: "enrol", body: `{"companions":[{"noise":"?"}]}`, status: 400},
		{name: "enrol too many", verb: "POST", path: "enrol", body: `{"companions":[` + strings.Repeat("{},", 1000) + `{}]}`, status: 400},
		{name: "enrol too much", verb: "POST", path: "enrol", body: `{"companions":[` + strings.Repeat(" ", 2<<20) + `]}`, status: 413},
		{name: "version", verb: "POST", path: "minimum-version", body: `{"version":"2.3000"}`, status: 200},
		{name: "version lifted", verb: "POST", path: "minimum-version", body: `{"version":""}`, status: 200},
		{name: "no version", verb: "POST", path: "minimum-version", body: `{"version":"new"}`, status: 400},
		{name: "a web page", path: "info", header: http.Header{"Origin": {"https://example.com"}}, status: 403},
		{name: "a local web page", path: "info", header: http.Header{"Origin": {"http://127.0.0.1"}}, status: 403},
		{name: "a rebound name", path: "info", host: "example.com", status: 403},
		{name: "a name that looks local", path: "info", host: "127.0.0.1.example.com", status: 403},
		{name: "another machine", path: "info", host: "192.0.2.1", status: 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(test.verb, "http://127.0.0.1/sandbox/v1/"+test.path, strings.NewReader(test.body))
			request.RequestURI = ""
			maps.Copy(request.Header, test.header)
			if test.host != "" {
				request.Host = test.host
			}
			response, err := r.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			raw, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status {
				t.Fatalf("status %d, want %d: %s", response.StatusCode, test.status, raw)
			}
			var answer struct{ Error string }
			if err := json.Unmarshal(raw, &answer); err != nil || (answer.Error == "") != (test.status == 200) {
				t.Errorf("answer %s", raw)
			}
		})
	}
}

const threeKeys = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=," +
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestClientKnowsASandbox(t *testing.T) {
	for name, answer := range map[string]string{"a web server": "<html>", "another API": `{"network":"whatsapp"}`} {
		t.Run(name, func(t *testing.T) {
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprint(w, answer)
			}))
			defer other.Close()
			c := sandbox.NewClient(other.URL)
			defer c.HTTP.CloseIdleConnections()
			if _, err := c.Info(t.Context()); !errors.Is(err, sandbox.ErrNotSandbox) {
				t.Errorf("info: %v", err)
			}
		})
	}
}

func TestHandlerInSomebodyElsesServer(t *testing.T) {
	n := openNetwork(t, sandbox.Config{})
	server := httptest.NewServer(n.Handler())
	defer server.Close()
	c := sandbox.NewClient(server.URL)
	defer c.HTTP.CloseIdleConnections()
	if _, err := c.Info(t.Context()); err != nil {
		t.Error(err)
	}
}
