package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchhook/switchhook/api"
)

func TestSchemasAreOpen(t *testing.T) {
	_, h := rooms(t, func(c *api.Config) {
		c.Schemas = fstest.MapFS{
			"event.json": {Data: []byte(`{"title":"event"}`)}, "message.text.json": {Data: []byte(`{"title":"text"}`)},
			"more/hidden.json": {Data: []byte("hidden")}, "doc.go": {Data: []byte("hidden")},
		}
	})
	for _, c := range []struct {
		method, path string
		status       int
		kind, holds  string
	}{
		{"GET", "/api/v1/schemas", 200, "application/json", `[{"name":"event","path":"/api/v1/schemas/event.json"},{"name":"message.text"`},
		{"GET", "/api/v1/schemas/", 200, "application/json", `"event"`},
		{"GET", "/api/v1/schemas/event", 200, "application/schema+json", `{"title":"event"}`},
		{"GET", "/api/v1/schemas/event.json", 200, "application/schema+json", `{"title":"event"}`},
		{"HEAD", "/api/v1/schemas/message.text", 200, "application/schema+json", ``},
		{"GET", "/api/v1/schemas/more/hidden", 404, "application/json", `no_schema`},
		{"GET", "/api/v1/schemas/doc.go", 404, "application/json", `no_schema`},
		{"GET", "/api/v1/schemas/..%2fapi", 404, "application/json", `no_schema`},
		{"GET", "/api/v1/schemas/nothing", 404, "application/json", `no_schema`},
		{"POST", "/api/v1/schemas/event", 405, "application/json", ``},
		{"GET", "/api/v1/schemasx", 401, "application/json", ``},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody)) // without a token
		if w.Code != c.status || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s %s: %d %s %s", c.method, c.path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	_, none := rooms(t)
	if w := do(none, "GET", "/api/v1/schemas/", ""); w.Code != 404 {
		t.Errorf("without schemas: %d", w.Code)
	}
}
