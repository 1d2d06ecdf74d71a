package fsm

// Event is something that happened to a connection and may move its state.
type Event string

// The events of the table.
const (
	GenerateRequested Event = "generate_requested" // someone asked for a code
	RestoreRequested  Event = "restore_requested"  // someone asked for the saved session
	LogoutRequested   Event = "logout_requested"   // someone asked for a logout that has to dial first
	RetryDue          Event = "retry_due"          // the retry time of a broken connection has come
	HandshakeDone     Event = "handshake_done"     // socket and Noise handshake are up
	CodeIssued        Event = "code_issued"        // WhatsApp offered pairing codes
	CodesExhausted    Event = "codes_exhausted"    // every code was shown, and someone still asks
	CodesUnasked      Event = "codes_unasked"      // nobody asked for a code any more
	Scanned           Event = "scanned"            // a phone accepted the code; the session is stored
	LoginSent         Event = "login_sent"         // the login of a saved session is on its way
	LoginAccepted     Event = "login_accepted"     // WhatsApp accepted the login; usable
	DialFailed        Event = "dial_failed"        // no socket, or no handshake
	PairingFailed     Event = "pairing_failed"     // the scan did not become a session
	LoginFailed       Event = "login_failed"       // refused for now, or never answered
	ConnectionLost    Event = "connection_lost"    // the socket is down
	LoggedOut         Event = "logged_out"         // WhatsApp or the phone ended the session
	Closed            Event = "closed"             // someone closed the connection, keeping the session
	Disconnected      Event = "disconnected"       // someone logged out; the session is dropped
	Stopped           Event = "stopped"            // the daemon is stopping
	Recovered         Event = "recovered"          // the daemon started and found a state that needs a socket
)

// Events lists every event of the table, in the order of a connection's life.
func Events() []Event {
	return []Event{
		GenerateRequested, RestoreRequested, LogoutRequested, RetryDue,
		HandshakeDone, CodeIssued, CodesExhausted, CodesUnasked, Scanned,
		LoginSent, LoginAccepted,
		DialFailed, PairingFailed, LoginFailed, ConnectionLost, LoggedOut,
		Closed, Disconnected, Stopped, Recovered,
	}
}
