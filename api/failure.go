package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// failure is an error as the admin API says it.
type failure struct {
	Status  int        `json:"-"`
	Message string     `json:"error"`
	Code    string     `json:"code"`            // for programs
	Field   string     `json:"field,omitempty"` // of a bad argument
	State   *fsm.State `json:"state,omitempty"` // where a failed command left the connection
	Cause   fsm.Cause  `json:"cause,omitempty"`
	RetryAt time.Time  `json:"retry_at,omitzero"` // when it is tried again by itself
}

func (f *failure) Error() string { return f.Message }

// sentinels are the known errors that hold no data, with their words for
// programs.
var sentinels = []struct {
	err    error
	status int
	code   string
}{
	{instance.ErrNotFound, http.StatusNotFound, "not_found"},
	{instance.ErrDeleted, http.StatusGone, "deleted"},
	{instance.ErrNameTaken, http.StatusConflict, "name_taken"},
	{instance.ErrEstablished, http.StatusConflict, "established"},
	{instance.ErrSavedSession, http.StatusConflict, "saved_session"},
	{instance.ErrNothingToRestore, http.StatusConflict, "nothing_to_restore"},
	{instance.ErrNotConnected, http.StatusConflict, "not_connected"},
	{instance.ErrLoggingOut, http.StatusConflict, "logging_out"},
	{instance.ErrNoSettingsKey, http.StatusConflict, "no_settings_key"},
	{ErrNoEndpoint, http.StatusNotFound, "no_endpoint"},
	{ErrAmbiguous, http.StatusConflict, "ambiguous"},
	{ErrEndpointTaken, http.StatusConflict, "endpoint_taken"},
	{ErrNothingPending, http.StatusConflict, "nothing_pending"},
	{ErrNoReplay, http.StatusNotFound, "no_replay"},
	{ErrNoTenant, http.StatusNotFound, "no_tenant"},
	{ErrTenantTaken, http.StatusConflict, "tenant_taken"},
	{ErrNoKey, http.StatusNotFound, "no_key"},
	{ErrNotStored, http.StatusNotFound, "not_stored"},
	{ErrNoPicture, http.StatusNotFound, "no_picture"},
	{instance.ErrGone, http.StatusGone, "gone"},
	{instance.ErrBusy, http.StatusTooManyRequests, "busy"},
	{instance.ErrNotReady, http.StatusGatewayTimeout, "not_ready"},
	{instance.ErrUnavailable, http.StatusServiceUnavailable, "unavailable"},
	{instance.ErrFenced, http.StatusConflict, "fenced"},
	{instance.ErrStopping, http.StatusServiceUnavailable, "stopping"},
	{instance.ErrRestarting, http.StatusServiceUnavailable, "restarting"},
	{instance.ErrFull, http.StatusInsufficientStorage, "full"},
}

// Sentinel is the error, of package instance or this one, that a code of the admin API stands
// for, nil if it stands for none.
func Sentinel(code string) error {
	for _, s := range sentinels {
		if s.code == code {
			return s.err
		}
	}
	return nil
}

// explain maps an error of the ports to the admin API's answer. known is false
// for one that must be logged, because the answer says nothing of it.
func explain(err error) (f *failure, known bool) {
	var own *failure
	var failed *instance.FailedError
	var invalid *instance.InvalidError
	var sending *instance.SendError
	var fetching *instance.FetchError
	var pairing *instance.PairingError
	var refused *SandboxError
	var wish *RefusedError
	var fenced *instance.FencedError
	var unsure *instance.PictureError
	var unsaid *instance.LookUpError
	var large *http.MaxBytesError
	var content *ContentError
	if f := nameFailure(err); f != nil {
		return f, true
	}
	switch {
	case errors.As(err, &own):
		return own, true
	case errors.As(err, &invalid):
		return &failure{Status: http.StatusBadRequest, Code: "invalid", Message: invalid.Error(), Field: invalid.Field}, true
	case errors.As(err, &failed):
		return &failure{
			Status: http.StatusBadGateway, Code: "failed", Message: failed.Error(),
			State: &failed.State, Cause: failed.Cause, RetryAt: failed.RetryAt,
		}, true
	case errors.Is(err, instance.ErrTextRefused):
		return &failure{Status: http.StatusBadGateway, Code: "send_refused", Message: err.Error()}, true
	case errors.Is(err, instance.ErrNotUploaded):
		return &failure{Status: http.StatusBadGateway, Code: "upload_failed", Message: err.Error()}, true
	case errors.As(err, &sending):
		return &failure{Status: http.StatusBadGateway, Code: "send_failed", Message: sending.Error()}, true
	case errors.As(err, &fetching):
		return &failure{Status: http.StatusBadGateway, Code: "fetch_failed", Message: fetching.Error()}, true
	case errors.As(err, &pairing):
		return &failure{Status: http.StatusBadGateway, Code: "no_pairing_code", Message: pairing.Error()}, true
	case errors.Is(err, instance.ErrFull): // how full, and what would make room
		return &failure{Status: http.StatusInsufficientStorage, Code: "full", Message: err.Error()}, true
	case errors.Is(err, instance.ErrPictureRefused):
		return &failure{Status: http.StatusBadGateway, Code: "picture_refused", Message: err.Error()}, true
	case errors.As(err, &unsure):
		return &failure{Status: http.StatusBadGateway, Code: "picture_failed", Message: unsure.Error()}, true
	case errors.As(err, &unsaid):
		return &failure{Status: http.StatusBadGateway, Code: "lookup_failed", Message: unsaid.Error()}, true
	case errors.As(err, &refused):
		return &failure{Status: http.StatusConflict, Code: "sandbox", Message: refused.Error()}, true
	case errors.As(err, &wish):
		return &failure{Status: http.StatusConflict, Code: "refused", Message: wish.Error()}, true
	case errors.As(err, &fenced):
		return &failure{Status: http.StatusConflict, Code: "fenced", Message: fenced.Error()}, true
	case errors.As(err, &large):
		return &failure{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("the body is larger than %d MiB", large.Limit>>20)}, true
	case errors.As(err, &content) && errors.Is(err, os.ErrDeadlineExceeded):
		return &failure{Status: http.StatusRequestTimeout, Code: "too_slow", Message: "the file did not arrive in time, and nothing was sent"}, true
	case errors.As(err, &content):
		return &failure{Status: http.StatusBadRequest, Code: "broken_off", Message: "the file broke off, and nothing was sent"}, true
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return &failure{Status: s.status, Code: s.code, Message: s.err.Error()}, true
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &failure{Status: http.StatusGatewayTimeout, Code: "not_ready", Message: instance.ErrNotReady.Error()}, true
	}
	return &failure{Status: http.StatusInternalServerError, Code: "internal", Message: "internal error: the daemon's log has it"}, false
}

func invalid(field, problem string) error {
	return &instance.InvalidError{Field: field, Problem: problem}
}
