package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mapped is how many kilobytes of a file this process has mapped and resident.
func mapped(t *testing.T, path string) (kb int) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	ours := false
	for line := range strings.Lines(string(smaps)) {
		fields := strings.Fields(line)
		if !strings.HasSuffix(fields[0], ":") {
			ours = fields[len(fields)-1] == path
			continue
		}
		if n := 0; ours && fields[0] == "Rss:" {
			if _, err := fmt.Sscan(fields[1], &n); err != nil {
				t.Fatal(err)
			}
			kb += n
		}
	}
	return kb
}

// TestRelease unmaps what was read, and it can be read again.
func TestRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "switchhook.db")
	s, err := Open(path, Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := mapped(t, path)
	if before == 0 {
		t.Fatal("nothing of an open file is mapped")
	}
	release(s.file())
	if after := mapped(t, path); after >= before {
		t.Errorf("%d KB are mapped, before it were %d KB", after, before)
	}
	if _, err := s.Instances(); err != nil {
		t.Error(err)
	}
}
