package sandbox

import "sync/atomic"

// counters is what the network counts as it goes.
type counters struct {
	accepted, handshakes, pairings, logins, refused atomic.Int64

	dials, loginRate rate
}

// Stats are counts since the network was opened, and of the moment.
type Stats struct {
	Accepted   int64 `json:"accepted"`   // websockets
	Handshakes int64 `json:"handshakes"` // of them, those that finished theirs
	Pairings   int64 `json:"pairings"`
	Logins     int64 `json:"logins"`
	Refused    int64 `json:"refused"` // logins answered with a failure

	Open      int `json:"open"`      // connections now
	Connected int `json:"connected"` // companions logged in now
	Phones    int `json:"phones"`
	Devices   int `json:"devices"`
	Faults    int `json:"faults"` // lying in wait now

	Dials     Rate `json:"dials"`      // whoever asked for a websocket, answered or not
	LoginRate Rate `json:"login_rate"` // companions let in

	Logged map[string]int `json:"logged"` // logins by the JID of each paired device
}

// Stats returns the network's counts.
func (n *Network) Stats() Stats {
	s := Stats{
		Accepted:   n.stats.accepted.Load(),
		Handshakes: n.stats.handshakes.Load(),
		Pairings:   n.stats.pairings.Load(),
		Logins:     n.stats.logins.Load(),
		Refused:    n.stats.refused.Load(),
		Phones:     n.ledger.phoneCount(),
		Faults:     n.ambush.count(),
		Dials:      n.stats.dials.view(),
		LoginRate:  n.stats.loginRate.view(),
		Logged:     make(map[string]int),
	}
	s.Open, s.Connected = n.board.counts()
	for _, d := range n.ledger.list() {
		s.Devices++
		s.Logged[d.JID] = d.Logins
	}
	return s
}
