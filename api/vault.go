package api

import (
	"context"
	"io"
)

// Vault guards what the daemon stores. Besides the errors of [Instances] it
// answers [*RefusedError].
type Vault interface {
	Keys() Keys
	// RotateKey gives the database a new key: text, as a key file holds it, or,
	// where the daemon can replace its key file itself, one of its own making
	// for an empty text.
	RotateKey(ctx context.Context, text string) (Keys, error)
	// RotateDataKey seals everything under a new data key, in the background.
	RotateDataKey(ctx context.Context) (Keys, error)
	// Backup writes a consistent copy of the database while it is in use. w
	// must not block for long.
	Backup(ctx context.Context, w io.Writer) error
}

// Mover moves instances between daemons.
type Mover interface {
	// Export closes the instance's connection, fences it and writes it to w,
	// sealed by the passphrase. The fence is stored before the first byte is
	// written; it stays when writing fails. Exporting a fenced instance writes
	// the same again.
	Export(ctx context.Context, id, passphrase string, w io.Writer) error
	// Import makes an instance of an exported file, not connected, or lifts the
	// fence of the one that it was exported from. name, if not empty, is its
	// name here.
	Import(ctx context.Context, r io.Reader, passphrase, name string) (Entry, error)
	// Unfence lets an exported instance run here again although its file may
	// have been imported elsewhere.
	Unfence(ctx context.Context, id string) (Entry, error)
}

// Keys says which keys open the database, by their ids.
type Keys struct {
	InUse string   `json:"in_use"`
	From  string   `json:"from"`  // where it came from, for people
	Opens []string `json:"opens"` // oldest first; two while a rotation is under way
	// Settled is false while values are being sealed by a new data key.
	Settled bool `json:"settled"`
	// Kept is the file with the old key after a rotation that replaced it.
	Kept string `json:"kept,omitempty"`
}

// RefusedError is a wish that cannot be fulfilled as things are. Its text is for
// the caller.
type RefusedError struct{ Problem string }

func (e *RefusedError) Error() string { return e.Problem }
