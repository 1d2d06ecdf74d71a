package daemon

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// shelf knows whose picture a token leads to. The zero value knows none. Its methods
// may be called from any goroutine and wait for nobody.
type shelf struct {
	once sync.Once
	key  [32]byte // tokens are compared as HMACs, so that time tells nothing

	mu      sync.RWMutex
	byToken map[[32]byte]string // guarded by mu; the instance's id, by HMAC of the token
	byID    map[string][32]byte // guarded by mu
}

func (s *shelf) hash(token string) (sum [32]byte) {
	s.once.Do(func() { _, _ = rand.Read(s.key[:]) }) // it never fails
	h := hmac.New(sha256.New, s.key[:])
	h.Write([]byte(token))
	h.Sum(sum[:0])
	return sum
}

// put lets a token, and no other, lead to an instance's picture; an empty one lets
// none.
func (s *shelf) put(id, token string) {
	sum := s.hash(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, had := s.byID[id]; had {
		delete(s.byToken, before)
		delete(s.byID, id)
	}
	if token == "" {
		return
	}
	if s.byToken == nil {
		s.byToken, s.byID = make(map[[32]byte]string), make(map[string][32]byte)
	}
	s.byToken[sum], s.byID[id] = id, sum
}

// find answers the instance that a token leads to, in a time that tells nothing of
// tokens there are.
func (s *shelf) find(token string) (id string, ok bool) {
	sum := s.hash(token)
	s.mu.RLock()
	defer s.mu.RUnlock()
	id, ok = s.byToken[sum]
	return id, ok
}
