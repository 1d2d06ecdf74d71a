// Package linkpage is what visitors are told whose message link leads nowhere: a
// page of two or three sentences in their own language. It needs no script, loads
// nothing and says nothing of the daemon.
package linkpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"sync"
)

// Reason is why a link leads nowhere.
type Reason int

// The reasons there are.
const (
	Gone        Reason = iota // it was replaced or removed
	Unknown                   // it never was one
	Unavailable               // nobody can tell at the moment
	reasons
)

// Page is what is said for one reason in one language. It is shared: nobody changes
// its HTML.
type Page struct {
	Lang  string // of Content-Language
	Dir   string // "ltr" or "rtl"
	Title string
	Text  string
	HTML  []byte
}

//go:embed page.html
var source string

// Choose answers the page for a reason in the language that the values of an
// Accept-Language header ask for.
func Choose(why Reason, accept []string) *Page {
	return &pages()[match(accept)][why]
}

// Policy is the Content-Security-Policy of every page: nothing but its own style.
func Policy() string { return policy() }

// pages are all of them, by the index of their language.
var pages = sync.OnceValue(func() [][reasons]Page {
	tmpl := template.Must(template.New("page").Parse(source))
	out := make([][reasons]Page, len(languages))
	for i, l := range languages {
		for why, s := range l.says {
			p := Page{Lang: l.tag.String(), Dir: l.dir(), Title: s.title, Text: s.text}
			var b bytes.Buffer
			if err := tmpl.Execute(&b, p); err != nil {
				panic(err) // a bytes.Buffer takes everything, and the fields exist
			}
			p.HTML = b.Bytes()
			out[i][why] = p
		}
	}
	return out
})

var policy = sync.OnceValue(func() string {
	_, style, _ := bytes.Cut(pages()[0][Gone].HTML, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})
