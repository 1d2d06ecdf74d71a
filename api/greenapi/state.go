package greenapi

import (
	"slices"

	"github.com/switchhook/switchhook/fsm"
)

// The states of GREEN-API.
const (
	StateNotAuthorized = "notAuthorized"
	StateAuthorized    = "authorized"
	StateBlocked       = "blocked"
	StateSleepMode     = "sleepMode"
	StateStarting      = "starting"
	StateYellowCard    = "yellowCard"
)

// States of the socket, as getStatusInstance and statusInstanceChanged say them.
const (
	StatusOnline  = "online"
	StatusOffline = "offline"
)

// stateRow is one line of the table. A connection in code, with or without a session
// that can be restored, that went there for one of causes, is in state here.
type stateRow struct {
	code    fsm.State
	session fsm.Session
	causes  []fsm.Cause // nil: whatever the cause
	state   string
	why     string // for docs/greenapi.md
}

// heals are the causes that a connection comes back from by itself: those that
// [fsm.Cause.Retries] says, one by one, so that a new one has to be sorted here.
var heals = []fsm.Cause{
	fsm.CauseScan, fsm.CauseProgress, fsm.CauseNetwork, fsm.CauseServerError, fsm.CauseKeepaliveTimeout,
	fsm.CauseLoginTimeout, fsm.CauseQRRefresh, fsm.CauseRetry, fsm.CauseShutdown, fsm.CauseRestart,
	fsm.CauseStoreUnavailable, fsm.CauseInternalError,
}

// stays are those that need somebody, but for the ban.
var stays = []fsm.Cause{
	fsm.CauseOperator, fsm.CauseStreamReplaced, fsm.CauseLoggedOut, fsm.CauseClientOutdated, fsm.CauseConnectRefused,
	fsm.CausePairingFailed, fsm.CauseQRTimeout, fsm.CauseLogoutUnconfirmed,
}

var ban = []fsm.Cause{fsm.CauseTemporaryBan}

// stateTable is the whole table: each connection is in one row.
func stateTable() []stateRow {
	return []stateRow{
		{fsm.NoConnection, fsm.Without, slices.Concat(heals, stays), StateNotAuthorized, "nothing is linked: ask for a QR code"},
		{fsm.NoConnection, fsm.Without, ban, StateBlocked, "WhatsApp has locked the number, and nothing is linked"},
		{fsm.NoConnection, fsm.With, nil, StateSleepMode, "the connection was closed and its session kept: `reboot` brings it back"},
		{fsm.Connecting, fsm.Without, nil, StateNotAuthorized, "a QR code is on its way"},
		{fsm.Connecting, fsm.With, nil, StateStarting, "the session is being restored"},
		{fsm.SocketOpen, fsm.Without, nil, StateNotAuthorized, "a QR code is on its way"},
		{fsm.SocketOpen, fsm.With, nil, StateStarting, "the session is being restored"},
		{fsm.AwaitingScan, fsm.Either, nil, StateNotAuthorized, "a QR code, or a code to type, is on show"},
		{fsm.Starting, fsm.Either, nil, StateStarting, "scanned or restoring: the login is on its way"},
		{fsm.Authenticated, fsm.Either, nil, StateAuthorized, "usable"},
		{fsm.AuthenticatedClosed, fsm.With, heals, StateStarting, "the socket is down and comes back by itself"},
		{fsm.AuthenticatedClosed, fsm.With, stays, StateSleepMode, "the socket is down and somebody has to do something about it; then `reboot`"},
		{fsm.AuthenticatedClosed, fsm.With, ban, StateYellowCard, "WhatsApp has locked the number for a time"},
		{fsm.AuthenticatedClosed, fsm.Without, nil, StateNotAuthorized, "the session may not be used here: the instance was exported"},
		{fsm.NotAuthenticated, fsm.Either, nil, StateNotAuthorized, "the session was ended on the phone or by WhatsApp: ask for a QR code"},
	}
}

type stateKey struct {
	code    fsm.State
	session bool
	cause   fsm.Cause
}

// stateOf is the table as it is asked.
var stateOf = func() map[stateKey]string {
	out := make(map[stateKey]string)
	for _, row := range stateTable() {
		causes := row.causes
		if causes == nil {
			causes = slices.Concat(fsm.Causes(), []fsm.Cause{""})
		}
		for _, cause := range causes {
			for _, session := range []bool{false, true} {
				if row.session == fsm.Either || session == (row.session == fsm.With) {
					out[stateKey{row.code, session, cause}] = row.state
				}
			}
		}
	}
	// A new instance has no cause yet.
	out[stateKey{fsm.NoConnection, false, ""}] = StateNotAuthorized
	out[stateKey{fsm.AuthenticatedClosed, true, ""}] = StateStarting
	return out
}()

// State is what GREEN-API calls the state of a connection that is in code for cause;
// canRestore says whether it has a session that needs no code. What is unknown is
// notAuthorized.
func State(code fsm.State, cause fsm.Cause, canRestore bool) string {
	if s, ok := stateOf[stateKey{code, canRestore, cause}]; ok {
		return s
	}
	return StateNotAuthorized
}

// Status is whether GREEN-API calls the socket of a connection in code online.
func Status(code fsm.State) string {
	if code == fsm.Authenticated {
		return StatusOnline
	}
	return StatusOffline
}
