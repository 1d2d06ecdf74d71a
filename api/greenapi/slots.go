package greenapi

import (
	"sync"
	"time"
)

// slots bounds how many requests of a kind are under way, of each instance and of
// all. Any goroutine may use it.
type slots struct {
	most, each int

	mu  sync.Mutex
	all int           // guarded by mu
	of  map[int64]int // guarded by mu
}

// slotWait is when a slot may be free.
const slotWait = time.Second

// take takes a slot, or answers a 429. done gives it back.
func (s *slots) take(id int64) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.most || s.of[id] >= s.each {
		return nil, tooMany(slotWait)
	}
	if s.of == nil {
		s.of = make(map[int64]int)
	}
	s.all++
	s.of[id]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[id]--; s.of[id] == 0 {
			delete(s.of, id)
		}
	}, nil
}
