package sandbox

import (
	"context"
	"errors"
	"net/http"
)

// The errors a caller may branch on, with [errors.Is]. They are the same whether
// the network is in this process or behind a [Client].
var (
	ErrClosed         = errors.New("sandbox is closed")
	ErrNotSandbox     = errors.New("not a sandbox") // only from a Client
	ErrBadCode        = errors.New("not a pairing code")
	ErrUnknownCode    = errors.New("code was never shown by this sandbox")
	ErrCodeExpired    = errors.New("code is no longer on show")
	ErrKeyMismatch    = errors.New("code carries other keys than its connection")
	ErrBadPhone       = errors.New("phone number is not 8 to 15 digits without a leading zero")
	ErrUnknownPhone   = errors.New("no such phone")
	ErrNoDeviceNumber = errors.New("phone has given out all its device numbers")
	ErrPairingRefused = errors.New("companion refused the pairing")
	ErrBadSignature   = errors.New("companion signed the pairing wrongly")
	ErrConnectionLost = errors.New("companion's connection was lost")
	ErrBadTarget      = errors.New("fault needs one target, a phone or a code: not both, and not the whole network")
	ErrBadTimes       = errors.New("times must be 1 or more, or -1 for all until healed")
	ErrUnknownFault   = errors.New("unknown fault kind")
	ErrNotConnected   = errors.New("no companion of this phone is connected: wait until one is, or lay a fault of the dial or the login, which wait for it")
	ErrNotPaired      = errors.New("it needs a paired companion")
	ErrNotShowing     = errors.New("fault needs a client that shows a code")
	ErrBadVersion     = errors.New("not a version")
	ErrNotAsked       = errors.New("no client asks to be typed in on this phone")
	ErrWrongCode      = errors.New("code is not the one the client shows")
	ErrBadEnrolment   = errors.New("not an enrolment")
	ErrEnrolled       = errors.New("enrolment contradicts what is known")
	ErrBadMessage     = errors.New("not a message")
	ErrBadBehaviour   = errors.New("not a behaviour")
	ErrBadPicture     = errors.New("not a JPEG of at most 1 MiB")
	ErrBadName        = errors.New("not a name of 1 to 25 characters")
	ErrUnknownMessage = errors.New("no such message is remembered")
	ErrMailFull       = errors.New("too much mail is waiting")
)

// errorCodes says how each error travels over HTTP: as a status for people and a
// code for a [Client], which finds the error again by it. An error in no row is
// an internal one, and the caller is told no more than that.
var errorCodes = []struct {
	is     error
	code   string
	status int
}{
	{ErrBadCode, "bad_code", http.StatusBadRequest},
	{ErrBadPhone, "bad_phone", http.StatusBadRequest},
	{ErrBadTarget, "bad_target", http.StatusBadRequest},
	{ErrBadTimes, "bad_times", http.StatusBadRequest},
	{ErrUnknownFault, "unknown_fault", http.StatusBadRequest},
	{ErrUnknownCode, "unknown_code", http.StatusNotFound},
	{ErrUnknownPhone, "unknown_phone", http.StatusNotFound},
	{ErrKeyMismatch, "key_mismatch", http.StatusConflict},
	{ErrNoDeviceNumber, "no_device_number", http.StatusConflict},
	{ErrNotConnected, "not_connected", http.StatusConflict},
	{ErrNotPaired, "not_paired", http.StatusConflict},
	{ErrNotShowing, "not_showing", http.StatusConflict},
	{ErrEnrolled, "enrolled", http.StatusConflict},
	{ErrNotAsked, "not_asked", http.StatusConflict},
	{ErrBadVersion, "bad_version", http.StatusBadRequest},
	{ErrBadEnrolment, "bad_enrolment", http.StatusBadRequest},
	{ErrWrongCode, "wrong_code", http.StatusUnprocessableEntity},
	{ErrBadMessage, "bad_message", http.StatusBadRequest},
	{ErrBadBehaviour, "bad_behaviour", http.StatusBadRequest},
	{ErrBadPicture, "bad_picture", http.StatusBadRequest},
	{ErrBadName, "bad_name", http.StatusBadRequest},
	{ErrUnknownMessage, "unknown_message", http.StatusNotFound},
	{ErrMailFull, "mail_full", http.StatusInsufficientStorage},
	{ErrCodeExpired, "code_expired", http.StatusGone},
	{ErrPairingRefused, "pairing_refused", http.StatusUnprocessableEntity},
	{ErrBadSignature, "bad_signature", http.StatusUnprocessableEntity},
	{ErrConnectionLost, "connection_lost", http.StatusBadGateway},
	{ErrClosed, "closed", http.StatusServiceUnavailable},
	{context.DeadlineExceeded, "timeout", http.StatusGatewayTimeout},
	{context.Canceled, "cancelled", http.StatusServiceUnavailable},
}
