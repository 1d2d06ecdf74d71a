package daemon_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// number is one that an operator has registered.
const number = "5511955550099"

// leads fails unless a link opens a chat with the number and a message.
func leads(t *testing.T, link, message string) {
	t.Helper()
	status, to := follow(t, link)
	u, err := url.Parse(to)
	if err != nil || status != http.StatusFound || u.Host != "wa.me" || u.Path != "/"+number || u.Query().Get("text") != message {
		t.Errorf("the link answers %d %s, %v; want %s and %q", status, to, err, number, message)
	}
}

// over fails unless a link and an image are known to be old.
func over(t *testing.T, q qrdl) {
	t.Helper()
	for _, address := range []string{q.DeepLinkURL, q.QrImageURL} {
		if status, to := follow(t, address); status != http.StatusGone || to != "" {
			t.Errorf("an old address answers %d %s", status, to)
		}
	}
}

// TestMessageCodes walks a code through its life, over restarts: at each moment its
// newest link works and all others are known to be old, what happened is told once and
// in order, and nothing of it is at anybody else's disposal.
func TestMessageCodes(t *testing.T) {
	dir := shortDir(t)
	s := newSink(t)
	d := runDaemon(t, dir, persistent)
	acme, other := d.tenant("acme"), d.tenant("other")
	d.register("acme")
	d.endpoint(api.EndpointSpec{Name: "erp", Tenant: "acme", EndpointChange: at(s.url("erp"))})
	d.endpoint(api.EndpointSpec{Name: "all", EndpointChange: at(s.url("all"))})
	d.endpoint(api.EndpointSpec{Name: "else", Tenant: "other", EndpointChange: at(s.url("else"))})
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}

	first := acme.create("שלום & (a+b)*c~!\r\n👨‍👩‍👧 100%")
	leads(t, first.DeepLinkURL, "שלום & (a+b)*c~!\r\n👨‍👩‍👧 100%")
	second := acme.update(first, "Olá")
	if second.QrdlCode != first.QrdlCode || second.DeepLinkURL == first.DeepLinkURL || second.GenerateQrImage != "PNG" {
		t.Errorf("%+v after %+v", second, first)
	}
	over(t, first)
	leads(t, second.DeepLinkURL, "Olá")

	restart := func() {
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
		d = runDaemon(t, dir, persistent)
		acme.url, other.url = d.d.URL(), d.d.URL()
		for _, q := range []*qrdl{&first, &second} { // the port is another
			for _, address := range []*string{&q.DeepLinkURL, &q.QrImageURL} {
				*address = acme.url + (*address)[strings.Index(*address, "/m/"):]
			}
		}
	}
	restart()
	over(t, first)
	leads(t, second.DeepLinkURL, "Olá")
	if all := acme.call("ListPhoneMessageQrdl", "PhoneNumber", number).all(t); len(all) != 1 || all[0] != second {
		t.Errorf("listed %+v", all)
	}
	for action, params := range map[string][]string{
		"ListPhoneMessageQrdl":   {"PhoneNumber", number},
		"DeletePhoneMessageQrdl": {"PhoneNumber", number, "QrdlCode", first.QrdlCode},
		"UpdatePhoneMessageQrdl": {"PhoneNumber", number, "QrdlCode", first.QrdlCode, "PrefilledMessage", "x", "GenerateQrImage", "PNG"},
		"CreatePhoneMessageQrdl": {"PhoneNumber", number, "PrefilledMessage", "x", "GenerateQrImage", "PNG"},
	} {
		if got := other.call(action, params...); got.Status != http.StatusBadRequest || got.Code != "Unknown.ResourceOwnerId" {
			t.Errorf("%s of somebody else: %+v", action, got)
		}
	}
	if got := acme.call("DeletePhoneMessageQrdl", "PhoneNumber", number, "QrdlCode", first.QrdlCode); got.Status != http.StatusOK || len(got.Data) > 0 {
		t.Errorf("delete: %+v", got)
	}
	over(t, second)
	restart()
	over(t, first)
	over(t, second)
	if status, _ := follow(t, acme.url+"/m/abcdefghijklmnopqrstuvwx"); status != http.StatusNotFound {
		t.Errorf("what never was a link answers %d", status)
	}

	events := d.events(ten.ID, 0)
	var told []record.Kind
	for _, ev := range events {
		told = append(told, ev.Type)
	}
	want := []record.Kind{record.QRDLCreated, record.QRDLScanned, record.QRDLUpdated, record.QRDLScanned, record.QRDLScanned, record.QRDLDeleted}
	if !slices.Equal(told, want) {
		t.Errorf("told %s; want %s", told, want)
	}
	for name, path := range map[string]string{"erp": "the tenant's", "all": "the daemon's"} {
		s.awaitSeq(name, ten.ID, uint64(len(events)))
		if seqs, repeated := s.checkChain(name, ten.ID, 0); len(seqs) != len(events) || repeated > 2 {
			t.Errorf("%s endpoint got %v of %d", path, seqs, len(events))
		}
	}
	if got := s.of("else", ten.ID); len(got) != 0 {
		t.Errorf("another tenant was told %d events", len(got))
	}
}

// TestScansAreCounted, each once, whatever comes at once, without an event for each.
func TestScansAreCounted(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	acme := d.tenant("acme")
	d.register("acme")
	q := acme.create("hello")
	const each, many = 25, 8
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			for range each {
				if status, _, err := opened(q.DeepLinkURL); status != http.StatusFound {
					t.Errorf("%d, %v", status, err)
				}
			}
		})
	}
	wg.Wait()
	second := acme.update(q, "again")
	_, _ = follow(t, q.DeepLinkURL) // is not one
	_, _ = follow(t, second.DeepLinkURL)
	for _, no := range []func() (*http.Response, error){
		func() (*http.Response, error) { return web.Get(second.QrImageURL) },
		func() (*http.Response, error) {
			return http.DefaultTransport.RoundTrip(request(t, http.MethodHead, second.DeepLinkURL))
		},
	} {
		res, err := no()
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	all, err := d.admin.TenantQRDLs(t.Context(), "acme")
	if err != nil || len(all) != 1 || all[0].Revision != 2 || all[0].Scans != 1 || all[0].Total != each*many+1 ||
		len(all[0].Past) != 1 || all[0].Past[0].Revision != 1 || all[0].Past[0].Scans != each*many {
		t.Errorf("%+v, %v", all, err)
	}
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil || ten.QRDLs != 1 {
		t.Fatalf("%+v, %v", ten, err)
	}
	var counted, events int64
	for _, ev := range d.events(ten.ID, 0) {
		if ev.Type == record.QRDLScanned {
			fact := detail[record.QRDLFact](t, ev)
			counted, events = counted+fact.Count, events+1
			if fact.Code != q.QrdlCode || fact.Number != number || fact.Tenant != "acme" || fact.Total != counted {
				t.Errorf("told %+v after %d scans", fact, counted)
			}
		}
	}
	if counted != each*many+1 || events > each*many/4 {
		t.Errorf("%d scans were told in %d events", counted, events)
	}
}

// TestScansBeforeADelete are counted, though others wait to be stored with them.
func TestScansBeforeADelete(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	acme := d.tenant("acme")
	d.register("acme")
	q := acme.create("hello")
	ten, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = follow(t, q.DeepLinkURL) // those that follow wait a moment
	d.d.Scan(q.QrdlCode, 1)
	d.d.Scan(q.QrdlCode, 1)
	if got := acme.call("DeletePhoneMessageQrdl", "PhoneNumber", number, "QrdlCode", q.QrdlCode); got.Code != "OK" {
		t.Fatalf("%+v", got)
	}
	events := d.events(ten.ID, 0)
	last := events[len(events)-1]
	if fact := detail[record.QRDLFact](t, last); last.Type != record.QRDLDeleted || fact.Total != 3 {
		t.Errorf("%d events, the last %s %+v", len(events), last.Type, fact)
	}
}

// TestUpdatesAtOnce: of 64 updates of a code exactly one is live in the end, and at no
// moment does neither the newest link nor the one before it answer properly.
func TestUpdatesAtOnce(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	clients := []camsClient{d.tenant("acme")}
	d.register("acme")
	const updates = 64
	for range updates/5 + 1 { // the rate of one allows no more
		key, err := d.admin.AddKey(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, d.cams(key))
	}
	first := clients[0].create("0")

	done := make(chan struct{})
	var watch sync.WaitGroup
	for range 2 {
		watch.Go(func() { follows(t, d, first, done) })
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]string{first.DeepLinkURL: first.PrefilledMessage} // by link
	for n := range updates {
		wg.Go(func() {
			c := clients[1+n/5]
			r, err := c.key.V3(http.MethodPost, c.url, "UpdatePhoneMessageQrdl", map[string]string{
				"PhoneNumber": number, "QrdlCode": first.QrdlCode, "GenerateQrImage": "SVG", "PrefilledMessage": fmt.Sprint(n + 1),
			})
			if err != nil {
				t.Error(err)
				return
			}
			got, err := c.send(r)
			if err != nil || got.Status != http.StatusOK {
				t.Errorf("update %d: %+v, %v", n+1, got, err)
				return
			}
			q := got.one(t)
			mu.Lock()
			defer mu.Unlock()
			if _, twice := answers[q.DeepLinkURL]; twice || q.PrefilledMessage != fmt.Sprint(n+1) {
				t.Errorf("update %d answers %+v", n+1, q)
			}
			answers[q.DeepLinkURL] = q.PrefilledMessage
		})
	}
	wg.Wait()
	close(done)
	watch.Wait()
	live := 0
	for link, message := range answers {
		switch status, _ := follow(t, link); status {
		case http.StatusFound:
			live++
			leads(t, link, message)
		case http.StatusGone:
		default:
			t.Errorf("a link answers %d", status)
		}
	}
	all, err := d.admin.TenantQRDLs(t.Context(), "acme")
	if live != 1 || len(answers) != updates+1 || err != nil || len(all) != 1 || all[0].Revision != updates+1 {
		t.Errorf("%d of %d links are live; %+v, %v", live, len(answers), all, err)
	}
}

// follows looks up the newest link of a code and opens it, until done: where it is old
// already there is a newer one, and that has another revision.
func follows(t *testing.T, d *rig, q qrdl, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		before := newest(t, d)
		status, to, err := opened(before.Link)
		switch {
		case err != nil:
			t.Error(err)
		case status == http.StatusFound && strings.Contains(to, "wa.me/"+number+"?text="+before.Message):
		case status == http.StatusGone && newest(t, d).Revision > before.Revision:
		default:
			t.Errorf("revision %d of %s answers %d %s", before.Revision, q.QrdlCode, status, to)
			return
		}
	}
}

func newest(t *testing.T, d *rig) api.QRDL {
	all, err := d.admin.TenantQRDLs(t.Context(), "acme")
	if err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
		return api.QRDL{}
	}
	return all[0]
}

// TestNoncesOutliveTheDaemon: a call that was answered is refused when somebody repeats
// it, at once and after a restart; also one that was refused.
func TestNoncesOutliveTheDaemon(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	acme := d.tenant("acme")
	d.register("acme")
	host := strings.TrimPrefix(acme.url, "http://")
	repeat := func(want int, code string, reads func(*http.Request) *http.Request, r *http.Request) {
		t.Helper()
		got, err := acme.send(reads(r.Clone(t.Context())))
		if err != nil || got.Status != want || got.Code != code {
			t.Errorf("%+v, %v; want %d %s", got, err, want, code)
		}
	}
	var calls []*http.Request
	for _, phone := range []string{number, "5511955550000"} {
		for _, sign := range []func(string, string, string, map[string]string) (*http.Request, error){acme.key.V3, acme.key.V1} {
			r, err := sign(http.MethodGet, acme.url, "ListPhoneMessageQrdl", map[string]string{"PhoneNumber": phone})
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, r)
		}
	}
	here := func(r *http.Request) *http.Request { return r }
	for n, r := range calls {
		if n < 2 {
			repeat(http.StatusOK, "OK", here, r)
		} else {
			repeat(http.StatusBadRequest, "Unknown.ResourceOwnerId", here, r)
		}
		repeat(http.StatusBadRequest, "SignatureNonceUsed", here, r)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	moved := func(r *http.Request) *http.Request { // it listens on another port, and the host was signed
		r.Host = host
		r.URL.Host = strings.TrimPrefix(d.d.URL(), "http://")
		return r
	}
	for _, r := range calls {
		repeat(http.StatusBadRequest, "SignatureNonceUsed", moved, r)
	}
}

// TestNumbersOfATenant: what its instances are paired with, and what was registered, for
// as long as it is so.
func TestNumbersOfATenant(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	d.tenant("acme")
	may := func(phone string) bool {
		t.Helper()
		key, err := d.admin.AddKey(t.Context(), "acme") // one key may not ask so often
		if err != nil {
			t.Fatal(err)
		}
		got := d.cams(key).call("ListPhoneMessageQrdl", "PhoneNumber", phone)
		if got.Status != http.StatusOK && got.Code != "Unknown.ResourceOwnerId" {
			t.Fatalf("%+v", got)
		}
		if _, err := d.admin.DeleteKey(t.Context(), "acme", key.ID); err != nil {
			t.Fatal(err)
		}
		return got.Status == http.StatusOK
	}
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	if e := d.add("mine", ""); e.Tenant != record.DefaultTenant {
		t.Errorf("an instance of no tenant is under %q", e.Tenant)
	}
	d.scan("shop")
	d.scan("mine")
	paired, others := d.find("shop").Phone, d.find("mine").Phone
	if !may(paired) || may(others) || may(number) {
		t.Errorf("may use: its own %t, another's %t, nobody's %t", may(paired), may(others), may(number))
	}
	d.register("acme")
	if _, err := d.admin.AddNumber(t.Context(), record.DefaultTenant, number); err == nil || !strings.Contains(err.Error(), "acme") {
		t.Errorf("registered for two: %v", err)
	}
	if !may(number) {
		t.Error("may not use a registered number")
	}
	if ten, err := d.admin.RemoveNumber(t.Context(), "acme", number); err != nil || len(ten.Numbers) != 1 || ten.Numbers[0].Instance != "shop" {
		t.Errorf("%+v, %v", ten, err)
	}
	if may(number) {
		t.Error("may use a number that was taken back")
	}
	if _, err := d.admin.Disconnect(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if may(paired) {
		t.Error("may use a number that its instance has no more")
	}
}

// TestTenantsStay: what was set is there after a restart, and a tenant goes only when
// nothing needs it.
func TestTenantsStay(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	acme := d.tenant("acme")
	d.register("acme")
	def, err := d.admin.Tenant(t.Context(), record.DefaultTenant)
	if err != nil || !def.Subscribed || len(def.Keys) != 0 || !strings.HasPrefix(def.SpaceID, "cams-") {
		t.Errorf("the default tenant is %+v, %v", def, err)
	}
	old := acme
	next, err := d.admin.RotateAccessKey(t.Context(), "acme", acme.key.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	acme = d.cams(next)
	gone, err := d.admin.AddKey(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.ChangeKey(t.Context(), "acme", gone.ID, api.KeyChange{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.ChangeKey(t.Context(), "acme", old.key.ID, api.KeyChange{Deny: &[]string{"cams:CreatePhoneMessageQrdl"}}); err != nil {
		t.Fatal(err)
	}
	q := acme.create("hello")
	before, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	acme.url, old.url = d.d.URL(), d.d.URL()
	if after, err := d.admin.Tenant(t.Context(), "acme"); err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%+v\nwas %+v, %v", after, before, err)
	}
	if after, err := d.admin.Tenant(t.Context(), record.DefaultTenant); err != nil || after.ID != def.ID || after.SpaceID != def.SpaceID {
		t.Errorf("the default tenant is %+v, %v; was %+v", after, err, def)
	}
	denied := old.call("CreatePhoneMessageQrdl", "PhoneNumber", number, "PrefilledMessage", "x", "GenerateQrImage", "PNG")
	listed := old.call("ListPhoneMessageQrdl", "PhoneNumber", number)
	if denied.Code != "Ram.PermissionDeny" || listed.Code != "OK" {
		t.Errorf("a key that may only list: %+v, %+v", denied, listed)
	}
	if got := d.cams(gone).call("ListPhoneMessageQrdl", "PhoneNumber", number); got.Code != "InvalidAccessKeyId.Inactive" {
		t.Errorf("a disabled key: %+v", got)
	}
	if _, err := d.admin.ChangeTenant(t.Context(), "acme", api.TenantChange{Subscribed: new(false)}); err != nil {
		t.Fatal(err)
	}
	if got := acme.call("ListPhoneMessageQrdl", "PhoneNumber", number); got.Code != "Product.Unsubscript" {
		t.Errorf("unsubscribed: %+v", got)
	}
	if _, err := d.admin.ChangeTenant(t.Context(), "acme", api.TenantChange{Subscribed: new(true)}); err != nil {
		t.Fatal(err)
	}

	refused := func(name, why string) {
		t.Helper()
		if _, err := d.admin.DeleteTenant(t.Context(), name); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s is deleted though it has %s: %v", name, why, err)
		}
	}
	refused(record.DefaultTenant, "default")
	refused("acme", "message QR codes")
	if got := acme.call("DeletePhoneMessageQrdl", "PhoneNumber", number, "QrdlCode", q.QrdlCode); got.Code != "OK" {
		t.Fatalf("%+v", got)
	}
	s := newSink(t)
	d.endpoint(api.EndpointSpec{Name: "erp", Tenant: "acme", EndpointChange: at(s.url("erp"))})
	refused("acme", "endpoints")
	if _, err := d.admin.RemoveEndpoint(t.Context(), "@acme/erp"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Add(t.Context(), api.AddSpec{Name: "shop", Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	refused("acme", "instance shop")
	if _, err := d.admin.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	d.eventually("the tenant's end", func() bool {
		_, err := d.admin.DeleteTenant(t.Context(), "acme")
		return err == nil
	})
	if _, err := d.admin.Tenant(t.Context(), "acme"); !errors.Is(err, api.ErrNoTenant) {
		t.Errorf("a deleted tenant: %v", err)
	}
	if got := acme.call("ListPhoneMessageQrdl", "PhoneNumber", number); got.Code != "InvalidAccessKeyId.NotFound" {
		t.Errorf("the key of a deleted tenant: %+v", got)
	}
	if _, err := d.admin.Events(t.Context(), before.ID, client.Look{}); err == nil {
		t.Error("the events of a deleted tenant can be read")
	}
	d.tenant("acme") // the name is free
}

// detail reads the fact of an event.
func detail[T any](t testing.TB, ev client.Event) (fact T) {
	t.Helper()
	if err := json.Unmarshal(ev.Data.Detail, &fact); err != nil {
		t.Fatalf("%s: %v", ev.Data.Detail, err)
	}
	return fact
}

func request(t *testing.T, method, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
