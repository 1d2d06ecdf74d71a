package statesdoc_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/fsm/internal/statesdoc"
)

func TestDocumentIsUpToDate(t *testing.T) {
	held, err := os.ReadFile("../../../docs/states.md")
	if err != nil {
		t.Fatalf("%v: run go generate ./fsm", err)
	}
	if !bytes.Equal(held, statesdoc.Render()) {
		t.Error("docs/states.md is not what the table says: run go generate ./fsm")
	}
}

func TestEveryStateHasAMeaning(t *testing.T) {
	for _, s := range fsm.States() {
		if statesdoc.Meaning(s) == "" {
			t.Errorf("nobody says what %d means", s)
		}
	}
	if statesdoc.Meaning(5) != "" {
		t.Error("5 means something")
	}
}

// TestDiagramsDrawTheTable finds each row of the table in both diagrams.
func TestDiagramsDrawTheTable(t *testing.T) {
	doc := string(statesdoc.Render())
	for _, r := range fsm.Table() {
		for _, arrow := range []string{
			fmt.Sprintf("    s%d --> s%d : ", r.From, r.To),
			fmt.Sprintf("    s%d -> s%d [label=", r.From, r.To),
		} {
			if n := strings.Count(doc, arrow); n != 1 {
				t.Errorf("%q is drawn %d times", arrow, n)
				continue
			}
			_, rest, _ := strings.Cut(doc, arrow)
			line, _, _ := strings.Cut(rest, "\n")
			if !strings.Contains(line, string(r.Event)) {
				t.Errorf("%s is missing from %q", r.Event, line)
			}
		}
	}
	for _, c := range fsm.Causes() {
		if !strings.Contains(doc, "| `"+string(c)+"` |") {
			t.Errorf("the cause %s is missing", c)
		}
	}
}
