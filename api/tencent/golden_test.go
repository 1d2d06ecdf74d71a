package tencent_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/instance"
)

// codes are what each service says in common situations: without an admin, of a body of
// another shape, and of what is no fault of the caller's.
var codes = map[string]struct{ admin, shape, internal int }{
	"profile":           {40004, 40001, 40006},
	"im_open_login_svc": {60010, 70402, 60008},
}

// exchange is one pair of files: a request, and what it is answered.
type exchange struct {
	name string // of the files, without their ends
	code int    // of the answer
	wire []byte
}

// text is a request as package dialecttest reads it.
func (a *ask) text() []byte {
	r := a.request()
	return fmt.Appendf(nil, "%s %s\nHost: wa.example\n\n%s\n", a.verb, r.RequestURI, strings.TrimSuffix(a.body, "\n"))
}

// situations are what a world may be like besides plain.
var situations = map[string]func(w *world){
	"plain":       func(*world) {},
	"failing":     func(w *world) { w.appErr = errors.New("read /secret/path: the disk is gone") },
	"half":        func(w *world) { w.err = errors.New("read /secret/path: the disk is gone") },
	"hurried":     func(*world) {},
	"keyless":     func(w *world) { w.tenant.Chat.SecretKey = "" },
	"stopping":    func(w *world) { w.appErr = instance.ErrStopping },
	"unavailable": func(w *world) { w.appErr = instance.ErrUnavailable },
}

// exchanges are all of them.
func exchanges() (all []exchange) {
	for _, command := range slices.Sorted(maps.Keys(rights)) {
		service, name, _ := strings.Cut(command, "/")
		add := func(folder, variant string, code int, change func(a *ask)) {
			a := asks(command)
			change(a)
			all = append(all, exchange{filepath.Join(folder, name+variant), code, a.text()})
		}
		same := func(*ask) {}
		of := codes[service]
		add("plain", "", 0, same)
		add("failing", "", of.internal, same)
		add("hurried", "", 60007, same)
		add("keyless", "", 70016, same)
		add("stopping", "", of.internal, same)
		add("unavailable", "", of.internal, same)
		half := of.internal
		if command == getting || command == checking {
			half = 0 // each account says it
		}
		add("half", "", half, same)

		plain := func(variant string, code int, change func(a *ask)) { add("plain", "_"+variant, code, change) }
		plain("by_get", 60002, func(a *ask) { a.verb = http.MethodGet })
		plain("broken_query", 60002, func(a *ask) { a.query["identifier"] = []string{admin, admin} })
		plain("other_type", 60002, func(a *ask) { a.query.Set("contenttype", "protobuf") })
		plain("unknown_command", 60009, func(a *ask) { a.command += "2" })
		plain("no_app", 60012, func(a *ask) { a.query.Del("sdkappid") })
		plain("wrong_app", 60006, func(a *ask) { a.query.Set("sdkappid", "x") })
		plain("unknown_app", 70020, func(a *ask) { a.query.Set("sdkappid", "7") })
		plain("no_identifier", 60004, func(a *ask) { a.query.Del("identifier") })
		plain("no_usersig", 60004, func(a *ask) { a.usersig = new(string) })
		plain("broken_usersig", 70003, func(a *ask) { a.doc.Version = "1.0" })
		plain("other_app", 70014, func(a *ask) { a.doc.App = 7 })
		plain("other_identifier", 70013, func(a *ask) { a.doc.Identifier = "second" })
		plain("wrong_key", 70009, func(a *ask) { a.signer.SecretKey += "x" })
		plain("expired", 70001, func(a *ask) { a.doc.Time -= 86401 })
		plain("no_admin", of.admin, func(a *ask) { a.doc.Identifier = user; a.query.Set("identifier", user) })
		plain("broken_body", 60003, func(a *ask) { a.body = a.body[:20] })
		plain("twice", 60003, func(a *ask) { a.body = `{"a":1,"a":1,` + a.body[1:] })
		plain("other_shape", of.shape, func(a *ask) { a.body = `{"a":1}` })

		body := func(variant string, code int, body string) { plain(variant, code, func(a *ask) { a.body = body }) }
		switch command {
		case setting:
			body("nobody", 40003, `{"From_Account":"nobody","ProfileItem":[{"Tag":"`+nick+`","Value":"x"}]}`)
			body("read_only", 40008, set("Tag_Profile_Custom_level", "x"))
			body("unknown_tag", 40009, set("Tag_Profile_Custom_none", "x"))
			body("duplicate_tag", 40001, set(nick, "x", nick, "y"))
			body("too_long", 40601, set(nick, strings.Repeat("x", 501)))
			body("wrong_value", 40605, set(nick, "x", "Tag_Profile_IM_Gender", "x"))
			body("out_of_range", 40605, set("Tag_Profile_IM_Level", raw("4294967296")))
			body("wrong_type", 40610, set("Tag_Profile_IM_Level", "1"))
			body("number_for_text", 40610, set(nick, 7))
		case getting:
			body("unknown_tag", 40009, `{"To_Account":["shop"],"TagList":["Tag_Profile_Custom_none"]}`)
			body("too_many", 40001, `{"To_Account":`+many(101, `"shop"`)+`,"TagList":["`+nick+`"]}`)
		case checking:
			body("too_many", 70402, `{"CheckItem":`+many(101, `{"UserID":"x"}`)+`}`)
			body("number", 60015, `{"CheckItem":[{"UserID":7}]}`)
		case importing:
			body("bare", 0, `{"UserID":"neu"}`)
			body("number", 60015, `{"UserID":7}`)
			body("long_name", 70402, `{"UserID":"`+strings.Repeat("x", 33)+`"}`)
			body("long_nick", 40601, `{"UserID":"x","Nick":"`+strings.Repeat("x", 501)+`"}`)
			body("number_for_text", 40610, `{"UserID":"x","Nick":7}`)
		}
	}
	return all
}

const folder = "testdata/calls"

// TestCalls plays every command, its successes and every code that it can be refused with.
// The requests are what the signer makes of the tables above. All that is logged meanwhile
// holds neither secrets nor anything of the requests.
func TestCalls(t *testing.T) {
	var log bytes.Buffer
	wanted := make(map[string]int) // codes, by request
	for _, e := range exchanges() {
		path := filepath.Join(folder, e.name)
		wanted[path] = e.code
		dialecttest.Golden(t, path+".req", e.wire)
	}
	handlers := make(map[string]func(t *testing.T) http.Handler)
	for name, prepare := range situations {
		handlers[name] = func(*testing.T) http.Handler {
			w := newWorld()
			w.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			prepare(w)
			if name == "hurried" {
				return again{w.handler()}
			}
			return w.handler()
		}
	}
	dialecttest.Run(t, folder, handlers)
	paths, err := filepath.Glob(folder + "/*/*.golden")
	if err != nil || len(paths) != len(wanted) {
		t.Errorf("%d answers, %d requests: %v", len(paths), len(wanted), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		want, ok := wanted[strings.TrimSuffix(path, ".golden")]
		if err != nil || !ok || !bytes.HasPrefix(text, []byte("200\n")) || !bytes.Contains(text, fmt.Appendf(nil, `"ErrorCode":%d,`, want)) {
			t.Errorf("%s: %v, not %d: %s", path, err, want, text)
		}
	}
	for _, phrase := range []string{"call refused", "call failed", "account not read", "command=unknown", "code=40610"} {
		if !strings.Contains(log.String(), phrase) {
			t.Errorf("%q was not logged: this test cannot fail", phrase)
		}
	}
	for _, hidden := range []string{secret, admin, "1400000001", "eAE", user, "nobody", "neu", "Neü", "New", "gold", "Tag_", "The <old>", "wa.example"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log holds %s", hidden)
		}
	}
}

// TestEveryCodeIsDocumented: docs/tencent.md has each code that a call was refused with,
// and none that does not come.
func TestEveryCodeIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/tencent.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Codes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^\| (\d{5}) \|`).FindAllStringSubmatch(section, -1) {
		documented[m[1]] = true
	}
	seen := make(map[string]bool)
	for _, e := range exchanges() {
		if e.code != 0 {
			seen[fmt.Sprint(e.code)] = true
		}
	}
	if !maps.Equal(documented, seen) || len(seen) < 25 {
		t.Errorf("documented %v, seen %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(seen)))
	}
}

// again plays a request 200 times before.
type again struct{ http.Handler }

func (a again) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	for range 200 {
		r.Body = io.NopCloser(bytes.NewReader(body))
		a.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a.Handler.ServeHTTP(w, r)
}
