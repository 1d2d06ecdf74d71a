package daemon_test

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// app answers the tenant of an SDKAppID as the daemon has it now.
func (r *rig) app(app int64) record.Tenant {
	r.t.Helper()
	ten, err := r.d.ChatApp(context.Background(), app)
	if err != nil || ten.Chat == nil || ten.Chat.App != app {
		r.t.Fatalf("the app %d: %+v, %v", app, ten, err)
	}
	return ten
}

var secretKey = regexp.MustCompile(`^[0-9a-f]{64}$`)

// TestApps walks the apps of tenants through their life, over restarts.
func TestApps(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	acme, err := d.admin.AddTenant(t.Context(), api.TenantSpec{Name: "acme"})
	if err != nil || !secretKey.MatchString(acme.SecretKey) || acme.App < 1400000001 || acme.App > 1799999999 ||
		!slices.Equal(acme.Admins, []string{"administrator"}) || acme.Custom == nil || len(acme.Custom) > 0 || acme.Callback != "" {
		t.Fatalf("%+v, %v", acme, err)
	}
	def, err := d.admin.Tenant(t.Context(), record.DefaultTenant)
	if err != nil || def.App < 1400000001 || def.App == acme.App {
		t.Fatalf("%+v, %v", def, err)
	}
	if ten := d.app(acme.App); ten.Name != "acme" || ten.Chat.SecretKey != acme.SecretKey {
		t.Errorf("%+v", ten)
	}
	if ten := d.app(def.App); ten.Name != record.DefaultTenant || !secretKey.MatchString(ten.Chat.SecretKey) || ten.Chat.SecretKey == acme.SecretKey {
		t.Errorf("%+v", ten)
	}
	next, err := d.admin.RotateAppSecret(t.Context(), "acme")
	if err != nil || next.App != acme.App || !secretKey.MatchString(next.SecretKey) || next.SecretKey == acme.SecretKey {
		t.Errorf("%+v, %v", next, err)
	}
	if got := d.app(acme.App).Chat.SecretKey; got != next.SecretKey {
		t.Error("the key before still signs")
	}
	ch := api.TenantChange{
		Admins: &[]string{"backend", "administrator"},
		Custom: &[]record.CustomField{{Name: "vip", Admin: true}, {Name: "level"}},
	}
	sorted := []record.CustomField{{Name: "level"}, {Name: "vip", Admin: true}}
	if got, err := d.admin.ChangeTenant(t.Context(), "acme", ch); err != nil || !slices.Equal(got.Admins, *ch.Admins) || !slices.Equal(got.Custom, sorted) {
		t.Errorf("%+v, %v", got, err)
	}
	whole := d.app(acme.App)

	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	if now := d.app(acme.App); now.ID != whole.ID || now.Chat.SecretKey != next.SecretKey ||
		!slices.Equal(now.Chat.Admins, *ch.Admins) || !slices.Equal(now.Chat.Custom, sorted) {
		t.Errorf("after a restart: %+v, was %+v", now.Chat, whole.Chat)
	}
	if now := d.app(def.App); now.Name != record.DefaultTenant {
		t.Errorf("after a restart: %+v", now)
	}
	if _, err := d.admin.DeleteTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	for _, app := range []int64{acme.App, 0, -1, def.App + 1<<32, 1 << 62} {
		if ten, err := d.d.ChatApp(t.Context(), app); !errors.Is(err, tencent.ErrNoApp) {
			t.Errorf("the app %d is %+v, %v", app, ten, err)
		}
	}
	var told []string
	for _, ev := range d.events("daemon", 0) {
		if detail := string(ev.Data.Detail); strings.Contains(detail, acme.SecretKey) || strings.Contains(detail, next.SecretKey) {
			t.Errorf("a secret is told: %s", detail)
		}
		if strings.HasPrefix(string(ev.Type), "tenant.") && ev.Name == "acme" {
			told = append(told, string(ev.Type)+string(ev.Data.Detail[strings.Index(string(ev.Data.Detail), `"name":"acme"`)+len(`"name":"acme"`):]))
		}
	}
	if want := []string{"tenant.created}", `tenant.changed,"what":"secret_rotated"}`, `tenant.changed,"what":"settings"}`, "tenant.deleted}"}; !slices.Equal(told, want) {
		t.Errorf("told %q; want %q", told, want)
	}
}

// TestAppsAreDistinct, of tenants that are made at once.
func TestAppsAreDistinct(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	var wg sync.WaitGroup
	made := make(chan api.NewTenant, 64)
	for n := range cap(made) {
		wg.Go(func() {
			ten, err := d.admin.AddTenant(t.Context(), api.TenantSpec{Name: "t" + string(rune('A'+n%26)) + string(rune('a'+n/26))})
			if err != nil {
				t.Error(err)
			}
			made <- ten
		})
	}
	wg.Wait()
	close(made)
	apps, keys := make(map[int64]bool), make(map[string]bool)
	for ten := range made {
		apps[ten.App], keys[ten.SecretKey] = true, true
		if got := d.app(ten.App); got.Name != ten.Name || got.Chat.SecretKey != ten.SecretKey {
			t.Errorf("%+v is %+v", ten, got)
		}
	}
	if len(apps) != 64 || len(keys) != 64 {
		t.Errorf("%d apps and %d keys of 64 tenants", len(apps), len(keys))
	}
}

// TestTenantsFromBefore: those that have no app get one when the daemon starts, and keep
// it; nobody is told that they were made.
func TestTenantsFromBefore(t *testing.T) {
	dir := shortDir(t)
	s, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ch := s.Change()
	for _, name := range []string{"acme", "beta"} {
		ch.PutTenant(record.Tenant{ID: "t" + name, Name: name, CreatedAt: time.Now().UTC(), SpaceID: "cams-" + name})
	}
	if _, err := s.Commit(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := errors.Join(<-done, s.Close()); err != nil {
		t.Fatal(err)
	}

	apps := make(map[string]record.Tenant)
	for range 2 {
		d := runDaemon(t, dir, nil)
		for _, name := range []string{"acme", "beta"} {
			seen, err := d.admin.Tenant(t.Context(), "t"+name)
			if err != nil {
				t.Fatal(err)
			}
			now := d.app(seen.App)
			if now.Name != name || !secretKey.MatchString(now.Chat.SecretKey) || !slices.Equal(now.Chat.Admins, []string{"administrator"}) {
				t.Errorf("%+v", now)
			}
			if before, again := apps[name]; again && (now.Chat.App != before.Chat.App || now.Chat.SecretKey != before.Chat.SecretKey) {
				t.Errorf("%+v was %+v", now.Chat, before.Chat)
			}
			apps[name] = now
		}
		for _, ev := range d.events("daemon", 0) {
			if ev.Type == record.TenantCreated && ev.Name != record.DefaultTenant {
				t.Errorf("told of %s: %s", ev.Name, ev.Data.Detail)
			}
		}
		if err := d.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if apps["acme"].Chat.App == apps["beta"].Chat.App {
		t.Error("two tenants have one app")
	}
}
