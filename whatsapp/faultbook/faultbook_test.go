package faultbook_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp/faultbook"
)

// TestDocument holds docs/faults.md to the book.
func TestDocument(t *testing.T) {
	var about []faultbook.About
	for _, k := range sandbox.FaultKinds() {
		about = append(about, faultbook.About{Fault: string(k.Kind), What: k.About})
	}
	got, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, faultbook.Render(about)) {
		t.Error("docs/faults.md is not what the book says: run go generate ./whatsapp/faultbook")
	}
}

// TestRowsFollowTheTable: what the book documents can happen.
func TestRowsFollowTheTable(t *testing.T) {
	legal := make(map[[2]fsm.State]bool)
	for _, r := range fsm.Table() {
		legal[[2]fsm.State{r.From, r.To}] = true
	}
	for _, row := range faultbook.Rows() {
		for _, path := range [][]faultbook.Step{row.Path, row.Missed} {
			from := row.Place.State
			for _, s := range path {
				if !legal[[2]fsm.State{from, s.To}] {
					t.Errorf("%s in %d: no event leads from %d to %d", row.Fault, row.Place.State, from, s.To)
				}
				from = s.To
			}
		}
		if len(row.Path) > 0 && row.Within == 0 || row.Missed != nil && row.MissedWithin == 0 {
			t.Errorf("%s in %d: how long it takes is not said", row.Fault, row.Place.State)
		}
	}
}
