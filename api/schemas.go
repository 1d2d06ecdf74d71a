package api

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api/internal/reply"
)

// schemasPath is where the JSON Schemas of events are. They tell nothing of this
// daemon, and whoever receives its events has no token: anybody may read them.
const schemasPath = "/api/v1/schemas"

// Schema is one of the JSON Schemas that are served.
type Schema struct {
	Name string `json:"name"`
	Path string `json:"path"` // of its text on this daemon
}

// schemas answers the list, or one of them by its name, with or without .json.
func (a *API) schemas(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Schemas == nil {
		reply.JSON(w, errNoRoute.Status, errNoRoute)
		return
	}
	if !readOnly(w, r) {
		return
	}
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, schemasPath), "/")
	if name == "" {
		a.listSchemas(w)
		return
	}
	file := strings.TrimSuffix(name, ".json") + ".json"
	body, err := fs.ReadFile(a.cfg.Schemas, file)
	if err != nil || strings.Contains(name, "/") {
		reply.JSON(w, http.StatusNotFound, &failure{
			Code: "no_schema", Message: "there is no such schema: GET " + schemasPath + "/ lists them",
		})
		return
	}
	w.Header().Set("Content-Type", "application/schema+json")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (a *API) listSchemas(w http.ResponseWriter) {
	out := []Schema{}
	files, err := fs.Glob(a.cfg.Schemas, "*.json")
	if err != nil {
		panic(err) // the pattern is good
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json")
		out = append(out, Schema{Name: name, Path: path.Join(schemasPath, file)})
	}
	reply.JSON(w, http.StatusOK, out)
}
