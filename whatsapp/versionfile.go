package whatsapp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/store"
)

func newer(a, b store.WAVersionContainer) bool { return slices.Compare(a[:], b[:]) > 0 }

var errVersion = errors.New("not three numbers such as 2.3000.1031080782")

func parseVersion(s string) (v store.WAVersionContainer, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != len(v) {
		return v, errVersion
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return store.WAVersionContainer{}, errVersion
		}
		v[i] = uint32(n)
	}
	return v, nil
}

// readVersion reads the version in a file; the zero one if there is none.
func readVersion(file string) (v store.WAVersionContainer, err error) {
	if file == "" {
		return v, nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return v, err
	}
	return parseVersion(strings.TrimSpace(string(raw)))
}

// writeVersion replaces the file by a whole one, or leaves it.
func writeVersion(file string, v store.WAVersionContainer) (err error) {
	if file == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, failed := f.WriteString(v.String() + "\n")
	if err := errors.Join(failed, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
