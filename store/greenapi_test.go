package store_test

import (
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// TestUpgradeMakesWhatIsMissing opens a file of schema 2, which has no room for
// what instances are to clients of GREEN-API.
func TestUpgradeMakesWhatIsMissing(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	commit(t, s, func(c *store.Change) { c.PutInstance(record.Instance{ID: "a"}) })
	stop()
	edit(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.DeleteBucket([]byte("greenapi")),
			tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, 2)),
		)
	})
	want := record.GreenAPI{
		Instance: "a", ID: 1101000001, Token: "token",
		Settings: record.GreenSettings{WebhookURL: "http://x.example/", State: true, Others: map[string]string{"autoTyping": "3"}},
	}
	for range 2 { // the second time there is nothing to do
		s, stop := started(t, path)
		commit(t, s, func(c *store.Change) { c.PutGreenAPI(want) })
		stop()
	}
	s, _ = started(t, path)
	got, err := s.GreenAPIs()
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("stored: %+v, %v", got, err)
	}
	if all, err := s.Instances(); err != nil || len(all) != 1 {
		t.Errorf("instances: %+v, %v", all, err)
	}
}

// TestMissingBucketOfThisSchemaIsDamage: only an older file may lack it.
func TestMissingBucketOfThisSchemaIsDamage(t *testing.T) {
	path := newPath(t)
	_, stop := started(t, path)
	stop()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"greenapi", "tenants", "qrdls", "nonces", "accounts"} {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucket)) })
		var corrupt *store.CorruptError
		if err := refused(t, path, store.Options{}); !errors.As(err, &corrupt) {
			t.Errorf("opened without %s: %v", bucket, err)
		}
	}
}
