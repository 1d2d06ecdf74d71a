package store

import "sync"

// healthState remembers whether the last write reached the disk.
type healthState struct {
	mu  sync.Mutex
	err error // guarded by mu; nil while writes work
}

func (h *healthState) set(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = (err == nil) != (h.err == nil)
	h.err = err
	return changed
}

// Health answers why the file cannot be written, or nil while it can.
func (s *Store) Health() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.err
}
