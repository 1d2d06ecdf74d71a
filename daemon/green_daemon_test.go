package daemon_test

import (
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// TestInstancesFromBeforeBecomeGreen: an instance of a database from before the
// dialect has an id and a token when the daemon is ready, and keeps them.
func TestInstancesFromBeforeBecomeGreen(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	made := d.add("shop", "")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "switchhook.db"), 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket([]byte("greenapi")); err != nil {
			return err
		}
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 2})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	first := d.find("shop")
	if first.IDInstance == 0 || first.APIToken == "" || first.IDInstance == made.IDInstance {
		t.Fatalf("at the first start it is %d", first.IDInstance)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	if again := d.find("shop"); again.IDInstance != first.IDInstance || again.APIToken != first.APIToken {
		t.Errorf("at the second start it is %d, was %d", again.IDInstance, first.IDInstance)
	}
}
