package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxKeyFile bounds what is read of a file that should hold a key.
const maxKeyFile = 1024

// ReadFile reads a key file. It refuses one that others may read. The error
// names the file and the remedy; a file that does not exist is an
// [fs.ErrNotExist].
func ReadFile(path string) (Key, error) { return readFile(path, 0o077) }

func readFile(path string, forbidden fs.FileMode) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the key: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	st, err := f.Stat()
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("read the key: %w", err)
	case !st.Mode().IsRegular():
		return Key{}, fmt.Errorf("read the key: %s is no file", path)
	case runtime.GOOS != "windows" && st.Mode().Perm()&forbidden != 0:
		return Key{}, fmt.Errorf("read the key: others may read %s (%s): chmod 600 it, and rotate the key if somebody may have read it", path, st.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return Key{}, fmt.Errorf("read the key: %w", err)
	}
	key, err := ParseKey(string(text[:min(len(text), maxKeyFile)]))
	if err == nil && len(text) > maxKeyFile {
		err = ErrKeyText
	}
	if err != nil {
		return Key{}, fmt.Errorf("read the key: %s: %w", path, err)
	}
	return key, nil
}

// WriteFile writes a new key file, mode 0600, and returns once it is on disk.
// It never overwrites one.
func WriteFile(path string, k Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	_, err = f.WriteString(k.Text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key: %w", errors.Join(err, os.Remove(path)))
	}
	return syncDir(filepath.Dir(path))
}

// Replacement is a new key beside the file that it will replace.
type Replacement struct{ path, next, old string }

// PrepareReplace writes a new key beside the key file at path, whose key now is
// old, and so finds out whether it can be replaced at all.
func PrepareReplace(path string, old, next Key) (*Replacement, error) {
	r := &Replacement{path: path, next: path + ".next", old: path + "." + old.ID() + ".old"}
	if err := os.Remove(r.next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	return r, WriteFile(r.next, next)
}

// Discard gives the new key up.
func (r *Replacement) Discard() { _ = os.Remove(r.next) }

// Commit puts the new key in place of the old one. At every moment there is a
// whole key at the path. The old key stays in the file that Commit answers:
// backups made before need it.
func (r *Replacement) Commit() (kept string, err error) {
	if err := os.Remove(r.old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("replace the key: %w", err)
	}
	if err := os.Link(r.path, r.old); err != nil {
		return "", fmt.Errorf("replace the key: %w", err)
	}
	if err := os.Rename(r.next, r.path); err != nil {
		return "", fmt.Errorf("replace the key: %w", err)
	}
	return r.old, syncDir(filepath.Dir(r.path))
}

// ResumeReplace finishes a replacement that a crash cut short after the new key
// was given out: the key that lies ready beside the file at path is put in its
// place if it is the newest of those with the ids of opens. It answers the key
// that is at the path then.
func ResumeReplace(path string, now Key, opens []string) (Key, error) {
	r := Replacement{path: path, next: path + ".next", old: path + "." + now.ID() + ".old"}
	next, err := ReadFile(r.next)
	if err != nil || len(opens) < 2 || opens[len(opens)-1] != next.ID() {
		return now, nil //nolint:nilerr // no key lies there that the file knows
	}
	if _, err := r.Commit(); err != nil {
		return now, err
	}
	return next, nil
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
