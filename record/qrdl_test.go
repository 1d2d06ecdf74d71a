package record_test

import (
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestScansAreToldOnce: whatever revision is scanned, and whenever it is told, the events
// tell each scan once and in the order of their totals.
func TestScansAreToldOnce(t *testing.T) {
	q := record.QRDL{Code: "C", Revision: 1}
	var counted int64
	told := func(f record.QRDLFact, revision int, count, scans int64) {
		t.Helper()
		if counted += f.Count; f.Total != counted || f.Revision != revision || f.Count != count || f.Scans != scans || f.Tenant != "acme" {
			t.Errorf("%+v after %d; want revision %d, %d of %d", f, counted, revision, count, scans)
		}
	}
	scan := func(revision int, times int64) *record.QRDLFact {
		t.Helper()
		was := q
		var former *record.QRDLFact
		q, former = q.Scanned("acme", revision, times)
		if was.Total()+times != q.Total() {
			t.Errorf("%d scans are %d", was.Total(), q.Total())
		}
		return former
	}
	tell := func() (f record.QRDLFact) { q, f = q.Told("acme"); return f }

	scan(1, 2)
	if former := scan(1, 3); former != nil {
		t.Errorf("told at once: %+v", former)
	}
	told(tell(), 1, 5, 5)
	q = q.Next("m", "PNG", "t", q.CreatedAt)
	scan(2, 7)
	told(*scan(1, 1), 1, 1, 6) // a late one; the seven are not told yet
	told(tell(), 2, 7, 7)
	q.Past = nil // it is not remembered any more
	q.Older = 6
	told(*scan(1, 4), 1, 4, 4)
	if scan(2, 1); q.Untold != 1 || q.Scans != 8 {
		t.Errorf("%+v", q)
	}
	told(tell(), 2, 1, 8)
}
