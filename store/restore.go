package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// Restored is what [Restore] did.
type Restored struct {
	Summary

	Streams int `json:"streams"` // whose ids begin a new epoch
	Dropped int `json:"dropped"` // device keys that must not be used twice
}

// Restore makes a store's file at path of the backup. What happened after the
// backup is lost, but it has been seen outside, so nothing of it may happen
// again otherwise: every stream begins a new epoch, the log gets a new name, and
// the device keys that drop picks are forgotten. drop is asked by the device's
// own key, without instance and session.
//
// It refuses to overwrite a file, and to put one beside the journal of another. The file
// appears when it is complete.
func Restore(backup, path string, drop func(key []byte) bool) (r Restored, err error) {
	if r.Summary, err = Examine(backup); err != nil {
		return r, err
	}
	files := journalPaths(path)
	for _, name := range append(files[:], path) {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return r, fmt.Errorf("restore to %s: %s: %w", path, name, fs.ErrExist)
		}
	}
	temp := path + ".restore"
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	if err := copyFile(backup, temp); err != nil {
		return r, fmt.Errorf("restore to %s: %w", path, err)
	}
	if err := r.renew(temp, drop); err != nil {
		return r, fmt.Errorf("restore to %s: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return r, fmt.Errorf("restore to %s: %w", path, err)
	}
	return r, syncDir(filepath.Dir(path))
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// renew makes a copy one that may live.
func (r *Restored) renew(path string, drop func([]byte) bool) (err error) {
	db, err := openFile(path, Options{LockTimeout: time.Second})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(func(tx *bbolt.Tx) error {
		if err := r.renewHeads(tx.Bucket([]byte(bucketHeads))); err != nil {
			return err
		}
		if err := r.forget(tx.Bucket([]byte(bucketDevice)), drop); err != nil {
			return err
		}
		meta := tx.Bucket([]byte(bucketMeta))
		r.Log = rand.Text()
		return errors.Join(meta.Put(keyLogID, []byte(r.Log)), meta.Put(keyCompact, []byte{1}), putCommit(meta, lastCommit(meta)+1))
	})
}

func (r *Restored) renewHeads(heads *bbolt.Bucket) error {
	renewed := make(map[string][]byte)
	now := time.Now()
	err := heads.ForEach(func(k, v []byte) error {
		if len(v) != 12 {
			return fmt.Errorf("the head of stream %q has %d bytes", k, len(v))
		}
		next := binary.BigEndian.AppendUint32(nil, NextEpoch(binary.BigEndian.Uint32(v), now))
		renewed[string(k)] = append(next, v[4:]...)
		return nil
	})
	if err != nil {
		return err
	}
	for _, stream := range sortedKeys(renewed) {
		if err := heads.Put([]byte(stream), renewed[stream]); err != nil {
			return err
		}
	}
	r.Streams = len(renewed)
	return nil
}

func (r *Restored) forget(device *bbolt.Bucket, drop func([]byte) bool) error {
	var keys [][]byte
	cur := device.Cursor()
	for k, _ := cur.First(); k != nil; k, _ = cur.Next() {
		if parts := bytes.SplitN(k, []byte{0}, 3); len(parts) == 3 && drop(parts[2]) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	for _, k := range keys {
		if err := device.Delete(k); err != nil {
			return err
		}
	}
	r.Dropped = len(keys)
	return nil
}
