package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/record"
)

// Owner is the files of one instance. Its methods may be called from any
// goroutine.
type Owner struct {
	files *Files
	id    string

	disk   sync.Mutex // over what changes which files there are
	erased bool       // guarded by disk

	usage   [len(folders)]usage // guarded by files.mu
	writing int64               // guarded by files.mu; bytes of files that are not stored yet
}

// usage is what one folder holds.
type usage struct {
	bytes int64
	files int
}

// Usage is the instance's tree, from memory.
func (o *Owner) Usage() record.Tree {
	o.files.mu.Lock()
	defer o.files.mu.Unlock()
	t := record.Tree{Subs: make([]record.TreeLeaf, 0, len(folders))}
	for i, name := range folders {
		u := o.usage[i]
		t.Bytes += u.bytes
		t.Files += u.files
		t.Subs = append(t.Subs, record.TreeLeaf{Name: name, Bytes: u.bytes, Files: u.files})
	}
	return t
}

// Find answers a stored file, and an error that is [fs.ErrNotExist] if there is
// none of that name.
func (o *Owner) Find(folder, name string) (record.File, error) {
	f, err := o.Open(folder, name)
	if err != nil {
		return record.File{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return record.File{}, err
	}
	return o.file(folder, Clean(name), st.Size()), nil
}

// Open opens a stored file for reading. Clearing or replacing it does not disturb
// whoever reads it.
func (o *Owner) Open(folder, name string) (*os.File, error) {
	if _, err := o.folder(folder); err != nil {
		return nil, err
	}
	f, err := o.files.root.Open(o.path(folder, Clean(name)))
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	return f, nil
}

// Clear removes all stored files. What is being written meanwhile is stored
// afterwards. After an error the files that are left are still counted.
func (o *Owner) Clear() error {
	if !plain(o.id) {
		return nil
	}
	o.disk.Lock()
	defer o.disk.Unlock()
	for i, folder := range folders {
		err := o.walk(i, func(name string, size int64) error {
			if strings.HasPrefix(name, tempPrefix) {
				return nil
			}
			if err := o.files.root.Remove(o.path(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			o.add(i, -size, -1)
			return nil
		})
		if err != nil {
			return fmt.Errorf("clear the files of %s: %w", o.id, err)
		}
	}
	// Nothing is left. Somebody else may have taken some before.
	o.files.mu.Lock()
	defer o.files.mu.Unlock()
	for i := range o.usage {
		o.files.used -= o.usage[i].bytes
		o.usage[i] = usage{}
	}
	return nil
}

// Remove removes a stored file. Removing what is not there is harmless, and does not
// disturb whoever reads it.
func (o *Owner) Remove(folder, name string) error {
	i, err := o.folder(folder)
	if err != nil {
		return err
	}
	o.disk.Lock()
	defer o.disk.Unlock()
	name = Clean(name)
	st, err := o.files.root.Lstat(o.path(folder, name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !st.Mode().IsRegular() {
		return nil
	}
	if err == nil {
		err = o.files.root.Remove(o.path(folder, name))
	}
	if err != nil {
		return fmt.Errorf("remove a file of %s: %w", o.id, err)
	}
	o.add(i, -st.Size(), -1)
	return nil
}

// Keep removes all stored files of a folder but those of these names. It is for a
// folder that nobody is writing to.
func (o *Owner) Keep(folder string, names ...string) error {
	i, err := o.folder(folder)
	if err != nil {
		return err
	}
	var others []string
	if err := o.walk(i, func(name string, _ int64) error {
		if !strings.HasPrefix(name, tempPrefix) && !slices.Contains(names, name) {
			others = append(others, name)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("tidy the files of %s: %w", o.id, err)
	}
	for _, name := range others {
		if err := o.Remove(folder, name); err != nil {
			return err
		}
	}
	return nil
}

// walk calls fn for every file of a folder.
func (o *Owner) walk(i int, fn func(name string, size int64) error) error {
	entries, err := fs.ReadDir(o.files.root.FS(), o.path(folders[i]))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue // not ours
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(e.Name(), st.Size()); err != nil {
			return err
		}
	}
	return nil
}

// add counts what a folder has more.
func (o *Owner) add(i int, bytes int64, files int) {
	o.files.mu.Lock()
	defer o.files.mu.Unlock()
	o.usage[i].bytes += bytes
	o.usage[i].files += files
	o.files.used += bytes
}

// folder is the index of a folder of that name.
func (o *Owner) folder(name string) (int, error) {
	i := slices.Index(folders[:], name)
	if i < 0 || !plain(o.id) {
		return 0, fmt.Errorf("files of %q: there is no folder %q", o.id, name)
	}
	return i, nil
}

// path is below the root, with slashes.
func (o *Owner) path(below ...string) string { return path.Join(append([]string{o.id}, below...)...) }
