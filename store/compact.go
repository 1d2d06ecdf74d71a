package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

// compactTx bounds a transaction of a compaction.
const compactTx = 4 << 20

// compactMarked writes the file anew if it is marked so. A failure changes
// nothing, and the next start tries again.
func compactMarked(path string, opts Options) {
	if marked, err := markedForCompaction(path, opts); !marked || err != nil {
		return // Open says what is wrong with the file
	}
	if err := compact(path, opts); err != nil {
		opts.Log.Warn("file could not be compacted; what was deleted or stored in the clear may still be read from it", "path", path, "err", err)
		return
	}
	opts.Log.Info("file compacted: nothing is left of what was deleted", "path", path)
}

func markedForCompaction(path string, opts Options) (marked bool, err error) {
	if st, err := os.Stat(path); err != nil || st.Size() == 0 {
		return false, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: opts.LockTimeout, ReadOnly: true})
	if err != nil {
		return false, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		marked = meta != nil && meta.Get(keyCompact) != nil
		return nil
	})
	return marked, errors.Join(err, db.Close())
}

// compact copies what the file at path holds into a new one and puts it in its
// place.
func compact(path string, opts Options) (err error) {
	from, err := openFile(path, opts) // to write: nobody else may meanwhile
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	temp := path + ".compact"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	to, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: opts.LockTimeout, NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = bbolt.Compact(to, from, compactTx)
	if err == nil {
		err = to.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete(keyCompact) })
	}
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a directory durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	if err = errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
