package linkpage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/switchhook/switchhook/api/internal/linkpage"
)

// spoken are the languages, each with its direction and a word of the page about a link
// that is gone.
var spoken = map[string]struct{ dir, word string }{
	"en":      {"ltr", "no longer in use"},
	"pt":      {"ltr", "não está mais em uso"},
	"es":      {"ltr", "ya no está en uso"},
	"id":      {"ltr", "sudah tidak digunakan"},
	"zh-Hans": {"ltr", "链接已停用"},
	"zh-Hant": {"ltr", "連結已停用"},
	"he":      {"rtl", "אינו בשימוש"},
	"ko":      {"ltr", "더 이상 사용되지 않는"},
}

var reasons = []linkpage.Reason{linkpage.Gone, linkpage.Unknown, linkpage.Unavailable}

func TestLanguageIsTheVisitors(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                    "en",
		"en-GB":                               "en",
		"pt":                                  "pt",
		"pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7": "pt",
		"pt-PT":                               "pt",
		"es-419,es;q=0.9":                     "es",
		"es-MX":                               "es",
		"id-ID":                               "id",
		"in":                                  "id", // as Java spells it
		"zh-CN,zh;q=0.9":                      "zh-Hans",
		"zh":                                  "zh-Hans",
		"zh-SG":                               "zh-Hans",
		"zh-Hans-CN":                          "zh-Hans",
		"zh-TW":                               "zh-Hant",
		"zh-HK, en;q=0.5":                     "zh-Hant",
		"zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7": "zh-Hant",
		"pt-PT, en;q=0.5":                     "pt",
		"es-AR, en;q=0.5":                     "es",
		"he-IL":                               "he",
		"iw":                                  "he", // as Java spells it
		"ko-KR,ko;q=0.9":                      "ko",
		"KO-kr":                               "ko",
		"fr":                                  "en",
		"fr-FR,fr;q=0.9,es;q=0.5,en;q=0.4":    "es",
		"da, ko;q=0.3, he;q=0.7":              "he",
		"en;q=0.1, pt;q=0.2":                  "pt",
		"ko;q=0":                              "en",
		"ko;q=0, he;q=0.1":                    "he",
		"*":                                   "en",
		"fr, *;q=0.5":                         "en",
		"he;q=1.0 , en ; q=0.5":               "he",
		"???, ko":                             "ko",
		"ko;q=x, he":                          "he",
		"ko;q=NaN, he;q=0.1":                  "he",
		", ,, es":                             "es",
		"\x00\xff":                            "en",
		"e\u202e, he":                         "he",
		strings.Repeat("x", 60000) + ",ko":    "ko",
		strings.Repeat("fr,", 49) + "ko":      "ko",
		strings.Repeat("fr,", 50) + "ko":      "en", // no browser's
		strings.Repeat("-", 60000):            "en",
		strings.Repeat("a-", 30000) + ",he":   "he",
	} {
		p := linkpage.Choose(linkpage.Gone, []string{accept})
		if p.Lang != want {
			t.Errorf("%.80q: %s, want %s", accept, p.Lang, want)
		}
		if w := spoken[want]; p.Dir != w.dir || !strings.Contains(p.Title, w.word) {
			t.Errorf("%.80q: %s %q", accept, p.Dir, p.Title)
		}
	}
	for want, accept := range map[string][]string{"en": nil, "he": {"fr", "ko;q=0.2", "he;q=0.4"}} {
		if p := linkpage.Choose(linkpage.Unknown, accept); p.Lang != want {
			t.Errorf("%q: %s, want %s", accept, p.Lang, want)
		}
	}
}

func TestEveryPageIsWellFormed(t *testing.T) {
	seen := make(map[string]string)
	for lang, want := range spoken {
		for _, why := range reasons {
			p := linkpage.Choose(why, []string{lang})
			if p.Lang != lang || p.Dir != want.dir || p.Title == "" || p.Text == "" {
				t.Fatalf("%s %d: %+v", lang, why, p)
			}
			for _, s := range []string{p.Title, p.Text} {
				if other, again := seen[s]; again {
					t.Errorf("%s says what %s says: %q", lang, other, s)
				}
				seen[s] = lang
			}
			checkPage(t, p)
		}
	}
}

// checkPage reads a page as a browser does.
func checkPage(t *testing.T, p *linkpage.Page) {
	t.Helper()
	if !utf8.Valid(p.HTML) || !bytes.HasPrefix(p.HTML, []byte("<!DOCTYPE html>")) {
		t.Errorf("%s: no doctype, or no UTF-8", p.Lang)
	}
	doc, err := html.Parse(bytes.NewReader(p.HTML))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]*html.Node)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			found[n.Data] = append(found[n.Data], n)
		}
	}
	for _, once := range []string{"html", "head", "body", "main", "title", "style", "h1", "p"} {
		if len(found[once]) != 1 {
			t.Fatalf("%s: %d of %s", p.Lang, len(found[once]), once)
		}
	}
	for _, never := range []string{"script", "link", "img", "iframe", "form", "a", "base"} {
		if len(found[never]) != 0 {
			t.Errorf("%s: %s", p.Lang, never)
		}
	}
	root := found["html"][0]
	if attr(root, "lang") != p.Lang || attr(root, "dir") != p.Dir {
		t.Errorf("%s %s: %v", p.Lang, p.Dir, root.Attr)
	}
	for name, want := range map[string]string{"title": p.Title, "h1": p.Title, "p": p.Text} {
		if got := text(found[name][0]); got != want {
			t.Errorf("%s: %s says %q, want %q", p.Lang, name, got, want)
		}
	}
	metas := make(map[string]string)
	for _, m := range found["meta"] {
		metas[attr(m, "name")+attr(m, "charset")] = attr(m, "content")
	}
	if _, ok := metas["utf-8"]; !ok || metas["viewport"] != "width=device-width, initial-scale=1" || metas["color-scheme"] != "light dark" {
		t.Errorf("%s: %v", p.Lang, metas)
	}
	sum := sha256.Sum256([]byte(text(found["style"][0])))
	if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(linkpage.Policy(), "style-src "+hash+";") {
		t.Errorf("%s: the policy %s does not let the style %s in", p.Lang, linkpage.Policy(), hash)
	}
	if bytes.Contains(p.HTML, []byte("style=")) {
		t.Errorf("%s: the policy does not let an attribute style in", p.Lang)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.FirstChild == nil {
		return ""
	}
	return n.FirstChild.Data
}

func TestPolicyTakesEveryRight(t *testing.T) {
	policy := linkpage.Policy()
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}

func TestAnyGoroutineMayChoose(t *testing.T) {
	var wg sync.WaitGroup
	for lang := range spoken {
		for range 8 {
			wg.Go(func() {
				if p := linkpage.Choose(linkpage.Gone, []string{lang}); p.Lang != lang {
					t.Errorf("%s for %s", p.Lang, lang)
				}
			})
		}
	}
	wg.Wait()
}

func FuzzChoose(f *testing.F) {
	for _, s := range []string{"", "pt-BR,pt;q=0.9,en;q=0.7", "*", "zh-Hant-TW", "he;q=0", "x-y;q=1e400", "i-klingon"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if p := linkpage.Choose(linkpage.Gone, []string{accept}); spoken[p.Lang].word == "" || !strings.Contains(p.Title, spoken[p.Lang].word) {
			t.Errorf("%q: %s %q", accept, p.Lang, p.Title)
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		linkpage.Choose(linkpage.Gone, []string{"pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7"})
	}
}
