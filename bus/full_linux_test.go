package bus_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/bus"
	"github.com/switchhook/switchhook/internal/filelimit"
)

// fullDirEnv names the directory of the child of TestDiskFull.
const fullDirEnv = "BUS_TEST_FULL_DIR"

// TestDiskFull runs a bus in a process of its own, whose files may not grow beyond a limit
// for a while. The events stay where they are, subscribers can read what is there, and
// when there is room again the rest is published without anybody's doing.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(fullDirEnv); dir != "" {
		fillDisk(t, dir)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.timeout=120s")
	child.Env = append(os.Environ(), fullDirEnv+"="+t.TempDir())
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// fillDisk is the child.
func fillDisk(t *testing.T, dir string) {
	log := newLog()
	log.addMany(100, 5)
	b := start(t, bus.Config{Dir: dir, Embedded: true}, log)
	b.published(log)
	for _, c := range []struct {
		limit  int64
		events int
		says   string
		reads  bool // whether the server runs on meanwhile
	}{
		{128 << 10, 1000, "store cannot be written", true}, // in the middle of a burst
		{1, 1000, "store cannot be written", true},
		{1, 1, "store cannot be written", true}, // what cannot be written is not refused: it gets no answer
		{3 << 20, 2000, "write error", false},   // others can be written: it is started again, now and then
	} {
		filelimit.Set(t, c.limit)
		for range c.events {
			log.append(bulky("a", 2000))
		}
		b.Notify()
		eventually(t, "a status that says what is wrong", func() bool {
			s := b.Status()
			return !s.Connected && strings.Contains(s.LastError, c.says)
		})
		if c.reads {
			before := b.Published()
			had := stored(t, b.reader())
			same(t, had, log.ids()[:len(had)])
			if pos := log.first + stride*uint64(len(had)-1); before > pos {
				t.Errorf("published up to %d, and the stream ends with %d", before, pos)
			}
		}
		filelimit.Set(t, filelimit.None)
		b.published(log)
		same(t, stored(t, b.reader()), log.ids())
	}
}
