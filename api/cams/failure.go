package cams

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/instance"
)

// recommend is where the errors are explained.
const recommend = "https://github.com/switchhook/switchhook/blob/main/docs/cams.md#errors"

// envelope is the form of every error. The clients of the one kind look at the status
// alone, those of the other at Code alone.
type envelope struct {
	RequestID string  `json:"RequestId"`
	HostID    string  `json:"HostId"`
	Code      string  `json:"Code"`
	Message   string  `json:"Message"`
	Recommend string  `json:"Recommend"`
	Denied    *denial `json:"AccessDeniedDetail,omitempty"`
}

// denial says which permission is missing, and of which key.
type denial struct {
	Action    string `json:"AuthAction"`
	Kind      string `json:"NoPermissionType"`
	Principal string `json:"AuthPrincipalDisplayName"`
}

// failure is an error as this dialect says it.
type failure struct {
	status  int
	code    string
	message string
	denied  *denial
	retry   time.Duration // when trying again can help; 0: nothing is said
	why     string        // a constant phrase for the operator, where the code says too little
}

func (f *failure) Error() string { return f.code }

func refusal(code, message string) *failure {
	return &failure{status: http.StatusBadRequest, code: code, message: message}
}

// The dialect's own words.
var (
	errUnsubscribed  = refusal("Product.Unsubscript", "You have not subscribed to the specified product.")
	errFlowControl   = refusal("System.LimitControl", "The system is under flow control.")
	errNotOwned      = refusal("Unknown.ResourceOwnerId", "The resource does not belong to the current user.")
	errInactiveKey   = refusal("InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
	errMismatch      = refusal("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
	errNonceUsed     = refusal("SignatureNonceUsed", "Specified signature nonce was used already.")
	errTimeFormat    = refusal("InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	errTimeExpired   = refusal("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	errMethod        = refusal("InvalidSignatureMethod", "Specified signature method is not valid.")
	errNoKey         = &failure{status: http.StatusNotFound, code: "InvalidAccessKeyId.NotFound", message: "Specified access key is not found."}
	errUnknownAction = &failure{status: http.StatusNotFound, code: "InvalidAction.NotFound", message: notFound}
	errVerb          = &failure{status: http.StatusMethodNotAllowed, code: "InvalidAction.NotFound", message: notFound, why: "another verb than GET and POST"}
	errUnavailable   = &failure{status: http.StatusServiceUnavailable, code: "ServiceUnavailable", message: "The request has failed due to a temporary failure of the server.", retry: soon}
	errInternal      = &failure{status: http.StatusInternalServerError, code: "InternalError", message: "The request processing has failed due to some unknown error."}
)

const notFound = "Specified api is not found, please check your url and method."

// soon is when a daemon that cannot serve now may be asked again.
const soon = 5 * time.Second

// incomplete refuses a call for its form.
func incomplete(why string) *failure {
	f := refusal("IncompleteSignature", "The request signature does not conform to Aliyun standards.")
	f.why = why
	return f
}

func missing(parameter string) *failure {
	return refusal("Missing"+parameter, parameter+" is mandatory for this action.")
}

func invalid(parameter string) *failure {
	return refusal("Invalid"+parameter, "Specified parameter "+parameter+" is not valid.")
}

func throttled(wait time.Duration) *failure {
	f := refusal("Throttling.User", "Request was denied due to user flow control.")
	f.retry = wait
	return f
}

func permissionDenied(action, key string) *failure {
	f := refusal("Ram.PermissionDeny", "You are not authorized to perform the operation.")
	f.denied = &denial{Action: action, Kind: "ExplicitDeny", Principal: key}
	return f
}

// sentinels are the known errors of a [Port].
var sentinels = []struct {
	err error
	*failure
}{
	{ErrNoKey, errNoKey},
	{ErrNonceUsed, errNonceUsed},
	{ErrNotOwned, errNotOwned},
	{ErrNoQRDL, invalid("QrdlCode")},
	{ErrTooMany, errFlowControl},
	{instance.ErrBusy, errFlowControl},
	{instance.ErrUnavailable, errUnavailable},
	{instance.ErrStopping, errUnavailable},
	{context.Canceled, errUnavailable}, // the client has gone
	{context.DeadlineExceeded, errUnavailable},
}

// explain says an error in this dialect's words. known is false for one whose text is
// kept from the caller and logged.
func explain(err error) (f *failure, known bool) {
	if own, ok := errors.AsType[*failure](err); ok {
		return own, true
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.failure, true
		}
	}
	return errInternal, false
}
