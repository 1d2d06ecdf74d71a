package store_test

import (
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

func tenant(id string) record.Tenant {
	return record.Tenant{
		ID: id, Name: "name of " + id, CreatedAt: moment, SpaceID: "cams-" + id, Unsubscribed: true, Numbers: []string{"5511955550001"},
		Keys: []record.AccessKey{{ID: "AK" + id, Secret: "s", CreatedAt: moment, Disabled: true, Until: moment, Deny: []string{"cams:*"}}},
	}
}

func qrdl(tenant, code string) record.QRDL {
	return record.QRDL{
		Tenant: tenant, Code: code, Number: "5511955550001", Message: "שלום & (a+b)*c~!\r\n👋", Image: "SVG",
		Revision: 2, Token: "token", CreatedAt: moment, UpdatedAt: moment, Scans: 3, Older: 4,
		Past: []record.QRDLRevision{{Revision: 1, From: moment, Until: moment, Scans: 7}},
	}
}

func account(tenant, id string) record.Account {
	return record.Account{
		ID: id, Tenant: tenant, UserID: "user of " + id, CreatedAt: moment,
		Fields: []record.Field{
			{Tag: record.TagNick, Text: "7"}, {Tag: "Tag_Profile_IM_Level", Number: 1<<32 - 1, Numeric: true}, {Tag: "Tag_Profile_IM_Role", Numeric: true},
		},
		Wishes: []record.Wish{{Tag: record.TagNick, State: record.WishPending, At: moment, Tries: 2, NextAt: moment, Problem: "p", Applied: "00"}},
	}
}

// TestTenants are read as they were written, from a file of schema 3 too, and go with
// all that is theirs and nothing else.
func TestTenants(t *testing.T) {
	path := newPath(t)
	_, stop := started(t, path)
	stop()
	edit(t, path, func(tx *bbolt.Tx) error {
		return errors.Join(
			tx.DeleteBucket([]byte("tenants")), tx.DeleteBucket([]byte("qrdls")), tx.DeleteBucket([]byte("nonces")), tx.DeleteBucket([]byte("accounts")),
			tx.Bucket([]byte("meta")).Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, 3)),
		)
	})
	s, stop := started(t, path)
	commit(t, s, func(c *store.Change) {
		for _, id := range []string{"t1", "t2"} {
			c.PutTenant(tenant(id))
			c.PutQRDL(qrdl(id, "A"))
			c.PutQRDL(qrdl(id, "B"))
			c.PutAccount(account(id, "a"+id))
			c.PutLane(record.Lane{Endpoint: "e", Stream: id})
			c.PutDeadLetter(record.DeadLetter{Endpoint: "e", Stream: id, From: 1, To: 2})
		}
	})
	stop()
	s, stop = started(t, path)
	tenants, err1 := s.Tenants()
	codes, err2 := s.QRDLs()
	accounts, err3 := s.Accounts()
	if !reflect.DeepEqual(accounts, []record.Account{account("t1", "at1"), account("t2", "at2")}) {
		t.Errorf("%+v", accounts)
	}
	if err := errors.Join(err1, err2, err3); err != nil || !reflect.DeepEqual(tenants, []record.Tenant{tenant("t1"), tenant("t2")}) ||
		!reflect.DeepEqual(codes, []record.QRDL{qrdl("t1", "A"), qrdl("t1", "B"), qrdl("t2", "A"), qrdl("t2", "B")}) {
		t.Errorf("%+v, %+v, %v", tenants, codes, err)
	}
	commit(t, s, func(c *store.Change) {
		c.DeleteQRDL("t2", "A")
		c.EraseTenant("t1")
	})
	stop()
	s, _ = started(t, path)
	tenants, err1 = s.Tenants()
	codes, err2 = s.QRDLs()
	lanes, err3 := s.Lanes()
	dead, err4 := s.DeadLetters("e")
	if accounts, err := s.Accounts(); err != nil || len(accounts) != 1 || accounts[0].Tenant != "t2" {
		t.Errorf("%+v, %v", accounts, err)
	}
	if err := errors.Join(err1, err2, err3, err4); err != nil || len(tenants) != 1 || tenants[0].ID != "t2" ||
		len(codes) != 1 || codes[0].Tenant != "t2" || codes[0].Code != "B" ||
		len(lanes) != 1 || lanes[0].Stream != "t2" || len(dead) != 1 || dead[0].Stream != "t2" {
		t.Errorf("%+v, %+v, %+v, %+v, %v", tenants, codes, lanes, dead, err)
	}
}

// TestLinkKeyIsMadeOnce, in a new file and in one of schema 3.
func TestLinkKeyIsMadeOnce(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	first := s.LinkKey()
	stop()
	edit(t, path, func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		return errors.Join(
			tx.DeleteBucket([]byte("tenants")), tx.DeleteBucket([]byte("qrdls")), tx.DeleteBucket([]byte("nonces")),
			meta.Delete([]byte("links")), meta.Put([]byte("schema"), binary.BigEndian.AppendUint64(nil, 3)),
		)
	})
	s, stop = started(t, path)
	key := s.LinkKey()
	stop()
	s, _ = started(t, path)
	if first == "" || key == "" || key == first || s.LinkKey() != key {
		t.Errorf("links are known by %q, in an older file by %q, then by %q", first, key, s.LinkKey())
	}
}

// TestNonces: what is not over is read at the start, what is over is forgotten.
func TestNonces(t *testing.T) {
	path := newPath(t)
	s, stop := started(t, path)
	nonce := func(key string, hash byte, after time.Duration) store.Nonce {
		return store.Nonce{Key: key, Hash: [store.NonceHash]byte{hash}, Until: moment.Add(after).Truncate(time.Second)}
	}
	all := []store.Nonce{
		nonce("a", 0, 0), nonce("a", 1, 10*time.Second), nonce("b", 0, 10*time.Second), nonce("ab", 9, time.Hour),
	}
	commit(t, s, func(c *store.Change) {
		for i := range all {
			c.PutNonce(all[len(all)-1-i])
		}
	})
	stop()
	s, stop = started(t, path)
	for _, c := range []struct {
		after time.Duration
		want  []store.Nonce
	}{{0, all}, {time.Second, all[1:]}, {10 * time.Second, all[1:]}, {11 * time.Second, all[3:]}, {2 * time.Hour, nil}} {
		at := moment.Truncate(time.Second).Add(c.after)
		if got, err := s.Nonces(at); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("after %s: %+v, %v", c.after, got, err)
		}
		if more, err := s.PruneNonces(t.Context(), at); more || err != nil {
			t.Errorf("after %s: %t, %v", c.after, more, err)
		}
		if got, err := s.Nonces(moment.Add(-time.Hour)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("left after %s: %+v, %v", c.after, got, err)
		}
	}
	stop()
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("nonces")).Put([]byte("short"), nil) })
	s, _ = started(t, path)
	var corrupt *store.CorruptError
	if _, err := s.Nonces(time.Time{}); !errors.As(err, &corrupt) {
		t.Errorf("a key that is none: %v", err)
	}
}

// TestManyNoncesAreForgottenInPieces.
func TestManyNoncesAreForgottenInPieces(t *testing.T) {
	s, _ := started(t, newPath(t))
	commit(t, s, func(c *store.Change) {
		for n := range 10_001 {
			var hash [store.NonceHash]byte
			binary.BigEndian.PutUint32(hash[:], uint32(n))
			c.PutNonce(store.Nonce{Key: "a", Hash: hash, Until: moment})
		}
	})
	for n, want := range []bool{true, false, false} {
		if more, err := s.PruneNonces(t.Context(), moment.Add(time.Minute)); more != want || err != nil {
			t.Errorf("pruning %d: %t, %v", n, more, err)
		}
	}
	if left, err := s.Nonces(time.Time{}); err != nil || len(left) != 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
}
