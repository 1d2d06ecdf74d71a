package record_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/switchhook/switchhook/record"
)

// TestRevisionsOfACode: each has its scans, those that are forgotten count in all, and
// what was handed out before stays as it was.
func TestRevisionsOfACode(t *testing.T) {
	code := record.QRDL{Code: "A", Message: "0", Revision: 1, Token: "t0", CreatedAt: moment, UpdatedAt: moment}
	const updates = record.MaxPast + 5
	var total int64
	for n := range updates {
		before := code
		held := fmt.Sprintf("%+v", before)
		scanned, former := code.Scanned("acme", code.Revision, int64(n))
		if total += int64(n); former != nil || scanned.Scans != int64(n) || scanned.Total() != total {
			t.Fatalf("revision %d: %d scans, %d in all; want %d and %d", code.Revision, scanned.Scans, scanned.Total(), n, total)
		}
		code = scanned.Next(fmt.Sprint(n+1), "SVG", fmt.Sprintf("t%d", n+1), code.UpdatedAt.Add(1))
		if got := fmt.Sprintf("%+v", before); got != held {
			t.Fatalf("what was there has become %s from %s", got, held)
		}
		if last := code.Past[len(code.Past)-1]; last.Revision != n+1 || last.Scans != int64(n) || !last.From.Equal(before.UpdatedAt) || !last.Until.Equal(code.UpdatedAt) {
			t.Fatalf("remembered as %+v", last)
		}
	}
	if code.Revision != updates+1 || code.Scans != 0 || code.Token != fmt.Sprintf("t%d", updates) || !code.CreatedAt.Equal(moment) {
		t.Errorf("%+v", code)
	}
	if len(code.Past) != record.MaxPast || code.Past[0].Revision != 6 || code.Older != 0+1+2+3+4 || code.Total() != total {
		t.Errorf("%d remembered from %d on, %d older scans, %d in all", len(code.Past), code.Past[0].Revision, code.Older, code.Total())
	}
	for _, c := range []struct {
		revision     int
		scans, older int64
	}{{code.Revision, 2, 10}, {6, 7, 10}, {5, 2, 12}} {
		held := fmt.Sprintf("%+v", code)
		got, former := code.Scanned("acme", c.revision, 2)
		scans := got.Scans
		if former != nil {
			scans = former.Scans
		}
		if scans != c.scans || got.Older != c.older || got.Total() != total+2 || (former != nil) != (c.revision != code.Revision) {
			t.Errorf("revision %d: %d scans, %d older, %d in all", c.revision, scans, got.Older, got.Total())
		}
		if fmt.Sprintf("%+v", code) != held {
			t.Errorf("revision %d: what was there has changed", c.revision)
		}
	}
	want := record.QRDLFact{Tenant: "acme", Code: "A", Revision: updates + 1, Total: total}
	if got := code.Fact("acme"); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

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
