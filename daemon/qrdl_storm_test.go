package daemon_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/cams/camstest"
	"github.com/switchhook/switchhook/record"
)

// storm is what the clients of a tenant are answered while all of its doors are used at
// once.
type storm struct {
	t      testing.TB
	client camsClient // its key is the next of keys

	mu    sync.Mutex
	keys  []camstest.Key      // guarded by mu; those that sign, the one that was used last in front
	links map[string][]string // guarded by mu; the tokens that were answered, by code
	gone  map[string]bool     // guarded by mu; codes whose deletion was answered

	scans atomic.Int64 // that were sent on their way
}

// next answers a client with a key that has waited the longest.
func (s *storm) next() camsClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys[1:], s.keys[0])
	c := s.client
	c.key = s.keys[0]
	return c
}

// ask makes a call until it is not throttled, with whatever key signs then. It answers
// none where the code has gone.
func (s *storm) ask(action string, params ...string) (got answered, ok bool) {
	for pace := time.NewTicker(20 * time.Millisecond); ; <-pace.C {
		c := s.next()
		r, err := c.key.V3(http.MethodPost, c.url, action, pairs(append(params, "PhoneNumber", number)))
		if err != nil {
			s.t.Error(err)
			return got, false
		}
		switch got, err = c.send(r); {
		case err != nil:
			s.t.Errorf("%s: %v", action, err)
			return got, false
		case got.Status == http.StatusOK:
			return got, true
		case got.Code == "InvalidQrdlCode":
			return got, false
		case !slices.Contains([]string{"Throttling.User", "InvalidAccessKeyId.Inactive", "InvalidAccessKeyId.NotFound"}, got.Code):
			s.t.Errorf("%s: %+v", action, got)
			return got, false
		}
	}
}

// answers notes the link of a code that was made or updated.
func (s *storm) answers(got answered) qrdl {
	q := got.one(s.t)
	_, token, _ := strings.Cut(q.DeepLinkURL, "/m/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links[q.QrdlCode] = append(s.links[q.QrdlCode], token)
	return q
}

func (s *storm) create() qrdl {
	got, _ := s.ask("CreatePhoneMessageQrdl", "GenerateQrImage", "SVG", "PrefilledMessage", "hello")
	return s.answers(got)
}

func (s *storm) update(code, message string) {
	if got, ok := s.ask("UpdatePhoneMessageQrdl", "QrdlCode", code, "GenerateQrImage", "PNG", "PrefilledMessage", message); ok {
		s.answers(got)
	}
}

func (s *storm) remove(code string) {
	if _, ok := s.ask("DeletePhoneMessageQrdl", "QrdlCode", code); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gone[code] = true
	}
}

// open follows the newest link that was answered of a code: it is live, or there is a
// newer one, or none.
func (s *storm) open(code string) {
	s.mu.Lock()
	links := s.links[code]
	s.mu.Unlock()
	switch status, _, err := opened(s.client.url + "/m/" + links[len(links)-1]); {
	case status == http.StatusFound:
		s.scans.Add(1)
	case status != http.StatusGone:
		s.t.Errorf("a link answers %d, %v", status, err)
	}
}

// rotate replaces every key, one after the other.
func (s *storm) rotate(d *rig) {
	s.mu.Lock()
	keys := slices.Clone(s.keys)
	s.mu.Unlock()
	for _, old := range keys {
		key, err := d.admin.RotateAccessKey(context.Background(), "acme", old.ID, 0)
		if err != nil {
			s.t.Error(err)
			return
		}
		s.mu.Lock()
		s.keys[slices.IndexFunc(s.keys, func(k camstest.Key) bool { return k.ID == old.ID })] = camstest.Key{ID: key.ID, Secret: key.Secret}
		s.mu.Unlock()
		if _, err := d.admin.DeleteKey(context.Background(), "acme", old.ID); err != nil {
			s.t.Error(err)
		}
	}
}

// TestStormOnATenant updates, opens, deletes and makes codes and rotates the keys that do
// it, all at once, and then tries to delete the tenant all along while its codes go. What
// was answered holds in the end, in memory and on disk, and of the tenant nothing is left.
func TestStormOnATenant(t *testing.T) {
	const codes, updaters = 4, 64
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	s := &storm{t: t, client: d.tenant("acme"), links: make(map[string][]string), gone: make(map[string]bool)}
	d.register("acme")
	s.keys = append(s.keys, s.client.key)
	for range 13 { // sixteen may be, and a rotation has one more
		key, err := d.admin.AddKey(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		s.keys = append(s.keys, camstest.Key{ID: key.ID, Secret: key.Secret})
	}
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for range codes {
		all = append(all, s.create().QrdlCode)
	}

	var work, watch sync.WaitGroup
	stop := make(chan struct{})
	for i := range updaters {
		work.Go(func() { s.update(all[i%codes], fmt.Sprint(i)) })
	}
	for i := range 8 {
		watch.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
					s.open(all[n%codes])
				}
			}
		})
	}
	work.Go(func() { s.rotate(d) })
	work.Go(func() { s.remove(all[0]) })
	work.Go(func() {
		for range 4 {
			s.remove(s.create().QrdlCode)
		}
	})
	watch.Go(func() { // it has codes
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := d.admin.DeleteTenant(context.Background(), "acme"); err == nil {
				t.Error("the tenant is deleted, with codes")
				return
			}
		}
	})
	work.Wait()
	close(stop)
	watch.Wait()

	live := s.judge(d, ten.ID)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	s.client.url = d.d.URL()
	if again := s.judge(d, ten.ID); !slices.Equal(again, live) {
		t.Errorf("%v are there after a restart, of %v", again, live)
	}
	s.told(d, ten.ID)

	for _, code := range live {
		work.Go(func() { s.open(code) })
		work.Go(func() { s.remove(code) })
	}
	d.eventually("the tenant's end", func() bool {
		_, err := d.admin.DeleteTenant(t.Context(), "acme")
		return err == nil
	})
	work.Wait()
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	left := stored(t, dir)
	tenants, err1 := left.Tenants()
	rest, err2 := left.QRDLs()
	events, err3 := left.Events(ten.ID, 0, 10)
	if len(tenants) != 1 || len(rest) != 0 || len(events) != 0 || err1 != nil || err2 != nil || err3 != nil {
		t.Errorf("left are %d tenants, %d codes, %d events; %v, %v, %v", len(tenants), len(rest), len(events), err1, err2, err3)
	}
}

// judge holds the codes and the links that there are against what was answered, and
// answers the codes.
func (s *storm) judge(d *rig, tenant string) (live []string) {
	s.t.Helper()
	all, err := d.admin.TenantQRDLs(context.Background(), "acme")
	if err != nil {
		s.t.Fatal(err)
	}
	newest := make(map[string]string)
	for _, q := range all {
		live = append(live, q.Code)
		_, newest[q.Code], _ = strings.Cut(q.Link, "/m/")
		if q.Revision != len(s.links[q.Code]) || !slices.Contains(s.links[q.Code], newest[q.Code]) || s.gone[q.Code] {
			s.t.Errorf("%+v; answered were %v", q, s.links[q.Code])
		}
	}
	if len(live)+len(s.gone) != len(s.links) {
		s.t.Errorf("%d codes are there and %d are gone, of %d", len(live), len(s.gone), len(s.links))
	}
	for code, tokens := range s.links {
		for _, token := range tokens {
			want := http.StatusGone
			if token == newest[code] {
				want = http.StatusFound
				s.scans.Add(1)
			}
			if status, _ := follow(s.t, s.client.url+"/m/"+token); status != want {
				s.t.Errorf("a link answers %d, want %d", status, want)
			}
		}
	}
	slices.Sort(live)
	return live
}

// told holds the events against what was answered, once all is told.
func (s *storm) told(d *rig, tenant string) {
	s.t.Helper()
	counts, revisions := make(map[string]int64), make(map[string]int)
	over := make(map[string]bool)
	var scans int64
	for _, ev := range d.events(tenant, 0) {
		fact := detail[record.QRDLFact](s.t, ev)
		switch ev.Type {
		case record.QRDLScanned:
			scans += fact.Count
			counts[fact.Code] += fact.Count
		case record.QRDLCreated, record.QRDLUpdated:
			if revisions[fact.Code]++; revisions[fact.Code] != fact.Revision {
				s.t.Errorf("event %d tells revision %d after %d", ev.Seq, fact.Revision, revisions[fact.Code]-1)
			}
		case record.QRDLDeleted:
			over[fact.Code] = true
			continue
		}
		if fact.Total != counts[fact.Code] || over[fact.Code] {
			s.t.Errorf("event %d tells %+v after %d scans; deleted: %t", ev.Seq, fact, counts[fact.Code], over[fact.Code])
		}
	}
	var counted int64
	all, err := d.admin.TenantQRDLs(context.Background(), "acme")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, q := range all {
		counted += q.Total - counts[q.Code]
	}
	if len(over) != len(s.gone) || len(revisions) != len(s.links) || counted != 0 {
		s.t.Errorf("told were %d codes, %d deletions; %d scans of codes that are there are not told", len(revisions), len(over), counted)
	}
	// Who opened a link while its code was deleted is sent on and not counted.
	if sent := s.scans.Load(); scans > sent || scans < sent-int64(len(over)*8) {
		s.t.Errorf("%d scans were told of %d", scans, sent)
	}
}
