package receivers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

var (
	link   = regexp.MustCompile(`\]\(([^)#:]+)\)`)
	vector = regexp.MustCompile(`(?m)^    (secret|id|timestamp|body|signature) +(.+)$`)
)

// TestDocument: the links of docs/postbacks.md lead somewhere, and the signature that
// receivers check their code with is right.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile("../postbacks.md")
	if err != nil {
		t.Fatal(err)
	}
	links := link.FindAllStringSubmatch(string(doc), -1)
	for _, l := range links {
		if _, err := os.Stat(filepath.Join("..", l[1])); err != nil {
			t.Error(err)
		}
	}
	for _, ex := range examples() {
		if !strings.Contains(string(doc), "](receivers/"+ex.name+"/") {
			t.Errorf("there is no link to the example in %s", ex.name)
		}
	}
	v := make(map[string]string)
	for _, l := range vector.FindAllStringSubmatch(string(doc), -1) {
		v[l[1]] = l[2]
	}
	lib, err := standardwebhooks.NewWebhook(v["secret"])
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseInt(v["timestamp"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := lib.Sign(v["id"], time.Unix(at, 0), []byte(v["body"])); err != nil || v["signature"] != want {
		t.Errorf("the signature is %s: %v", want, err)
	}
}
