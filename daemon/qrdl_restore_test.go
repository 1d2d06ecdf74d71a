package daemon_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOldLinksOutliveARestore: a daemon on a restored backup knows the links that were old
// when it was taken, and those that were made since and are lost; what never was a link
// it does not.
func TestOldLinksOutliveARestore(t *testing.T) {
	dir, again := shortDir(t), shortDir(t)
	d := runDaemon(t, dir, nil)
	acme := d.tenant("acme")
	d.register("acme")
	old := acme.create("one")
	live := acme.update(old, "two")
	backup := filepath.Join(dir, "backup")
	must(t, "backup", backup, "--data", dir)
	lost := acme.create("three")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	must(t, "restore", backup, "--data", again)
	key, err := os.ReadFile(filepath.Join(dir, "store.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(again, "store.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, again, nil)
	for q, want := range map[*qrdl]int{&old: http.StatusGone, &live: http.StatusFound, &lost: http.StatusGone} {
		_, token, _ := strings.Cut(q.DeepLinkURL, "/m/")
		if status, _ := follow(t, d.d.URL()+"/m/"+token); status != want {
			t.Errorf("the link to %q answers %d, want %d", q.PrefilledMessage, status, want)
		}
	}
	if status, _ := follow(t, d.d.URL()+"/m/abcdefghijklmnopqrstuvwx"); status != http.StatusNotFound {
		t.Errorf("what never was a link answers %d", status)
	}
}
