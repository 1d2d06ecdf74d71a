package sandbox

import (
	"maps"
	"slices"
	"sync"
)

// switchboard knows who is connected: which connection shows a code, which one a
// companion is logged in on. Any goroutine may call it; it never waits for a
// connection.
type switchboard struct {
	mu    sync.Mutex
	open  map[*conn]struct{} // below: guarded by mu
	refs  map[string]*conn
	shown map[*conn][]string
	seats map[deviceID]*conn
	asked map[*conn]linkRequest
	asks  map[string]*conn // by the digits of the phone asked for: the last that did
}

func newSwitchboard() *switchboard {
	return &switchboard{
		open:  make(map[*conn]struct{}),
		refs:  make(map[string]*conn),
		shown: make(map[*conn][]string),
		seats: make(map[deviceID]*conn),
		asked: make(map[*conn]linkRequest),
		asks:  make(map[string]*conn),
	}
}

// enter puts a connection on the board.
func (s *switchboard) enter(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = struct{}{}
}

// leave takes a connection off the board, with its refs and its seat. The
// connection calls it itself.
func (s *switchboard) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.dropRefs(c)
	if s.seats[c.login] == c {
		delete(s.seats, c.login)
	}
}

func (s *switchboard) dropRefs(c *conn) {
	for _, ref := range s.shown[c] {
		delete(s.refs, ref)
	}
	delete(s.shown, c)
	s.dropAsk(c)
}

func (s *switchboard) dropAsk(c *conn) {
	if r, asks := s.asked[c]; asks && s.asks[r.digits] == c {
		delete(s.asks, r.digits)
	}
	delete(s.asked, c)
}

// ask notes that a client wants a code to be typed on a phone, in place of what
// it asked before. It says false when the client has no codes on show any more.
func (s *switchboard) ask(c *conn, r linkRequest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shown[c]) == 0 {
		return false
	}
	s.dropAsk(c)
	s.asked[c], s.asks[r.digits] = r, c
	return true
}

// asking returns the last client that has asked for a phone, and what it asked,
// or nil.
func (s *switchboard) asking(digits string) (*conn, linkRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.asks[digits]
	return c, s.asked[c]
}

// takeBack makes all codes of a connection lead nowhere. It says false when they
// already did.
func (s *switchboard) takeBack(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	had := len(s.shown[c]) > 0
	s.dropRefs(c)
	return had
}

// all returns all connections.
func (s *switchboard) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.open))
}

// show makes refs lead to a connection, in addition to those that already do.
func (s *switchboard) show(c *conn, refs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		s.refs[ref] = c
	}
	s.shown[c] = append(s.shown[c], refs...)
}

// find returns the connection that a ref leads to, or nil.
func (s *switchboard) find(ref string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refs[ref]
}

// claim is find for the one caller that will pair with the connection: its refs
// lead nowhere from now on.
func (s *switchboard) claim(ref string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.refs[ref]
	if c != nil {
		s.dropRefs(c)
	}
	return c
}

// seat makes a connection the one of its companion, and returns the one that was
// until now, or nil.
func (s *switchboard) seat(id deviceID, c *conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.seats[id]
	s.seats[id] = c
	return before
}

// vacate takes a companion's seat from a connection, if it is that one's.
func (s *switchboard) vacate(id deviceID, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seats[id] == c {
		delete(s.seats, id)
	}
}

// seated returns the companion's connection, or nil.
func (s *switchboard) seated(id deviceID) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seats[id]
}

// seatedOf returns the connections of all companions of a phone.
func (s *switchboard) seatedOf(digits string) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*conn
	for id, c := range s.seats {
		if id.Phone == digits {
			found = append(found, c)
		}
	}
	return found
}

// counts returns how many connections there are, and how many are logged in.
func (s *switchboard) counts() (open, seated int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), len(s.seats)
}
