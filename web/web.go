// Package web is the status page, embedded in the binary: one page with its
// style and script, nothing from elsewhere.
//
// The page itself is open and holds nothing but the daemon's version and its
// network. What it shows of instances it fetches from the admin API with the
// token that its reader types in; the token stays in the browser tab's session
// storage.
package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html style.css app.js
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// About is what anybody may know of the daemon.
type About struct {
	Version string `json:"version"`
	Network string `json:"network"` // "whatsapp" or "sandbox"
}

// policy lets the page load what came with it and talk to where it came from.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler answers /ui/ and what is below it. about is asked at each request.
func Handler(about func() About) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		switch strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/ui"), "/") {
		case "":
			serve(w, "text/html; charset=utf-8", render(about()))
		case "style.css":
			serve(w, "text/css; charset=utf-8", read("style.css"))
		case "app.js":
			serve(w, "text/javascript; charset=utf-8", read("app.js"))
		case "info":
			body, err := json.Marshal(about())
			if err != nil {
				panic(err) // two strings
			}
			serve(w, "application/json; charset=utf-8", body)
		default:
			http.NotFound(w, r)
		}
	})
}

func serve(w http.ResponseWriter, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(body) // the reader has gone; there is nobody to tell
}

func render(about About) []byte {
	var b bytes.Buffer
	if err := page.Execute(&b, about); err != nil {
		panic(err) // a bytes.Buffer takes everything, and the fields exist
	}
	return b.Bytes()
}

// read answers an embedded file; the names are those of the directive above.
func read(name string) []byte {
	body, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return body
}
