package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/record"
)

// Options are what [Open] needs beside the path.
type Options struct {
	Network     string        // "whatsapp" or "sandbox"; a file of the other is refused
	LockTimeout time.Duration // how long to wait for another process's lock; 1 s when zero
	Sealer      Sealer        // Plain when nil and Unseal is
	Unseal      Unseal        // makes the Sealer from the keys that the file keeps
	Log         *slog.Logger  // discarded when nil
}

// Store is the open file. Its methods may be called from any goroutine; writes
// are answered only while Run runs.
type Store struct {
	path   string
	opts   Options
	sealer Sealer
	log    *slog.Logger

	mu     sync.RWMutex // held for writing only while the file is reopened
	db     *bbolt.DB    // guarded by mu; nil between a failed reopen and the next
	closed bool         // guarded by mu

	memory  memory // what lies over the file
	journal *journal

	idx     *index
	queue   *queue
	flushes chan chan error
	done    chan struct{} // closed when Run has ended

	addresses addresses // the committer's

	health  healthState
	hooksMu sync.Mutex
	hooks   []func([]record.Event) // guarded by hooksMu

	run      string                // the name of this one in the file
	number   uint64                // of the last transaction when the file was opened
	commitTx func(*bbolt.Tx) error // (*bbolt.Tx).Commit, but for tests of its failures
}

// Open opens the file, or makes it, and reads the index of the log. The
// directory is made with mode 0700. It fails with [ErrLocked], a
// [*CorruptError], a [*JournalError], a [*NewerError], a [*NetworkError] or what
// Options.Unseal refuses; in none of these cases has it changed what the file holds.
func Open(path string, opts Options) (*Store, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = time.Second
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if _, err := inspect(path, opts); err != nil {
		return nil, err
	}
	if err := recoverJournal(path, opts); err != nil {
		return nil, err
	}
	compactMarked(path, opts)
	db, err := openFile(path, opts)
	if err != nil {
		return nil, err
	}
	s, err := opened(db, path, opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// opened makes a store of a file that nobody else can have now.
func opened(db *bbolt.DB, path string, opts Options) (*Store, error) {
	// Another process may have been here since the journal was read.
	if _, err := bringIn(db, path); err != nil {
		return nil, err
	}
	sealer, keys, err := unseal(db, path, opts)
	if err != nil {
		return nil, err
	}
	if err := prepare(db, opts.Network, keys, sealer); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", path, err)
	}
	idx, err := rebuild(db)
	if err != nil {
		return nil, &CorruptError{path, err}
	}
	s := &Store{
		path: path, opts: opts, sealer: sealer, log: opts.Log,
		db: db, idx: idx, commitTx: (*bbolt.Tx).Commit,
		memory: memory{active: &layer{}},
		queue:  newQueue(), flushes: make(chan chan error), done: make(chan struct{}),
	}
	if s.run, s.number, err = claim(db); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", path, err)
	}
	s.journal, err = openJournal(path, journalOwner{s.LogID(), s.run})
	return s, err
}

// Run commits what [Store.Commit] is given until ctx ends, answers what is
// waiting then, and returns nil. It returns an error, and the daemon must start
// anew, when another process wrote the file while this one could not hold it.
// It may be called once.
func (s *Store) Run(ctx context.Context) error {
	defer close(s.done)
	defer s.queue.close(ErrClosed)
	if err := newCommitter(s).run(ctx); err != nil {
		return fmt.Errorf("run the store: %w", err)
	}
	return nil
}

// Close releases the file. Run has ended before.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.journal.close(s.db != nil)
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
		s.db = nil
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", s.path, err)
	}
	return nil
}

// OnAppend registers a function that hears of every committed batch of events,
// in order, on the committer's goroutine: it must only wake somebody. Register
// before Run.
func (s *Store) OnAppend(fn func([]record.Event)) {
	s.hooksMu.Lock()
	defer s.hooksMu.Unlock()
	s.hooks = append(s.hooks, fn)
}

// view runs a short read transaction.
func (s *Store) view(fn func(*reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.db == nil:
		return fmt.Errorf("%w: it is being opened again", ErrUnavailable)
	}
	r, err := s.memory.begin(s.db)
	if err != nil {
		return err
	}
	defer func() { _ = r.end() }() // it was begun
	return fn(r)
}

// file answers the open file, nil while there is none.
func (s *Store) file() *bbolt.DB {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.db
}

// Size is the size of the file in bytes. It never shrinks by itself: what is
// deleted leaves room for what comes. See [Store.LogSize].
func (s *Store) Size() int64 {
	st, err := os.Stat(s.path)
	if err != nil {
		return 0
	}
	return st.Size()
}
