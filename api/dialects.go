package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/greenapi"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/api/witi"
)

// dialect is one row of the table in WIRE.md §0. The first row that owns a
// path answers it.
type dialect struct {
	name    string
	owns    func(path string) bool  // path is clean and still escaped
	handler http.Handler            // reads the clean path in URL.Path
	limit   func(path string) int64 // of a body, in bytes; nil: maxBody
}

// dialects is the table. The dialects do not overlap; the order is WIRE.md's.
func dialects(stop context.Context, cfg Config) []dialect {
	all := []dialect{
		{
			name: "witi",
			owns: func(path string) bool { return hasSuffixFold(path, ".aspx") },
			handler: witi.New(witi.Config{
				Instances: cfg.Instances,
				Log:       cfg.Log,
				Now:       cfg.Now,
			}),
		},
		{
			name:  "greenapi",
			owns:  greenapi.Owns,
			limit: greenapi.MaxBody,
			handler: greenapi.New(greenapi.Config{
				Instances: cfg.Instances,
				MediaURL:  cfg.mediaURL,
				Stop:      stop,
				Log:       cfg.Log,
				Now:       cfg.Now,
			}),
		},
	}
	if cfg.Tenants != nil {
		all = append(all, dialect{
			name:    "tencent",
			owns:    tencent.Owns,
			handler: tencent.New(tencent.Config{Port: cfg.Tenants, Log: cfg.Log, Now: cfg.Now}),
		}, dialect{
			name: "cams",
			owns: func(path string) bool { return path == "/" },
			handler: cams.New(cams.Config{
				Port:     cfg.Tenants,
				LinkURL:  cfg.linkURL,
				ImageURL: cfg.imageURL,
				Log:      cfg.Log,
				Now:      cfg.Now,
			}),
		})
	}
	return all
}

// hasSuffixFold is strings.HasSuffix without regard to ASCII case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
