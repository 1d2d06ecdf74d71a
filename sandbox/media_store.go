package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// maxMedia bounds how many bytes of files are kept. The oldest go first.
const maxMedia = 256 << 20

// mediaStore keeps files as they were uploaded, which is encrypted, in memory. Any
// goroutine may call it.
type mediaStore struct {
	limit int
	auth  string // by which companions upload

	mu     sync.Mutex
	files  map[uint64]mediaFile // below: guarded by mu
	oldest uint64               // the files before it have gone
	newest uint64
	size   int
}

type mediaFile struct {
	body   []byte
	secret string // the part of the path that cannot be guessed
	sender string // the phone's digits; empty if a companion has uploaded it
}

func newMediaStore(limit int) *mediaStore {
	return &mediaStore{limit: limit, auth: randomName(), files: make(map[uint64]mediaFile), oldest: 1}
}

func randomName() string {
	var raw [18]byte
	rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// put keeps a file and returns its path, to which a client appends "&hash=…".
func (s *mediaStore) put(body []byte, sender string) string {
	secret := randomName()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest++
	s.files[s.newest] = mediaFile{body: body, secret: secret, sender: sender}
	s.size += len(body)
	for ; s.size > s.limit && s.oldest < s.newest; s.oldest++ {
		s.size -= len(s.files[s.oldest].body)
		delete(s.files, s.oldest)
	}
	return fmt.Sprintf("%s%d-%s?ccb=11-4", downloadPath, s.newest, secret)
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
