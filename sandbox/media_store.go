package sandbox

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxMedia bounds how many bytes of files are kept. The oldest go first.
const maxMedia = 256 << 20

// mediaStore keeps files as they were uploaded, which is encrypted: what phones
// send in memory, what companions upload in files without a name. Any goroutine may
// call it.
type mediaStore struct {
	limit int64
	auth  string // by which companions upload

	mu     sync.Mutex
	files  map[uint64]mediaFile // below: guarded by mu
	oldest uint64               // the files before it have gone
	newest uint64
	size   int64
}

type mediaFile struct {
	content io.ReaderAt
	size    int64
	secret  string // the part of the path that cannot be guessed
	sender  string // the phone's digits; empty if a companion has uploaded it
}

// all reads the file from its beginning.
func (f mediaFile) all() *io.SectionReader { return io.NewSectionReader(f.content, 0, f.size) }

func newMediaStore(limit int64) *mediaStore {
	return &mediaStore{limit: limit, auth: randomName(), files: make(map[uint64]mediaFile), oldest: 1}
}

func randomName() string {
	var raw [18]byte
	rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// put keeps what a phone sends and returns its path, to which a client appends
// "&hash=…".
func (s *mediaStore) put(body []byte, sender string) string {
	return s.keep(mediaFile{content: bytes.NewReader(body), size: int64(len(body)), sender: sender})
}

// keep keeps a file. One that has to go for it is let go of, not closed: somebody
// may be reading it, and an *os.File that nobody holds closes itself.
func (s *mediaStore) keep(f mediaFile) (path string) {
	f.secret = randomName()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest++
	s.files[s.newest] = f
	s.size += f.size
	for ; s.size > s.limit && s.oldest < s.newest; s.oldest++ {
		s.size -= s.files[s.oldest].size
		delete(s.files, s.oldest)
	}
	return fmt.Sprintf("%s%d-%s?ccb=11-4", downloadPath, s.newest, f.secret)
}

// close lets go of all files. Downloads end before.
func (s *mediaStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if c, ok := f.content.(io.Closer); ok {
			c.Close()
		}
	}
	clear(s.files)
	s.oldest = s.newest + 1
}

// get returns the file with a name. When there is none, gone says whether there
// has been one.
func (s *mediaStore) get(name string) (file mediaFile, found, gone bool) {
	number, secret, _ := strings.Cut(name, "-")
	id, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return mediaFile{}, false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file, found = s.files[id]
	if found && file.secret != secret {
		return mediaFile{}, false, false
	}
	return file, found, id > 0 && id < s.oldest
}
