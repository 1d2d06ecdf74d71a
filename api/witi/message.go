package witi

import (
	"context"
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/instance"
)

// message says an error in this dialect's words. known is false for one whose
// text is kept from the caller.
func message(err error) (text string, known bool) {
	var body bodyError
	var large *http.MaxBytesError
	var failed *instance.FailedError
	var invalid *instance.InvalidError
	switch {
	case errors.As(err, &large):
		return "The body is larger than 1 MiB", true
	case errors.As(err, &body):
		return "Invalid body: " + body.Error(), true
	case errors.As(err, &invalid):
		return "Invalid " + invalid.Error(), true
	case errors.As(err, &failed):
		return "Connection failed: " + failed.Error(), true
	case errors.Is(err, instance.ErrEstablished):
		return "Connection already established", true
	case errors.Is(err, instance.ErrSavedSession):
		return "A saved session exists: restore or disconnect it first", true
	case errors.Is(err, instance.ErrNothingToRestore):
		return "No saved session: generate a QR code and scan it", true
	case errors.Is(err, instance.ErrNotReady), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "Not finished yet: ask for the status", true
	case errors.Is(err, instance.ErrFenced):
		return "The instance was exported and does not run here", true
	case errors.Is(err, instance.ErrUnavailable):
		return "The server cannot store changes now: try again later", true
	case errors.Is(err, instance.ErrStopping):
		return "The server is stopping: try again later", true
	case errors.Is(err, instance.ErrDeleted), errors.Is(err, instance.ErrNotFound):
		return "The instance was deleted", true
	default:
		return "Internal error", false
	}
}
