package whatsapp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// parts are structs of the package that are parts of events.
var parts = []string{"BlocklistChange", "MediaRetryError", "NewsletterMessageMeta"}

// TestEveryEventIsInTheTable fails when the module brings an event that nobody
// has thought about.
func TestEveryEventIsInTheTable(t *testing.T) {
	known := make(map[string]bool)
	for _, row := range Events() {
		if known[row.Event] {
			t.Errorf("%s is there twice", row.Event)
		}
		known[row.Event] = true
	}
	declared := declaredEvents(t)
	for _, name := range declared {
		if !known[name] && !slices.Contains(parts, name) {
			t.Errorf("events.%s is new: give it a row", name)
		}
		if known[name] && slices.Contains(parts, name) {
			t.Errorf("events.%s is part of another and has a row", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("events.%s is gone", name)
	}
	if len(declared) < 50 {
		t.Errorf("found %d events only", len(declared))
	}
}

// TestTable holds that a row is whole, and that a cause makes a connection come
// back by itself only where WHATSAPP.md §6 has the library do so.
func TestTable(t *testing.T) {
	for _, row := range Events() {
		if row.About == "" || !slices.Contains([]EventClass{AboutConnection, AboutMessages, Ignored}, row.Class) {
			t.Errorf("%s: %+v", row.Event, row)
		}
		if row.Class != AboutConnection && (row.Fact != "" || row.Cause != "") {
			t.Errorf("%s: a fact and not about the connection", row.Event)
		}
		switch row.Fact {
		case instance.FactLost:
			if !row.Cause.Retries() {
				t.Errorf("%s: lost for %s and never retried", row.Event, row.Cause)
			}
		case instance.FactRefused, instance.FactLoggedOut, instance.FactPairFailed:
			if row.Cause.Retries() || row.Cause.Hint() == "" {
				t.Errorf("%s: %s retries, or gives no hint", row.Event, row.Cause)
			}
		default:
			if row.Cause != "" {
				t.Errorf("%s: cause %s", row.Event, row.Cause)
			}
		}
		if row.Cause != "" && !slices.Contains(fsm.Causes(), row.Cause) {
			t.Errorf("%s: no such cause as %s", row.Event, row.Cause)
		}
	}
}

// declaredEvents reads the exported structs of the module's types/events.
func declaredEvents(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "go.mau.fi/whatsmeow").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "types", "events", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events in %s: %v", out, err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if _, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
				names[spec.Name.Name] = true
			}
			return false
		})
	}
	return slices.Sorted(maps.Keys(names))
}
