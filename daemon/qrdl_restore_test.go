package daemon_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/seal"
)

// TestRestoreKnowsPrintedLinks: what was old before a backup was made is old when it is
// restored, what was live is live, and what was made after it is known to be nothing any
// more.
func TestRestoreKnowsPrintedLinks(t *testing.T) {
	d := runDaemon(t, shortDir(t), persistent)
	acme := d.tenant("acme")
	d.register("acme")
	first := acme.create("one")
	second := acme.update(first, "two")
	copied := filepath.Join(t.TempDir(), "backup")
	must(t, "backup", copied, "--data", d.dir)
	third := acme.update(second, "three")
	key := keyFile(t, d.dir)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	dir := shortDir(t)
	if err := seal.WriteFile(filepath.Join(dir, "store.key"), key); err != nil {
		t.Fatal(err)
	}
	must(t, "restore", copied, "--data", dir)
	again := runDaemon(t, dir, persistent)
	moved := func(q qrdl) qrdl { // the port is another
		for _, address := range []*string{&q.DeepLinkURL, &q.QrImageURL} {
			*address = again.d.URL() + (*address)[strings.Index(*address, "/m/"):]
		}
		return q
	}
	over(t, moved(first))
	leads(t, moved(second).DeepLinkURL, "two")
	over(t, moved(third))
}
