package files

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/record"
)

// ErrFull says that there is no room for a file. Nothing was stored.
var ErrFull = errors.New("no room for the file")

// ErrUnwritable says that the directory cannot be written. Nothing was stored.
var ErrUnwritable = errors.New("the directory of files cannot be written")

// folders are those of each instance, in the order that Usage answers them.
var folders = [...]string{"media", "profile", "thumb"}

// keepFree is what files leave free on the disk for the event log.
const keepFree = 64 << 20

// Options are the limits.
type Options struct {
	PerInstance int64 // bytes that one instance may store; 0 or less: no limit
	Total       int64 // bytes that all may store together; 0 or less: no limit
	// Free answers how many bytes the disk of a directory has left for us. Nil
	// asks the system; where that cannot tell, the disk is taken to be large.
	Free func(dir string) (int64, error)
	Log  *slog.Logger // nil discards
}

// Files is one directory of stored files. Its methods may be called from any
// goroutine.
type Files struct {
	dir  string
	root *os.Root
	opts Options

	mu     sync.Mutex        // held for moments, never over the disk
	owners map[string]*Owner // guarded by mu
	used   int64             // guarded by mu; bytes stored and being written, of all
}

// Open opens a directory, which it makes if it is not there, removes what a crash
// has left of files that were being written, and counts the rest.
func Open(dir string, o Options) (*Files, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Free == nil {
		o.Free = free
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of files: %w: give it to the user the daemon runs as", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of files: %w", err)
	}
	f := &Files{dir: dir, root: root, opts: o, owners: make(map[string]*Owner)}
	if err := f.count(); err != nil {
		_ = root.Close() // read only: nothing to lose
		return nil, fmt.Errorf("count the files in %s: %w: give them to the user the daemon runs as", dir, err)
	}
	return f, nil
}

// Close lets go of the directory. Later writes fail.
func (f *Files) Close() error { return f.root.Close() }

// count walks over what is there.
func (f *Files) count() error {
	instances, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, dir := range instances {
		if !dir.IsDir() || !plain(dir.Name()) {
			f.opts.Log.Warn("something that is no instance's stands among the files and is left alone", "name", dir.Name())
			continue
		}
		o := f.Of(dir.Name())
		for i, folder := range folders {
			if err := o.walk(i, func(name string, size int64) error {
				if strings.HasPrefix(name, tempPrefix) {
					return f.root.Remove(o.path(folder, name))
				}
				o.add(i, size, 1)
				return nil
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Of answers the files of one instance, by its id. It touches no disk.
func (f *Files) Of(instance string) *Owner {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.owners[instance]
	if o == nil {
		o = &Owner{files: f, id: instance}
		f.owners[instance] = o
	}
	return o
}

// Erase removes an instance's files with their directory, for a deleted instance.
// What it is still writing fails. Erasing what is not there is harmless.
func (f *Files) Erase(instance string) error {
	if !plain(instance) {
		return nil // it never had any
	}
	o := f.Of(instance)
	o.disk.Lock()
	defer o.disk.Unlock()
	if err := f.root.RemoveAll(instance); err != nil {
		return fmt.Errorf("erase the files of %s: %w", instance, err)
	}
	o.erased = true
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range o.usage {
		f.used -= o.usage[i].bytes
		o.usage[i] = usage{}
	}
	delete(f.owners, instance)
	return nil
}

// Usage is what all instances have stored together, in bytes.
func (f *Files) Usage() (bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.owners {
		for _, u := range o.usage {
			bytes += u.bytes
		}
	}
	return bytes
}

// file describes a stored file.
func (o *Owner) file(folder, name string, size int64) record.File {
	return record.File{Name: name, Folder: folder, Path: filepath.Join(o.files.dir, o.id, folder, name), Bytes: size}
}
