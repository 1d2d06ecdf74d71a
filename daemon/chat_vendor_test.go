package daemon_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// chatClients is where the example and the vendor's library are, and the walks through
// them.
const chatClients = "../docs/tencent-clients"

// chatNick is as long as WhatsApp takes names, and holds what encodings stumble over.
const chatNick = "Olá שלום 你好&+%#\"'<\\ 👋!"

// chatWalk runs a walk against a daemon with a linked instance, and checks what each of
// its clients shows and what came to WhatsApp.
func chatWalk(t *testing.T, clients []string, dir, name string, args ...string) {
	t.Helper()
	d := runDaemon(t, shortDir(t), persistent)
	c := d.chat()
	shop := d.pairUnder("shop")
	out, errs, err := runClient(t, append(
		os.Environ(), "no_proxy=127.0.0.1", "CHAT_URL="+d.d.URL(), fmt.Sprintf("SDKAPPID=%d", c.app), "SECRET_KEY="+c.secret,
		"ACCOUNT=shop", "NICK="+chatNick,
	), dir, name, args...)
	if err != nil {
		t.Fatalf("%v, having shown\n%s%s", err, out, errs)
	}
	if bytes.Contains(out, []byte(c.secret)) || bytes.Contains(errs, []byte(c.secret)) {
		t.Error("it shows the secret key")
	}
	s := shown(t, out)
	for _, client := range clients {
		s.profile(t, client)
	}
	d.brought("shop", record.WishApplied, record.WishApplied)
	if got := d.says(shop.Phone); got.Name != chatNick || got.About != chatNick+"!" {
		t.Errorf("WhatsApp has %+v", got)
	}
	if told := d.tolds(d.account("shop").ID, record.ProfileUpdated); len(told) != len(clients) {
		t.Errorf("%d changes by %d clients", len(told), len(clients))
	}
}

// profile checks what one client has seen of its account.
func (s seen) profile(t *testing.T, client string) {
	t.Helper()
	for _, step := range []string{"import", "check", "set", "get", "unchanged"} {
		s.holds(t, client+"."+step, "ActionStatus", "OK")
		s.holds(t, client+"."+step, "ErrorCode", 0.0)
	}
	for step, code := range map[string]float64{"tooLong": 40601, "nobody": 40003, "wrongKey": 70009, "noAdmin": 40004} {
		s.holds(t, client+"."+step, "code", code)
	}
	for step, want := range map[string]map[string]any{
		"get": {
			"Tag_Profile_IM_Nick": chatNick, "Tag_Profile_IM_SelfSignature": chatNick + "!", "Tag_Profile_IM_Level": 7.0,
		},
		"unchanged": {"Tag_Profile_IM_Level": 7.0},
	} {
		got := make(map[string]any)
		for _, what := range s[client+"."+step] {
			entries, _ := what["UserProfileItem"].([]any)
			for _, e := range entries {
				entry, _ := e.(map[string]any)
				items, _ := entry["ProfileItem"].([]any)
				for _, i := range items {
					item, _ := i.(map[string]any)
					got[fmt.Sprint(item["Tag"])] = item["Value"]
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s.%s: %v", client, step, got)
		}
	}
	for _, what := range s[client+".check"] {
		if !reflect.DeepEqual(statusOf(what), []any{"Imported"}) {
			t.Errorf("%s.check: %v", client, what)
		}
	}
}

// statusOf is what account_check has said of each account.
func statusOf(what map[string]any) (out []any) {
	results, _ := what["ResultItem"].([]any)
	for _, r := range results {
		result, _ := r.(map[string]any)
		out = append(out, result["AccountStatus"])
	}
	return out
}

// TestChatClientNode: UserSigs of the vendor's library for JavaScript are taken as it is
// published, percent-encoded or not, with and without a userbuf.
func TestChatClientNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missingf(t, "there is no node here: %v", err)
	}
	if _, err := os.Stat(filepath.Join(chatClients, "node", "node_modules", "tls-sig-api-v2", "package.json")); err != nil {
		missingf(t, "run npm ci in docs/tencent-clients/node: %v", err)
	}
	chatWalk(t, []string{"encoded", "plain", "userbuf"}, filepath.Join(chatClients, "node"), node, "walk.mjs")
}

// TestChatClientGo: so are those that the example makes with the standard library.
func TestChatClientGo(t *testing.T) {
	program := filepath.Join(t.TempDir(), "chat")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join(chatClients, "go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	chatWalk(t, []string{"go"}, "", program, "walk")
}

// TestChatExamples: the examples of docs/tencent.md in JavaScript and Go are in the walks
// that are run.
func TestChatExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/tencent.md")
	if err != nil {
		t.Fatal(err)
	}
	var walks []byte
	for _, name := range []string{"node/chat.mjs", "node/walk.mjs", "go/usersig.go", "go/client.go", "go/walk.go"} {
		text, err := os.ReadFile(filepath.Join(chatClients, name))
		if err != nil {
			t.Fatal(err)
		}
		walks = append(walks, text...)
	}
	var kinds []string
	for _, ex := range regexp.MustCompile("(?s)\n```(js|go)\n(.*?)```\n").FindAllSubmatch(doc, -1) {
		kinds = append(kinds, string(ex[1]))
		if !bytes.Contains(walks, ex[2]) {
			t.Errorf("nothing runs\n%s", ex[2])
		}
	}
	if !slices.Contains(kinds, "js") || !slices.Contains(kinds, "go") {
		t.Errorf("there are examples in %v", kinds)
	}
}
