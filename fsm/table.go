package fsm

// Session says which connections a [Row] speaks of: some events lead elsewhere
// when there is a saved session to come back to.
type Session uint8

// The three answers to "is there a saved session?" a row can ask for.
const (
	Either  Session = iota // the row holds with and without one
	Without                // only without a saved session
	With                   // only with one
)

// Row is one line of the table: Event moves a connection in From to To.
type Row struct {
	From    State
	Event   Event
	Session Session
	To      State
	Makes   bool // a saved session begins with this transition
	Drops   bool // the saved session ends with this transition
}

// Table is the whole truth about how states follow one another; the machine,
// the diagrams and the tests are made from it. It is a fresh copy.
//
// Session is asked as it stands before the transition. Each pair of state and
// event has at most one row for a connection with a session and one for a
// connection without; what has none is illegal.
func Table() []Row {
	rows := []Row{
		// Commands that dial.
		{From: NoConnection, Event: GenerateRequested, Session: Without, To: Connecting},
		{From: NotAuthenticated, Event: GenerateRequested, Session: Without, To: Connecting},
		{From: NoConnection, Event: RestoreRequested, Session: With, To: Connecting},
		{From: AuthenticatedClosed, Event: RestoreRequested, Session: With, To: Connecting},
		{From: NoConnection, Event: LogoutRequested, Session: With, To: Connecting},
		{From: AuthenticatedClosed, Event: LogoutRequested, Session: With, To: Connecting},
		{From: AuthenticatedClosed, Event: RetryDue, Session: With, To: Connecting},

		// The way up.
		{From: Connecting, Event: HandshakeDone, Session: Either, To: SocketOpen},
		{From: SocketOpen, Event: CodeIssued, Session: Without, To: AwaitingScan},
		{From: SocketOpen, Event: LoginSent, Session: With, To: Starting},
		{From: AwaitingScan, Event: Scanned, Session: Without, To: Starting, Makes: true},
		{From: Starting, Event: LoginAccepted, Session: With, To: Authenticated},

		// The codes.
		{From: AwaitingScan, Event: CodesExhausted, Session: Without, To: Connecting},
		{From: AwaitingScan, Event: CodesUnasked, Session: Without, To: NoConnection},

		// Failures on the way up.
		{From: Connecting, Event: DialFailed, Session: Without, To: NoConnection},
		{From: Connecting, Event: DialFailed, Session: With, To: AuthenticatedClosed},
		{From: Starting, Event: DialFailed, Session: With, To: AuthenticatedClosed},
		{From: SocketOpen, Event: PairingFailed, Session: Without, To: NoConnection},
		{From: AwaitingScan, Event: PairingFailed, Session: Without, To: NoConnection},
		{From: Starting, Event: PairingFailed, Session: With, To: NoConnection, Drops: true},
		{From: SocketOpen, Event: LoginFailed, Session: With, To: AuthenticatedClosed},
		{From: Starting, Event: LoginFailed, Session: With, To: AuthenticatedClosed},

		// The socket goes.
		{From: Connecting, Event: ConnectionLost, Session: Without, To: NoConnection},
		{From: SocketOpen, Event: ConnectionLost, Session: Without, To: NoConnection},
		{From: AwaitingScan, Event: ConnectionLost, Session: Without, To: NoConnection},
		{From: Connecting, Event: ConnectionLost, Session: With, To: AuthenticatedClosed},
		{From: SocketOpen, Event: ConnectionLost, Session: With, To: AuthenticatedClosed},
		{From: Starting, Event: ConnectionLost, Session: With, To: AuthenticatedClosed},
		{From: Authenticated, Event: ConnectionLost, Session: With, To: AuthenticatedClosed},

		// WhatsApp ends the session.
		{From: SocketOpen, Event: LoggedOut, Session: With, To: NotAuthenticated, Drops: true},
		{From: Starting, Event: LoggedOut, Session: With, To: NotAuthenticated, Drops: true},
		{From: Authenticated, Event: LoggedOut, Session: With, To: NotAuthenticated, Drops: true},

		// An operator ends it. In 0 and 13 a close changes nothing, and there
		// is no row.
		{From: Connecting, Event: Closed, Session: Either, To: NoConnection},
		{From: SocketOpen, Event: Closed, Session: Either, To: NoConnection},
		{From: AwaitingScan, Event: Closed, Session: Without, To: NoConnection},
		{From: Starting, Event: Closed, Session: With, To: NoConnection},
		{From: Authenticated, Event: Closed, Session: With, To: NoConnection},
		{From: AuthenticatedClosed, Event: Closed, Session: With, To: NoConnection},

		{From: NoConnection, Event: Disconnected, Session: With, To: NoConnection, Drops: true},
		{From: Connecting, Event: Disconnected, Session: Either, To: NoConnection, Drops: true},
		{From: SocketOpen, Event: Disconnected, Session: Either, To: NoConnection, Drops: true},
		{From: AwaitingScan, Event: Disconnected, Session: Without, To: NoConnection, Drops: true},
		{From: Starting, Event: Disconnected, Session: With, To: NoConnection, Drops: true},
		{From: Authenticated, Event: Disconnected, Session: With, To: NoConnection, Drops: true},
		{From: AuthenticatedClosed, Event: Disconnected, Session: With, To: NoConnection, Drops: true},
		{From: NotAuthenticated, Event: Disconnected, Session: Without, To: NoConnection, Drops: true},
	}
	// What a stop and a start do to a state that claims a socket is the same
	// everywhere: the socket is gone, the session is not. A start must take
	// whatever the disk says, also a state and a session that do not go together.
	for _, from := range States() {
		if !from.Live() {
			continue
		}
		for _, e := range []Event{Stopped, Recovered} {
			rows = append(rows,
				Row{From: from, Event: e, Session: Without, To: NoConnection},
				Row{From: from, Event: e, Session: With, To: AuthenticatedClosed})
		}
	}
	return rows
}

// Next answers what the table says of event in state from, with or without a
// saved session. ok is false where the event is illegal.
func Next(from State, session bool, event Event) (row Row, ok bool) {
	row, ok = lookup[key{from, session, event}]
	return row, ok
}

type key struct {
	from    State
	session bool
	event   Event
}

var lookup = func() map[key]Row {
	m := make(map[key]Row)
	for _, r := range Table() {
		if r.Session != With {
			m[key{r.From, false, r.Event}] = r
		}
		if r.Session != Without {
			m[key{r.From, true, r.Event}] = r
		}
	}
	return m
}()
