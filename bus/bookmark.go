package bus

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bookmark is what the bus itself remembers: the origin of the log, and one
// event that is known to be in the stream. The stream's own last message is the
// truth; the bookmark serves when that message has expired or is another's. It
// may therefore be old, and is written now and then.
type bookmark struct {
	path  string
	saved time.Time // when it was last written; zero: has unsaved changes since it was made
	dirty bool

	Origin  string    `json:"origin"`
	Created time.Time `json:"stream_created,omitzero"` // tells this stream from a later one of its name
	Seq     uint64    `json:"stream_seq,omitempty"`
	ID      string    `json:"event,omitempty"`
}

const (
	bookmarkFile  = "bus.json"
	bookmarkEvery = 10 * time.Second
)

// openBookmark reads the bookmark or makes a new one. An origin that is given
// wins over the one on file, whose event it then does not know.
func openBookmark(dir, origin string, log *slog.Logger) (*bookmark, error) {
	m := &bookmark{path: filepath.Join(dir, bookmarkFile)}
	data, err := os.ReadFile(m.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the nats bookmark: %w", err)
	default:
		if err := json.Unmarshal(data, m); err != nil || m.Origin == "" || !validOrigin(m.Origin) {
			log.Warn("nats bookmark unreadable; events may be published again", "path", m.path)
			*m = bookmark{path: m.path}
		}
	}
	if origin != "" && origin != m.Origin {
		*m = bookmark{path: m.path, Origin: origin, dirty: true}
	}
	if m.Origin == "" {
		m.Origin, m.dirty = rand.Text()[:10], true // 50 bits
	}
	err = m.save()
	return m, err
}

// locate finds the bookmark's event in the log.
func (m *bookmark) locate(log Log) (pos uint64, ok bool) {
	return locate(log, m.ID)
}

// set moves the bookmark, in memory.
func (m *bookmark) set(created time.Time, seq uint64, id string) {
	m.Created, m.Seq, m.ID, m.dirty = created, seq, id, true
}

// clear forgets the event.
func (m *bookmark) clear() { m.set(time.Time{}, 0, "") }

// due reports whether it is worth saving.
func (m *bookmark) due() bool { return m.dirty && time.Since(m.saved) >= bookmarkEvery }

// save writes the bookmark if it has changed.
func (m *bookmark) save() error {
	if !m.dirty {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("save the nats bookmark: %w", err)
	}
	m.saved = time.Now() // also after an error: not again at once
	if err := replaceFile(m.path, data); err != nil {
		return fmt.Errorf("save the nats bookmark: %w", err)
	}
	m.dirty = false
	return nil
}

// replaceFile writes a private file so that a crash leaves the old or the new
// content.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func validOrigin(s string) bool {
	return len(s) <= 32 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}
