package instance

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// What a command can be answered with. Callers branch on these with errors.Is;
// each dialect says them in its own words.
var (
	// ErrEstablished: a code was asked for while a connection stands or is
	// logging in.
	ErrEstablished = errors.New("connection already established")
	// ErrSavedSession: a code was asked for while a saved session exists.
	ErrSavedSession = errors.New("a saved session exists: restore or disconnect it first")
	// ErrNothingToRestore: there is no saved session.
	ErrNothingToRestore = errors.New("no saved session: link the instance first, by generating a code and scanning it")
	// ErrNotReady: the command's outcome did not come within its time; what was
	// begun goes on, and the status tells how.
	ErrNotReady = errors.New("not finished yet: ask for the status")
	// ErrUnavailable: the store cannot be written. Nothing was changed.
	ErrUnavailable = errors.New("the store cannot be written now: free space or mend the data directory, then try again")
	// ErrNotConnected: what was asked for needs a usable connection.
	ErrNotConnected = errors.New("not connected: restore the session, or generate a code and scan it")
	// ErrBusy: too many messages, files, pictures or questions are on their way.
	ErrBusy = errors.New("too much is being asked of WhatsApp at once: try again in a moment")
	// ErrGone: WhatsApp does not keep the file any more.
	ErrGone = errors.New("WhatsApp does not keep this file any more: ask the sender for it again")
	// ErrFull: the instance's files have no more room. Nothing was stored.
	ErrFull = errors.New("the instance's storage is full: clear it, or allow it more")
	// ErrStopping: the daemon is stopping.
	ErrStopping = errors.New("the daemon is stopping")
	// ErrRestarting: the instance failed inside Switchhook and is being started
	// again.
	ErrRestarting = errors.New("the instance failed and is being restarted: ask again in a moment")
	// ErrLoggingOut: a logout is under way, and the command would contradict it.
	ErrLoggingOut = errors.New("a logout is under way: wait for it to end")
	// ErrDeleted: the instance is being deleted.
	ErrDeleted = errors.New("the instance was deleted")
	// ErrNotFound: no instance has that name, id or key.
	ErrNotFound = errors.New("no such instance")
	// ErrNameTaken: another instance has that name.
	ErrNameTaken = errors.New("an instance of that name exists already")
)

// FailedError is the answer to a command whose dial, pairing or login failed:
// the connection is in State now, for Cause. It is tried again by itself at
// RetryAt, unless that is zero.
type FailedError struct {
	State   fsm.State
	Cause   fsm.Cause
	RetryAt time.Time
}

func (e *FailedError) Error() string {
	s := fmt.Sprintf("the connection went to %s (%s)", e.State, e.Cause)
	switch h := e.Cause.Hint(); {
	case h != "":
		s += ": " + h
	case e.RetryAt.IsZero():
		s += ": try again, and see the daemon's log if it stays so"
	}
	if !e.RetryAt.IsZero() {
		s = strings.TrimSuffix(s, ".") + "; it is tried again by itself at " + e.RetryAt.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return s
}

// InvalidError is the answer to a bad argument. Nothing was changed.
type InvalidError struct {
	Field   string
	Problem string // says what is wrong and what would be right
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Problem }
