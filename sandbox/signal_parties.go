package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// parties are the phones' ends of their sessions, made when they are first
// needed. Any goroutine may call it.
type parties struct {
	journal *journal

	mu       sync.Mutex
	byDigits map[string]*party // guarded by mu
}

func newParties(j *journal) *parties {
	return &parties{journal: j, byDigits: make(map[string]*party)}
}

// of returns a phone's.
func (s *parties) of(p phone) *party {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.byDigits[p.Digits]
	if !known {
		t = newParty(p, s.journal)
		s.byDigits[p.Digits] = t
	}
	return t
}

// forget drops every session with a companion that is no more.
func (s *parties) forget(id deviceID) {
	s.mu.Lock()
	all := make([]*party, 0, len(s.byDigits))
	for _, t := range s.byDigits {
		all = append(all, t)
	}
	s.mu.Unlock()
	for _, t := range all {
		t.forget(id)
	}
}

// restore takes a value from the state file. It is called before anybody else
// knows of the parties; the keys come before what hangs on them.
func (s *parties) restore(phones func(string) (phone, bool), bucket, name string, value []byte) error {
	digits, rest, _ := strings.Cut(name, "|")
	p, known := phones(digits)
	if !known {
		return fmt.Errorf("%s of an unknown phone", bucket)
	}
	if bucket == string(signalBucket) {
		t := emptyParty(p, s.journal)
		if err := json.Unmarshal(value, &t.keys); err != nil {
			return fmt.Errorf("read %s: %w", bucket, err)
		}
		s.byDigits[digits] = t
		return nil
	}
	t, known := s.byDigits[digits]
	if !known {
		return fmt.Errorf("%s of a phone without keys", bucket)
	}
	if bucket == string(sessionsBucket) {
		id, err := parseDeviceID(rest)
		t.sessions[id] = value
		return err
	}
	number, err := strconv.ParseUint(rest, 10, 32)
	if err != nil {
		return fmt.Errorf("read %s: %w", bucket, err)
	}
	t.oneTime[uint32(number)], err = keyFrom(value)
	return err
}

// parseDeviceID reads what deviceID's String has written.
func parseDeviceID(name string) (deviceID, error) {
	digits, number, _ := strings.Cut(name, ":")
	n, err := strconv.ParseUint(number, 10, 8)
	if err != nil || !validPhone(digits) {
		return deviceID{}, fmt.Errorf("%q is no device", masked(name))
	}
	return deviceID{Phone: digits, Number: uint8(n)}, nil
}
