package daemon_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// plantCodes gives a tenant of a stopped daemon many codes, and answers their tokens. No
// client could make so many so soon.
func plantCodes(t testing.TB, dir, tenant string, n int) (tokens []string) {
	t.Helper()
	s := openStore(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	ch := s.Change()
	for i := range n {
		token := fmt.Sprintf("aaaaaaaaaaaaaaaaaaaa%c%c%c%c", 'a'+i/17576, 'a'+i/676%26, 'a'+i/26%26, 'a'+i%26)
		tokens = append(tokens, token)
		ch.PutQRDL(record.QRDL{
			Tenant: tenant, Code: fmt.Sprintf("%014d", i), Number: number, Message: "hello", Image: "SVG",
			Revision: 1, Token: token, CreatedAt: time.Now(), UpdatedAt: time.Now(),
		})
	}
	if _, err := s.Commit(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return tokens
}

// scanCounts is what the events of a tenant tell of scans: how many events, and how many
// scans of each code.
func (d door) scanCounts(tenant string) (events int, counts map[string]int64) {
	d.t.Helper()
	counts = make(map[string]int64)
	for _, ev := range d.events(tenant, 0) {
		if ev.Type != record.QRDLScanned {
			continue
		}
		fact := detail[record.QRDLFact](d.t, ev)
		events++
		if counts[fact.Code] += fact.Count; counts[fact.Code] != fact.Total || fact.Scans != fact.Total {
			d.t.Errorf("event %d tells %+v after %d scans", ev.Seq, fact, counts[fact.Code])
		}
	}
	return events, counts
}

// TestAFloodOfScans: who opens many links over and over fills neither the log nor the
// way to the receivers: each scan is counted at once, and told of by and by, the last of
// them before the daemon ends.
func TestAFloodOfScans(t *testing.T) {
	const links, rounds = 100, 25
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.tenant("acme")
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	tokens := plantCodes(t, dir, ten.ID, links)
	d = runDaemon(t, dir, nil)
	began := time.Now()
	var wg sync.WaitGroup
	for _, token := range tokens {
		wg.Go(func() {
			for range rounds {
				if status, _, err := opened(d.d.URL() + "/m/" + token); status != http.StatusFound {
					t.Errorf("%d, %v", status, err)
				}
			}
		})
	}
	wg.Wait()
	events, _ := d.scanCounts(ten.ID)
	took := time.Since(began)
	if most := 300 + int(20*took.Seconds()) + 20; events > most {
		t.Errorf("%d scans of %d links were told in %d events within %v; at most %d may be", links*rounds, links, events, took, most)
	}
	judge := func(of []api.QRDL) {
		t.Helper()
		for _, q := range of {
			if q.Total != rounds || q.Scans != rounds {
				t.Errorf("%+v", q)
			}
		}
		if len(of) != links {
			t.Errorf("%d codes", len(of))
		}
	}
	all, err := d.admin.TenantQRDLs(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	judge(all)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	if all, err = d.admin.TenantQRDLs(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	judge(all)
	_, counts := d.scanCounts(ten.ID)
	for _, q := range all {
		if counts[q.Code] != rounds {
			t.Errorf("%d scans of %d were told of %s", counts[q.Code], rounds, q.Code)
		}
	}
}
