package daemon_test

import (
	"errors"
	"fmt"
	"image/color"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// pairUnder adds an instance of the tenant acme and scans its code.
func (d door) pairUnder(name string) api.Entry {
	d.t.Helper()
	if _, err := d.admin.Add(d.t.Context(), api.AddSpec{Name: name, Tenant: "acme"}); err != nil {
		d.t.Fatal(err)
	}
	d.scan(name)
	return d.find(name)
}

// account answers the account of the tenant acme under a name.
func (d door) account(name string) api.Account {
	d.t.Helper()
	all, err := d.admin.TenantAccounts(d.t.Context(), "acme")
	i := slices.IndexFunc(all, func(a api.Account) bool { return a.UserID == name })
	if err != nil || i < 0 {
		d.t.Fatalf("no account %s of acme: %+v, %v", name, all, err)
	}
	return all[i]
}

// brought waits until every wish of an account is as the states say, in the order of the
// tags.
func (d door) brought(name string, want ...record.WishState) {
	d.t.Helper()
	var got []record.WishState
	d.eventually(fmt.Sprintf("%v of %s", want, name), func() bool {
		got = got[:0]
		for _, w := range d.account(name).Wishes {
			got = append(got, w.State)
		}
		return slices.Equal(got, want)
	})
}

// says is what the account of an instance says of itself, as WhatsApp has it.
func (d door) says(phone string) api.PhoneProfile {
	d.t.Helper()
	p, err := d.admin.Profile(d.t.Context(), phone)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// tolds counts the events of a kind in a stream.
func (d door) tolds(stream string, kind record.Kind) (facts []record.AppliedFact) {
	d.t.Helper()
	for _, ev := range d.events(stream, 0) {
		if ev.Type == kind {
			facts = append(facts, detail[record.AppliedFact](d.t.(*testing.T), ev))
		}
	}
	return facts
}

// TestProfileReachesWhatsApp: what a backend sets is stored at once, brought to WhatsApp
// as soon as the account is connected, told to the callback, and there after a restart.
func TestProfileReachesWhatsApp(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, persistent)
	c := d.chat()
	var posts sync.Map
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts.Store(r.URL.Query().Encode(), true)
		_, _ = fmt.Fprint(w, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`)
	}))
	t.Cleanup(hook.Close)
	if _, err := d.admin.ChangeTenant(t.Context(), "acme", api.TenantChange{Callback: new(hook.URL)}); err != nil {
		t.Fatal(err)
	}
	picture := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(photo(t, color.White)) }))
	t.Cleanup(picture.Close)
	shop := d.pairUnder("shop")
	if other, err := (chatClient{t, d.d.URL(), c.app, c.secret}).ask("profile/portrait_set", portrait("nobody", "Nick", "x")); err != nil || other.ErrorCode != 40003 {
		t.Errorf("of nobody: %+v, %v", other, err)
	}
	c.set("shop", "Nick", "Loja Olá", "SelfSignature", "שלום & 👋", "Image", picture.URL, "Level", 7)
	d.brought("shop", record.WishApplied, record.WishApplied, record.WishApplied)
	if got := d.says(shop.Phone); got.Name != "Loja Olá" || got.About != "שלום & 👋" {
		t.Errorf("WhatsApp has %+v", got)
	}
	if e := d.find("shop"); e.PushName != "Loja Olá" || len(e.Profile) != 3 {
		t.Errorf("the instance shows %q, %+v", e.PushName, e.Profile)
	}
	if own, err := d.admin.Picture(t.Context(), "shop"); err != nil || own.Bytes == 0 {
		t.Errorf("%+v, %v", own, err)
	}
	want := map[string]any{"Nick": "Loja Olá", "SelfSignature": "שלום & 👋", "Image": picture.URL, "Level": 7.0}
	if got := c.get("shop", "Nick", "SelfSignature", "Image", "Level", "Role"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	acc := d.account("shop")
	if applied := d.tolds(acc.ID, record.ProfileApplied); len(applied) != 3 || len(d.tolds(acc.ID, record.ProfileUpdated)) != 1 {
		t.Errorf("told %+v", applied)
	}
	d.eventually("the callback", func() bool {
		_, ok := posts.Load(fmt.Sprintf("CallbackCommand=Profile.CallbackPortraitSet&ClientIP=0.0.0.0&OptPlatform=RESTAPI&SdkAppid=%d&contenttype=json", c.app))
		return ok
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, persistent)
	c.url = d.d.URL()
	d.reach("shop", fsm.Authenticated)
	if got := c.get("shop", "Nick", "SelfSignature", "Image", "Level"); !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart: %v", got)
	}
	c.set("shop", "Nick", "Loja Olá") // as it is
	c.set("shop", "SelfSignature", "")
	d.eventually("the empty text", func() bool { return len(d.tolds(acc.ID, record.ProfileApplied)) >= 4 })
	if applied := d.tolds(acc.ID, record.ProfileApplied); len(applied) != 4 || applied[3].Tag != record.TagSelfSignature || d.says(shop.Phone).About != "" {
		t.Errorf("what had not changed was brought again: %+v", applied)
	}
}

// TestProfileWaitsForItsConnection: ten thousand changes of an account that is not
// connected come to WhatsApp as one.
func TestProfileWaitsForItsConnection(t *testing.T) {
	d := runDaemon(t, shortDir(t), persistent)
	c := d.chat()
	shop := d.pairUnder("shop")
	if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	const changes, writers = 10_000, 64
	acme, err := d.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	// Behind the dialect: it takes 200 a second.
	var wg sync.WaitGroup
	var n atomic.Int64
	for range writers {
		wg.Go(func() {
			for i := n.Add(1); i < changes; i = n.Add(1) {
				err := d.d.SetProfile(t.Context(), acme.ID, "shop", []record.Field{
					{Tag: record.TagNick, Text: fmt.Sprintf("Nick %d", i)}, {Tag: record.TagSelfSignature, Text: fmt.Sprintf("About %d", i)},
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	c.set("shop", "Nick", "last", "SelfSignature", "the last")
	acc := d.account("shop")
	if acc.Seq != changes || len(acc.Wishes) != 2 || acc.Wishes[0].State != record.WishPending || acc.Wishes[1].State != record.WishPending {
		t.Errorf("%d events, wishes %+v", acc.Seq, acc.Wishes)
	}
	if _, err := d.admin.Restore(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	d.brought("shop", record.WishApplied, record.WishApplied)
	if got := d.says(shop.Phone); got.Name != "last" || got.About != "the last" {
		t.Errorf("WhatsApp has %+v", got)
	}
	if applied := d.tolds(acc.ID, record.ProfileApplied); len(applied) != 2 {
		t.Errorf("told %d applications: %+v", len(applied), applied)
	}
}

// TestProfileThatWhatsAppDoesNotTake: what cannot be says so and is left; what may be
// later is tried again; and another value takes its place.
func TestProfileThatWhatsAppDoesNotTake(t *testing.T) {
	d := runDaemon(t, shortDir(t), persistent)
	c := d.chat()
	shop := d.pairUnder("shop")
	before := d.says(shop.Phone)
	c.set("shop", "Nick", strings.Repeat("x", 26), "Image", "http://10.0.0.1/inside.jpg", "SelfSignature", strings.Repeat("é", 140))
	d.brought("shop", record.WishRefused, record.WishRefused, record.WishRefused)
	if got := d.says(shop.Phone); got != before {
		t.Errorf("WhatsApp has %+v", got)
	}
	for _, w := range d.find("shop").Profile {
		if w.Problem == "" || strings.Contains(w.Problem, "10.0.0.1/") || strings.Contains(w.Problem, "xxx") {
			t.Errorf("%s is refused: %q", w.Tag, w.Problem)
		}
	}
	if told := d.tolds(d.account("shop").ID, record.ProfileApplied); len(told) != 3 || told[0].State != record.WishRefused || told[0].Problem == "" {
		t.Errorf("told %+v", told)
	}
	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: shop.Phone, Profiles: "refused"}); err != nil {
		t.Fatal(err)
	}
	c.set("shop", "SelfSignature", "later")
	d.eventually("a first try", func() bool {
		w := d.account("shop").Wishes[2]
		return w.State == record.WishPending && w.Tries == 1 && !w.NextTry.IsZero() && w.Problem != ""
	})
	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: shop.Phone}); err != nil {
		t.Fatal(err)
	}
	c.set("shop", "SelfSignature", "now")
	d.eventually("the text", func() bool { return d.says(shop.Phone).About == "now" })
}

// TestImportedAccount: a profile that was there before its instance comes to WhatsApp
// with it, and outlives it; that of an instance goes with it.
func TestImportedAccount(t *testing.T) {
	d := runDaemon(t, shortDir(t), persistent)
	c := d.chat()
	c.command("im_open_login_svc/account_import", map[string]any{"UserID": "shop", "Nick": "Early"})
	d.pairUnder("desk")
	check := map[string]any{"CheckItem": []map[string]any{{"UserID": "shop"}, {"UserID": "desk"}, {"UserID": "nobody"}}}
	for i, r := range c.command("im_open_login_svc/account_check", check).ResultItem {
		if want := []string{"Imported", "Imported", "NotImported"}[i]; r.AccountStatus != want {
			t.Errorf("%+v, want %s", r, want)
		}
	}
	shop := d.pairUnder("shop")
	d.brought("shop", record.WishApplied)
	if got := d.says(shop.Phone); got.Name != "Early" {
		t.Errorf("WhatsApp has %+v", got)
	}
	c.set("desk", "Role", 3)
	desk := d.account("desk")
	for _, name := range []string{"shop", "desk"} {
		if _, err := d.admin.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		d.eventually("the end of "+name, func() bool {
			all, err := d.admin.List(t.Context())
			return err == nil && !slices.ContainsFunc(all, func(e api.Entry) bool { return e.Name == name })
		})
	}
	if got := c.get("shop", "Nick"); got["Nick"] != "Early" {
		t.Errorf("the imported account has %v", got)
	}
	if got, err := c.ask("profile/portrait_set", portrait("desk", "Role", 4)); err != nil || got.ErrorCode != 40003 {
		t.Errorf("the account of a deleted instance: %+v, %v", got, err)
	}
	if _, err := d.admin.Events(t.Context(), desk.ID, client.Look{}); err == nil {
		t.Error("the events of an account that is gone can be read")
	}
	again := d.pairUnder("shop") // another phone, perhaps
	d.eventually("the name on another phone", func() bool { return d.says(again.Phone).Name == "Early" })
}

// TestProfilesOfManyWriters: whoever writes at once, each change is whole.
func TestProfilesOfManyWriters(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	c := d.chat()
	c.command("im_open_login_svc/account_import", map[string]any{"UserID": "shop"})
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			text := fmt.Sprint(n)
			got, err := c.ask("profile/portrait_set", portrait("shop", "Nick", text, "SelfSignature", text, "Image", "https://example.org/"+text))
			if err != nil || got.ErrorCode != 0 {
				t.Errorf("%+v, %v", got, err)
			}
			bad, err := c.ask("profile/portrait_set", portrait("shop", "Nick", "bad", "Level", "high"))
			if err != nil || bad.ErrorCode != 40610 {
				t.Errorf("%+v, %v", bad, err)
			}
			if now := c.get("shop", "Nick", "SelfSignature", "Image"); now["Nick"] != now["SelfSignature"] || now["Image"] != "https://example.org/"+fmt.Sprint(now["Nick"]) {
				t.Errorf("half a change: %v", now)
			}
		})
	}
	wg.Wait()
	if acc := d.account("shop"); acc.Seq != 64 {
		t.Errorf("%d events", acc.Seq)
	}
	if _, err := d.admin.DeleteTenant(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	if _, err := d.admin.TenantAccounts(t.Context(), "acme"); !errors.Is(err, api.ErrNoTenant) {
		t.Error(err)
	}
}
