package main

import (
	"net"
	"sync"
	"time"
)

// dialLog writes down when each connection was accepted.
type dialLog struct {
	mu sync.Mutex
	at []time.Time // guarded by mu; ascending
}

// dialCount is what a log says of the dials since it was last asked.
type dialCount struct {
	Dials  int `json:"dials"`
	Second int `json:"second"` // the most in any second, wherever it begins
	Tenth  int `json:"tenth"`  // the most in any tenth of a second
}

func (l *dialLog) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, time.Now())
}

// take answers the counts and begins anew.
func (l *dialLog) take() dialCount {
	l.mu.Lock()
	at := l.at
	l.at = nil
	l.mu.Unlock()
	return dialCount{Dials: len(at), Second: most(at, time.Second), Tenth: most(at, time.Second/10)}
}

// most is the largest number of instants that lie within any span of less than
// d.
func most(at []time.Time, d time.Duration) (n int) {
	first := 0
	for last := range at {
		for at[last].Sub(at[first]) >= d {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}

// counted is a listener whose connections are noted.
type counted struct {
	net.Listener
	log *dialLog
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.log.note()
	}
	return conn, err
}
