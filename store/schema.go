package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/bbolt"
)

// Schema is the version of the layout this package writes.
//
// Of 1, lanes and dead letters lie in the clear; Open seals them. Those of 2 to 4 have
// not all buckets; Open makes those that are missing. Beside a file of 6 there may be a
// journal, which who knows only 5 would not look for.
const Schema uint64 = 6

// The buckets; doc.go draws what is in them.
const (
	bucketMeta      = "meta"
	bucketInstances = "instances"
	bucketSessions  = "sessions"
	bucketDevice    = "device"
	bucketGreenAPI  = "greenapi"
	bucketEndpoints = "endpoints"
	bucketLanes     = "lanes"
	bucketDead      = "dead"
	bucketHeads     = "heads"
	bucketLog       = "log"
	bucketTenants   = "tenants"
	bucketQRDLs     = "qrdls"
	bucketNonces    = "nonces"
	bucketAccounts  = "accounts"
)

var (
	buckets       = slices.Concat(fourthBuckets, []string{bucketAccounts})
	fourthBuckets = slices.Concat(thirdBuckets, []string{bucketTenants, bucketQRDLs, bucketNonces}) // those of schema 4
	thirdBuckets  = slices.Concat(firstBuckets, []string{bucketGreenAPI})                           // those of schema 3
)

// firstBuckets are those that a file of every schema has.
var firstBuckets = []string{
	bucketMeta, bucketInstances, bucketSessions, bucketDevice, bucketEndpoints,
	bucketLanes, bucketDead, bucketHeads, bucketLog,
}

// keyPicture ends the key of an account's picture, beside the session.
const keyPicture = "picture"

var (
	keySchema  = []byte("schema")
	keyNetwork = []byte("network")
	keyCommit  = []byte("commit")
	keyLogID   = []byte("log")
	keyLinks   = []byte("links")
	keyKeys    = []byte("keys")
	keyRun     = []byte("run")
	keyCompact = []byte("compact")
)

// checkMeta refuses a file that is not ours to write.
func checkMeta(tx *bbolt.Tx, path, network string) error {
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil {
		if k, _ := tx.Cursor().First(); k == nil {
			return nil // a database without a bucket: made, never prepared
		}
		return &CorruptError{path, errors.New("it has no meta bucket")}
	}
	v := meta.Get(keySchema)
	if len(v) != 8 {
		return &CorruptError{path, errors.New("it has no schema version")}
	}
	must := buckets
	switch n := binary.BigEndian.Uint64(v); {
	case n > Schema:
		return &NewerError{path, n}
	case n == 0:
		return &CorruptError{path, errors.New("its schema version is 0")}
	case n < 3:
		must = firstBuckets
	case n < 4:
		must = thirdBuckets
	case n < 5:
		must = fourthBuckets
	}
	if has := string(meta.Get(keyNetwork)); has != network && network != anyNetwork {
		return &NetworkError{path, has, network}
	}
	if lastCommit(meta) == 0 {
		return &CorruptError{path, errors.New("it does not count its transactions")}
	}
	for _, b := range must {
		if tx.Bucket([]byte(b)) == nil {
			return &CorruptError{path, errors.New("it has no bucket " + b)}
		}
	}
	return nil
}

// prepare makes what a new file lacks, brings an older one to this [Schema],
// and stores the record of its keys if it is new.
func prepare(db *bbolt.DB, network string, keys []byte, sealer Sealer) error {
	var commits, schema uint64
	err := db.View(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket([]byte(bucketMeta)); meta != nil {
			commits, schema = lastCommit(meta), binary.BigEndian.Uint64(meta.Get(keySchema))
		}
		return nil
	})
	switch {
	case err != nil || schema == Schema && keys == nil:
		return err
	case commits > 0:
		commits++
		return db.Update(func(tx *bbolt.Tx) error {
			if err := upgrade(tx, schema, sealer); err != nil {
				return err
			}
			meta := tx.Bucket([]byte(bucketMeta))
			return errors.Join(putKeys(meta, keys), putCommit(meta, commits))
		})
	}
	commits = 1
	return db.Update(func(tx *bbolt.Tx) error {
		for _, b := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte(bucketMeta))
		return errors.Join(
			meta.Put(keySchema, binary.BigEndian.AppendUint64(nil, Schema)),
			meta.Put(keyNetwork, []byte(network)),
			meta.Put(keyLogID, []byte(rand.Text())),
			meta.Put(keyLinks, []byte(rand.Text())),
			putKeys(meta, keys),
			putCommit(meta, commits),
		)
	})
}

// claim names this run in the file, as the last thing that opening it does: what another
// process commits to it meanwhile, or journals for it, has another name. It answers the
// number of the transaction, which is one.
func claim(db *bbolt.DB) (run string, commits uint64, err error) {
	run = rand.Text()
	err = db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		commits = lastCommit(meta) + 1
		return errors.Join(meta.Put(keyRun, []byte(run)), putCommit(meta, commits))
	})
	return run, commits, err
}

func putKeys(meta *bbolt.Bucket, keys []byte) error {
	if keys == nil {
		return nil
	}
	return meta.Put(keyKeys, keys)
}

func lastCommit(meta *bbolt.Bucket) uint64 {
	if v := meta.Get(keyCommit); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func putCommit(meta *bbolt.Bucket, n uint64) error {
	return meta.Put(keyCommit, binary.BigEndian.AppendUint64(nil, n))
}
