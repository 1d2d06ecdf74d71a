package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWalk: the walk gets through, and says on the wire what it was given. What the daemon
// makes of it is tested in package daemon.
func TestWalk(t *testing.T) {
	d := &double{t: t}
	srv := httptest.NewServer(d)
	defer srv.Close()
	env := environment(srv.URL)
	var out bytes.Buffer
	if err := run(t.Context(), &out, env, []string{"walk"}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
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
		seen[strings.TrimPrefix(step.Step, "go.")] = step.What
	}
	for step, code := range map[string]float64{"tooLong": 40601, "nobody": 40003, "wrongKey": 70009, "noAdmin": 40004} {
		if seen[step]["code"] != code {
			t.Errorf("%s: %v", step, seen[step])
		}
	}
	for _, step := range []string{"import", "check", "set", "get", "unchanged"} {
		if seen[step]["ActionStatus"] != "OK" {
			t.Errorf("%s: %v", step, seen[step])
		}
	}
	if strings.Contains(out.String(), key) {
		t.Error("it shows the secret key")
	}
	if d.name != env("NICK") {
		t.Errorf("it named the account %q", d.name)
	}
}

// TestUsage: who says too little is told what is missing, and a UserSig is made for whom
// was named.
func TestUsage(t *testing.T) {
	env := environment("http://127.0.0.1:1")
	without := func(name string) func(string) string {
		return func(n string) string {
			if n == name {
				return ""
			}
			return env(n)
		}
	}
	for _, c := range []struct {
		env  func(string) string
		args []string
	}{
		{env, nil},
		{env, []string{"sig"}},
		{env, []string{"usersig", "a", "b"}},
		{env, []string{"usersig", "-life", "0s"}},
		{env, []string{"usersig", "-life", "soon"}},
		{env, []string{"usersig", "-h"}},
		{env, []string{"walk", "shop"}},
		{without("SDKAPPID"), []string{"usersig"}},
		{without("SECRET_KEY"), []string{"usersig"}},
		{without("CHAT_URL"), []string{"walk"}},
		{without("ACCOUNT"), []string{"walk"}},
		{without("NICK"), []string{"walk"}},
	} {
		if err := run(t.Context(), t.Output(), c.env, c.args); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	for who, args := range map[string][]string{admin: {"usersig"}, "backend": {"usersig", "-life", "2h", "backend"}} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, env, args); err != nil {
			t.Fatal(err)
		}
		if got := unpack(t, strings.TrimSpace(out.String())); got["TLS.identifier"] != who || !right(got) {
			t.Errorf("%v made %v", args, got)
		}
	}
}

func environment(url string) func(string) string {
	return func(name string) string {
		return map[string]string{
			"SDKAPPID": fmt.Sprint(app), "SECRET_KEY": key, "CHAT_URL": url, "ACCOUNT": "shop", "NICK": "Olá! שלום 你好 & \"+%\" 👋",
		}[name]
	}
}

// double plays the daemon for the account "shop".
type double struct {
	t    *testing.T
	name string
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		From        string `json:"From_Account"`
		ProfileItem []item
		CheckItem   []struct{ UserID string }
		UserID      string
		To          []string `json:"To_Account"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost {
		d.t.Errorf("%s with %v", r.Method, err)
	}
	q := r.URL.Query()
	sig := unpack(d.t, q.Get("usersig"))
	code := 0
	switch {
	case q.Get("sdkappid") != fmt.Sprint(app) || q.Get("contenttype") != "json" || q.Get("random") == "" || q.Get("identifier") != sig["TLS.identifier"]:
		code = 60002
	case !right(sig):
		code = 70009
	case q.Get("identifier") != admin:
		code = 40004
	case r.URL.Path == "/v4/im_open_login_svc/account_import" && body.UserID == "shop":
	case r.URL.Path == "/v4/im_open_login_svc/account_check" && body.CheckItem[0].UserID == "shop":
	case r.URL.Path == "/v4/profile/portrait_get" && body.To[0] == "shop":
	case r.URL.Path != "/v4/profile/portrait_set":
		code = 60009
	case body.From != "shop":
		code = 40003
	case len(body.ProfileItem) == 2:
		code = 40601
	default:
		d.name, _ = body.ProfileItem[0].Value.(string)
	}
	status := "OK"
	if code != 0 {
		status = "FAIL"
	}
	_, _ = fmt.Fprintf(w, `{"ActionStatus":%q,"ErrorCode":%d,"ErrorInfo":"","ErrorDisplay":""}`, status, code)
}

// right judges a signature by what the vendor has documented.
func right(sig map[string]any) bool {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%.0f\nTLS.time:%.0f\nTLS.expire:%.0f\n",
		sig["TLS.identifier"], sig["TLS.sdkappid"], sig["TLS.time"], sig["TLS.expire"])
	return sig["TLS.sig"] == base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
