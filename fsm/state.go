package fsm

import "strconv"

// State is the condition a connection is in. The numbers reach disks and other
// people's software (WIRE.md §1.1), so each is written out; 5 to 9 and 12 do
// not exist.
type State uint8

// The states. Their names say what is true while a connection is in one; their
// strings on the wire are those of [State.String].
const (
	NoConnection        State = 0  // nothing runs; a saved session may exist
	Connecting          State = 1  // dialling
	SocketOpen          State = 2  // socket and Noise handshake done
	AwaitingScan        State = 3  // unpaired, a code is on offer
	Starting            State = 4  // paired or restoring: login sent, not yet usable
	Authenticated       State = 10 // usable
	AuthenticatedClosed State = 11 // a valid session whose socket is down
	NotAuthenticated    State = 13 // the session was refused or revoked; a new code is needed
)

// States lists every state in ascending order of its code.
func States() []State {
	return []State{
		NoConnection, Connecting, SocketOpen, AwaitingScan, Starting,
		Authenticated, AuthenticatedClosed, NotAuthenticated,
	}
}

// String is the state's name in the WITI format, the odd spelling of 1
// included: it is part of the format.
func (s State) String() string {
	switch s {
	case NoConnection:
		return "noConnection"
	case Connecting:
		return "webSocketOpenining"
	case SocketOpen:
		return "webSocketOpen"
	case AwaitingScan:
		return "waitForQRAuthentication"
	case Starting:
		return "Starting"
	case Authenticated:
		return "WhatsAppAuthenticated"
	case AuthenticatedClosed:
		return "WhatsAppAuthenticatedConnectionClosed"
	case NotAuthenticated:
		return "WhatsAppNotAuthenticated"
	default:
		return "unknown state " + strconv.Itoa(int(s))
	}
}

// Valid reports whether s is one of [States].
func (s State) Valid() bool {
	switch s {
	case NoConnection, Connecting, SocketOpen, AwaitingScan, Starting,
		Authenticated, AuthenticatedClosed, NotAuthenticated:
		return true
	default:
		return false
	}
}

// Live reports whether a connection attempt is under way or standing: a socket
// exists, or one is being dialled.
func (s State) Live() bool {
	switch s {
	case Connecting, SocketOpen, AwaitingScan, Starting, Authenticated:
		return true
	default:
		return false
	}
}
