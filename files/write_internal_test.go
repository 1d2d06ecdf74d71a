package files

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// TestExplain: a full disk is no room, and anything else a disk that fails.
func TestExplain(t *testing.T) {
	w := &writing{o: &Owner{files: &Files{dir: "/var/lib/files"}}, size: 2048}
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EACCES, syscall.EROFS, syscall.EIO} {
		full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
		got := w.explain(&fs.PathError{Op: "write", Path: "i1/media/x", Err: err})
		if errors.Is(got, ErrFull) != full || errors.Is(got, ErrUnwritable) == full || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
		if !strings.Contains(got.Error(), "/var/lib/files") || full != strings.Contains(got.Error(), "full after 2 KiB: free space") {
			t.Errorf("%v: %v", err, got)
		}
	}
}
