package store

import (
	"crypto/rand"
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// upgrade brings a file of an older schema to this one. What was in the clear may
// be read from free pages until they are used again.
func upgrade(tx *bbolt.Tx, schema uint64, sealer Sealer) error {
	for _, bucket := range buckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
			return err
		}
	}
	if schema < 2 {
		for _, bucket := range []string{bucketLanes, bucketDead} {
			if err := sealAll(tx, bucket, sealer); err != nil {
				return err
			}
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if schema < 4 {
		if err := meta.Put(keyLinks, []byte(rand.Text())); err != nil {
			return err
		}
	}
	return meta.Put(keySchema, binary.BigEndian.AppendUint64(nil, Schema))
}

// sealAll seals the values of a bucket that were never sealed.
func sealAll(tx *bbolt.Tx, bucket string, sealer Sealer) error {
	sealed := make(map[string][]byte)
	b := tx.Bucket([]byte(bucket))
	err := b.ForEach(func(k, v []byte) error {
		value, err := sealer.Seal(nil, sealContext(bucket, k), v)
		sealed[string(k)] = value
		return err
	})
	for _, k := range sortedKeys(sealed) {
		if err == nil {
			err = b.Put([]byte(k), sealed[k])
		}
	}
	return err
}
