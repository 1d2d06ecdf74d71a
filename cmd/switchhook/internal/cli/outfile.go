package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// outFile writes a file of secrets that is there when it is whole: beside its
// place first, readable by its owner only.
type outFile struct {
	path  string
	force bool
	f     *os.File
}

// newOutFile begins a file. Without force it refuses a path where something is.
func newOutFile(path string, force bool) (*outFile, error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return nil, fmt.Errorf("%s exists already: name another file, or overwrite it with --force", path)
	}
	f, err := os.OpenFile(path+".tmp", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		err = f.Chmod(0o600) // it may be left over from a run that was cut short
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no directory %s: make it, or name another file", path, filepath.Dir(path))
	}
	if err != nil {
		return nil, fileProblem(path, err)
	}
	return &outFile{path, force, f}, nil
}

func (o *outFile) Write(p []byte) (int, error) { return o.f.Write(p) }

// discard removes what was written, unless it is in its place.
func (o *outFile) discard() {
	_ = o.f.Close()
	_ = os.Remove(o.path + ".tmp")
}

// keep makes the file durable, lets check look at it, and puts it in its place.
func (o *outFile) keep(check func(path string) error) error {
	if err := errors.Join(o.f.Sync(), o.f.Close()); err != nil {
		return err
	}
	if err := check(o.path + ".tmp"); err != nil {
		return err
	}
	if !o.force && runtime.GOOS != "windows" {
		// Unlike a rename, a link does not overwrite what came meanwhile.
		err := os.Link(o.path+".tmp", o.path)
		if err == nil {
			return errors.Join(os.Remove(o.path+".tmp"), syncDir(filepath.Dir(o.path)))
		}
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists already: name another file, or overwrite it with --force", o.path)
		}
	}
	if err := os.Rename(o.path+".tmp", o.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(o.path))
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// passphrase reads it from a file, or asks for it on the terminal; again says
// that it is new and asked twice.
func (a *app) passphrase(file string, again bool) (string, error) {
	if file != "" {
		return readPassphrase(file)
	}
	if a.AskSecret == nil {
		return "", errors.New("there is no terminal to ask for the passphrase on: give a file that holds it with --passphrase-file")
	}
	phrase, err := a.AskSecret("Passphrase: ")
	if err != nil || !again {
		return phrase, err
	}
	repeated, err := a.AskSecret("Again: ")
	if err == nil && repeated != phrase {
		err = errors.New("the two passphrases differ: nothing was done")
	}
	return phrase, err
}

// maxSecret bounds a file that holds one secret, in bytes.
const maxSecret = 1024

func readPassphrase(file string) (string, error) {
	return readSecret("--passphrase-file", "the passphrase", file)
}

// readSecret reads the one line of a file that a flag names.
func readSecret(flag, what, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	defer func() { _ = f.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > maxSecret-1 || len(bytes.TrimSpace(rest)) > 0 || len(line) == 0 {
		return "", fmt.Errorf("%s: %s must hold one line, %s", flag, file, what)
	}
	return string(line), nil
}
