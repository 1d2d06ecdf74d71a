package greenapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/instance"
)

// envelope is the form of every error, as it was seen at the hosted service.
type envelope struct {
	Status  int    `json:"statusCode"`
	At      string `json:"timestamp"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// timestamp is the form of a time in an [envelope].
const timestamp = "2006-01-02T15:04:05.000Z"

// failure is an error as this dialect says it.
type failure struct {
	status  int
	message string
	retry   time.Duration // when trying again can help; 0: nothing is said
}

func (f *failure) Error() string { return f.message }

// The dialect's own words.
const (
	notAuthorized     = "instance account not authorized"
	alreadyAuthorized = "instance account already authorized"
	inStarting        = "instance in starting process try later"
	badData           = "bad request data"
)

// statusClosed is nginx's, for a client that has gone; nobody reads it.
const statusClosed = 499

var errBadData = &failure{status: http.StatusBadRequest, message: badData}

func tooMany(wait time.Duration) error {
	return &failure{status: http.StatusTooManyRequests, message: "Too Many Requests", retry: wait}
}

// invalid says which field of a body is wrong, and why.
func invalid(field, problem string) error {
	return &failure{status: http.StatusBadRequest, message: "Validation failed. Details: '" + field + "' " + problem}
}

// soon is when a daemon that cannot serve now may be asked again.
const soon = 5 * time.Second

// sentinels are the known errors that hold no data.
var sentinels = []struct {
	err error
	failure
}{
	{instance.ErrNotFound, failure{status: http.StatusForbidden, message: "Forbidden"}},
	{instance.ErrDeleted, failure{status: http.StatusForbidden, message: "Forbidden"}},
	{instance.ErrNotConnected, failure{status: http.StatusBadRequest, message: notAuthorized}},
	{instance.ErrFenced, failure{status: http.StatusBadRequest, message: notAuthorized + ": the instance was moved to another daemon"}},
	{instance.ErrEstablished, failure{status: http.StatusBadRequest, message: alreadyAuthorized}},
	{instance.ErrSavedSession, failure{status: http.StatusBadRequest, message: savedSession}},
	{instance.ErrLoggingOut, failure{status: http.StatusBadRequest, message: inStarting}},
	{instance.ErrBusy, failure{status: http.StatusTooManyRequests, message: "Too Many Requests", retry: time.Second}},
	{instance.ErrTextRefused, failure{status: http.StatusBadGateway, message: "WhatsApp refused the message"}},
	{instance.ErrNotUploaded, failure{status: http.StatusBadGateway, message: "the file could not be uploaded to WhatsApp, and nothing was sent"}},
	{instance.ErrPictureRefused, failure{status: http.StatusBadGateway, message: "WhatsApp refused the picture"}},
	{instance.ErrNotReady, failure{status: http.StatusGatewayTimeout, message: "not finished yet: ask for the state"}},
	{instance.ErrFull, failure{status: http.StatusInsufficientStorage, message: "the instance's storage is full"}},
	{instance.ErrUnavailable, failure{status: http.StatusServiceUnavailable, message: "Service Unavailable", retry: soon}},
	{instance.ErrRestarting, failure{status: http.StatusServiceUnavailable, message: "Service Unavailable", retry: soon}},
	{instance.ErrStopping, failure{status: http.StatusServiceUnavailable, message: "Service Unavailable", retry: soon}},
}

// explain says an error in this dialect's words. known is false for one whose text is
// kept from the caller and logged.
func explain(err error) (f *failure, known bool) {
	var own *failure
	var bad *instance.InvalidError
	var large *http.MaxBytesError
	var sending *instance.SendError
	var failed *instance.FailedError
	switch {
	case errors.As(err, &own):
		return own, true
	case errors.As(err, &large):
		return &failure{status: http.StatusRequestEntityTooLarge, message: "Payload Too Large"}, true
	case errors.As(err, &bad):
		return &failure{status: http.StatusBadRequest, message: "Validation failed. Details: '" + wireName(bad.Field) + "' " + bad.Problem}, true
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return &s.failure, true
		}
	}
	switch {
	case errors.As(err, &sending):
		return &failure{status: http.StatusBadGateway, message: "WhatsApp did not confirm the message: it may have been sent"}, true
	case errors.As(err, &failed):
		return &failure{status: http.StatusBadGateway, message: failed.Error()}, true
	case errors.Is(err, context.Canceled):
		return &failure{status: statusClosed, message: "Client Closed Request"}, true
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{status: http.StatusGatewayTimeout, message: "not finished yet: ask for the state"}, true
	}
	return &failure{status: http.StatusInternalServerError, message: "Internal Server Error"}, false
}

// wireName is what a field that a port complains about is called here.
func wireName(field string) string {
	switch field {
	case "to", "jid":
		return "chatId"
	case "text":
		return "message"
	case "phone":
		return "phoneNumber"
	case "name":
		return "fileName"
	default:
		return field
	}
}
