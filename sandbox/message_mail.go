package sandbox

import "context"

// MailQuery picks mail. The zero value picks all of it.
type MailQuery struct {
	To        string    `json:"to,omitempty"`        // an account's digits
	Companion string    `json:"companion,omitempty"` // a companion's JID
	IDs       []string  `json:"ids,omitempty"`
	Class     MailClass `json:"class,omitempty"`
	Waiting   bool      `json:"waiting,omitempty"` // only what would be delivered at the next login
	After     uint64    `json:"after,omitempty"`   // only what the server took after that serial
	Limit     int       `json:"limit,omitempty"`   // how many at most, the oldest; 0 is no limit
}

// Mail returns what the sandbox believes of the mail that a query picks, in the
// order in which the server took it. It knows of all that waits, and of the latest
// 300,000 pieces that do not; what was acknowledged before the network was opened
// is forgotten. The error is ErrClosed or nil.
func (n *Network) Mail(_ context.Context, q MailQuery) ([]MailStatus, error) {
	if !n.enter() {
		return nil, ErrClosed
	}
	defer n.exit()
	return n.mail.list(q), nil
}
