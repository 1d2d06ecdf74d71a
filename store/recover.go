package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"go.etcd.io/bbolt"
)

// JournalError says that the journal beside a file is damaged, or not the rest of it.
// Neither was changed.
type JournalError struct {
	Path string // of the database
	Err  error
}

func (e *JournalError) Error() string {
	names := journalPaths(e.Path)
	return fmt.Sprintf("the journal beside %s is damaged or does not belong to it (%v): put back the file they were written with, or, to go on without what only they hold, move %s and %s away; nothing was changed",
		e.Path, e.Err, names[0], names[1])
}

func (e *JournalError) Unwrap() error { return e.Err }

// journaled is one batch as a journal holds it.
type journaled struct {
	number uint64
	owner  journalOwner
	writes []byte
}

// recoverJournal brings into the file what was committed and was only in its journal
// when the process ended. It changes nothing if the journal is damaged or not the
// file's.
func recoverJournal(path string, opts Options) error {
	batches, err := readJournals(path)
	if err != nil || len(batches) == 0 {
		return err
	}
	if st, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() == 0 {
		return &JournalError{path, errors.New("there is no such file, or it is empty")}
	}
	db, err := openFile(path, opts)
	if err != nil {
		return err
	}
	n, err := bringIn(db, path)
	if err = errors.Join(err, db.Close()); err == nil && n > 0 {
		opts.Log.Info("what was committed last is in the file now", "path", path, "transactions", n)
	}
	return err
}

// bringIn writes the batches of the journal that an open file does not hold, as one
// transaction, and answers how many those were.
func bringIn(db *bbolt.DB, path string) (n int, err error) {
	batches, err := readJournals(path)
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		batches, err = missing(tx, path, batches)
		return err
	})
	if err != nil || len(batches) == 0 {
		return 0, err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return replay(tx, path, batches) })
	if err != nil {
		return 0, fmt.Errorf("bring the journal into %s, which is as it was: %w", path, err)
	}
	return len(batches), nil
}

// missing answers the batches that the file does not hold: those of the run that had it
// last, without a gap.
func missing(tx *bbolt.Tx, path string, batches []journaled) ([]journaled, error) {
	var last uint64
	var is journalOwner
	if meta := tx.Bucket([]byte(bucketMeta)); meta != nil {
		last, is = lastCommit(meta), journalOwner{string(meta.Get(keyLogID)), string(meta.Get(keyRun))}
	}
	for _, b := range batches {
		if b.owner.log != is.log {
			return nil, &JournalError{path, errors.New("it is of another database")}
		}
	}
	batches = slices.DeleteFunc(batches, func(b journaled) bool { return b.number <= last })
	for i, b := range batches {
		switch want := last + 1 + uint64(i); {
		case b.owner != is:
			return nil, &JournalError{path, errors.New("the file was in use elsewhere since")}
		case b.number != want:
			return nil, &JournalError{path, fmt.Errorf("transaction %d is missing or damaged, and %d follows; the file ends at %d", want, b.number, last)}
		}
	}
	return batches, nil
}

func replay(tx *bbolt.Tx, path string, batches []journaled) error {
	for _, b := range batches {
		err := eachWrite(b.writes, func(bucket, key, value []byte) error {
			to, err := bucketOf(tx, bucket)
			if err != nil {
				return err
			}
			return writeTo(to, key, value)
		})
		switch {
		case errors.Is(err, errWrites):
			return &JournalError{path, fmt.Errorf("transaction %d: %w", b.number, err)}
		case err != nil:
			return err
		}
	}
	return putCommit(tx.Bucket([]byte(bucketMeta)), batches[len(batches)-1].number)
}

// bucketOf answers a bucket that is to be written.
func bucketOf(tx *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	b := tx.Bucket(name)
	if b == nil {
		return nil, fmt.Errorf("there is no bucket %q", name)
	}
	if string(name) == bucketLog {
		b.FillPercent = 1 // its keys only grow
	}
	return b, nil
}

// writeTo puts a value into a bucket, or with nil deletes its key.
func writeTo(b *bbolt.Bucket, key, value []byte) error {
	if value == nil {
		return b.Delete(key)
	}
	return b.Put(key, value)
}
