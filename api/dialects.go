package api

import (
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/api/witi"
)

// dialect is one row of the table in WIRE.md §0. The first row that owns a
// path answers it.
type dialect struct {
	name    string
	owns    func(path string) bool // path is clean and still escaped
	handler http.Handler           // reads the clean path in URL.Path
}

// dialects is the table. The dialects do not overlap; the order is WIRE.md's.
func dialects(cfg Config) []dialect {
	return []dialect{
		{
			name: "witi",
			owns: func(path string) bool { return hasSuffixFold(path, ".aspx") },
			handler: witi.New(witi.Config{
				Instances: cfg.Instances,
				Log:       cfg.Log,
				Now:       cfg.Now,
			}),
		},
	}
}

// hasSuffixFold is strings.HasSuffix without regard to ASCII case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
