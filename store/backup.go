package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// Backup writes a consistent copy of the file to w while commits go on. The copy
// is a store's file like this one and opens with the same key; [Restore] makes a
// living one of it.
//
// It holds one read transaction: until it ends the file grows by what is
// rewritten, and where it needs a larger map, commits wait once much lies over it. So w must be as fast as
// a disk and must not block for ever. When the file cannot be written meanwhile,
// the backup gives way and fails with [ErrUnavailable].
func (s *Store) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	if err := s.flush(ctx); err != nil {
		return 0, fmt.Errorf("back up %s: %w", s.path, err)
	}
	to := &yielding{ctx: ctx, s: s, w: w}
	err = s.view(func(r *reader) error {
		n, err = r.tx.WriteTo(to)
		return err
	})
	if to.err != nil {
		err = to.err // bbolt tells its text only
	}
	if err != nil {
		return n, fmt.Errorf("back up %s: %w", s.path, err)
	}
	return n, nil
}

// flush brings what was committed before into the file.
func (s *Store) flush(ctx context.Context) error {
	if s.memory.none() {
		return nil
	}
	answer := make(chan error, 1)
	select {
	case s.flushes <- answer:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
	}
	if !s.memory.none() { // Run has tried it
		return fmt.Errorf("%w: the store has stopped, and what was committed last is in its journal only", ErrUnavailable)
	}
	return nil
}

// yielding ends a copy when it has to make room.
type yielding struct {
	ctx context.Context
	s   *Store
	w   io.Writer
	err error
}

func (y *yielding) Write(p []byte) (n int, err error) {
	if err := y.s.Health(); err != nil {
		y.err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	} else if err := y.ctx.Err(); err != nil {
		y.err = err
	} else {
		n, y.err = y.w.Write(p)
	}
	return n, y.err
}

// Summary is what a file that is not open says of itself.
type Summary struct {
	Network   string `json:"network"`
	Log       string `json:"log"` // the log's name
	Bytes     int64  `json:"bytes"`
	Instances int    `json:"instances"`
	Events    int    `json:"events"`
	Keys      []byte `json:"-"` // the record of its keys, nil if it has none
}

// Examine checks every page of a file that nobody has open, a backup say, and
// tells what it holds. It changes nothing and needs no key. It fails as [Open]
// does, and with [ErrJournal] if the journal beside the file holds
// what is not in it.
func Examine(path string) (sum Summary, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return sum, fmt.Errorf("open %s: %w", path, err)
	}
	if st.Size() == 0 {
		return sum, &CorruptError{path, errors.New("it is empty")}
	}
	opts := Options{LockTimeout: time.Second, Network: anyNetwork}
	if _, err := inspect(path, opts); err != nil {
		return sum, err
	}
	batches, err := readJournals(path)
	if err != nil {
		return sum, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: opts.LockTimeout, ReadOnly: true})
	if err != nil {
		return sum, unreadable(path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		if meta == nil {
			return &CorruptError{path, errors.New("it holds nothing")}
		}
		if rest, err := missing(tx, path, batches); err != nil {
			return err
		} else if len(rest) > 0 {
			return fmt.Errorf("%w: %s", ErrJournal, path)
		}
		sum = Summary{
			Network: string(meta.Get(keyNetwork)), Log: string(meta.Get(keyLogID)), Bytes: st.Size(),
			Instances: tx.Bucket([]byte(bucketInstances)).Stats().KeyN,
			Events:    tx.Bucket([]byte(bucketLog)).Stats().KeyN,
			Keys:      append([]byte(nil), meta.Get(keyKeys)...),
		}
		return nil
	})
	return sum, errors.Join(err, db.Close())
}

// anyNetwork stands for no demand on a file's network.
const anyNetwork = "*"
