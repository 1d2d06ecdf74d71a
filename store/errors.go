package store

import (
	"errors"
	"fmt"
)

// What opening or writing can fail with.
var (
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("another switchhook uses this data directory: stop it, or choose another with --data")
	// ErrClosed: the store is closed or its Run has ended.
	ErrClosed = errors.New("the store is closed")
	// ErrUnavailable: the file cannot be written now. Nothing of the change is
	// stored.
	ErrUnavailable = errors.New("the store cannot be written")
	// ErrJournal: what was committed last is in the file's journal only.
	ErrJournal = errors.New("the daemon that had the file was killed, and what it committed last is only in the journal beside it: use the file of switchhook backup instead, or start that daemon once more where it was, and stop it")
	// ErrSealed: [Plain] met a value that another [Sealer] has sealed.
	ErrSealed = errors.New("the value is sealed in a way this version does not know")
)

// CorruptError says that the file is not a database, or a damaged one. It was
// not changed.
type CorruptError struct {
	Path string
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged or no switchhook database (%v): restore it from a backup, or move it and the journal beside it away to start empty; it was not changed", e.Path, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// NewerError says that a newer version wrote the file. It was not changed.
type NewerError struct {
	Path   string
	Schema uint64 // the file's
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s was written by a newer switchhook (schema %d, this one knows %d): run that version, or restore a backup made before the upgrade; it was not changed", e.Path, e.Schema, Schema)
}

// NetworkError says that the file belongs to another network: real sessions
// and sandbox sessions never share one.
type NetworkError struct {
	Path       string
	Has, Wants string
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("%s belongs to the network %q, and the configuration says %q: set network: %s, or choose another data directory with --data", e.Path, e.Has, e.Wants, e.Has)
}
