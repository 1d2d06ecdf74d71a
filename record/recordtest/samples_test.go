package recordtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

// TestEveryKindHasASample reads the kinds from the source of package record, so
// that a new one cannot be forgotten.
func TestEveryKindHasASample(t *testing.T) {
	sampled := make(map[record.Kind]bool)
	for _, s := range recordtest.Samples() {
		sampled[s.Event.Kind] = true
	}
	kinds := kindsInSource(t)
	for _, k := range kinds {
		if !sampled[k] {
			t.Errorf("%s has no sample", k)
		}
	}
	if len(kinds) < 28 || len(sampled) != len(kinds) {
		t.Errorf("%d kinds in the source, %d in the samples", len(kinds), len(sampled))
	}
}

func kindsInSource(t *testing.T) (kinds []record.Kind) {
	t.Helper()
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Kind" {
				return true
			}
			for _, v := range spec.Values {
				lit, ok := v.(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s: a kind that is no literal", name)
				}
				kind, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, record.Kind(kind))
			}
			return true
		})
	}
	return kinds
}

// TestSamplesAreAStory: each stream's numbers rise, nothing is unexplained, and no
// two calls share what they answer.
func TestSamplesAreAStory(t *testing.T) {
	last := make(map[string]uint64)
	for _, s := range recordtest.Samples() {
		ev := s.Event
		if s.About == "" || ev.Stream == "" || ev.Kind == "" || ev.At.IsZero() {
			t.Errorf("%s is unexplained or incomplete", ev.ID())
		}
		if ev.Kind == record.EndpointTest {
			if ev.Seq != 0 {
				t.Error("the test has a seq")
			}
			continue
		}
		if ev.Seq <= last[ev.Stream] {
			t.Errorf("%s comes after %d", ev.ID(), last[ev.Stream])
		}
		last[ev.Stream] = ev.Seq
		if _, err := ev.Standard(); err != nil {
			t.Error(err)
		}
	}
	one, two := recordtest.Of(record.MessageMedia), recordtest.Of(record.MessageMedia)
	one[0].Event.Message.Media.FileName = "changed"
	if len(one) != 1 || two[0].Event.Message.Media.FileName == "changed" {
		t.Error("two calls share a message")
	}
	if len(recordtest.Of()) != len(recordtest.Samples()) {
		t.Error("no kind is not every kind")
	}
}
