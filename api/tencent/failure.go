package tencent

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/instance"
)

// The codes, as the vendor's pages name them.
const (
	codeBadShape     = 40001 // of profiles
	codeNoAccount    = 40003
	codeProfileAdmin = 40004
	codeProfile      = 40006 // an internal error, of profiles
	codeReadOnly     = 40008
	codeNoTag        = 40009
	codeTooLong      = 40601
	codeBadValue     = 40605
	codeBadType      = 40610

	codeHTTP       = 60002
	codeJSON       = 60003
	codeNoSig      = 60004
	codeBadApp     = 60006
	codeRate       = 60007
	codeTimeout    = 60008
	codeNoCommand  = 60009
	codeAdmin      = 60010
	codeMissingApp = 60012
	codeNotString  = 60015

	codeExpired         = 70001
	codeBadSig          = 70003
	codeWrongSig        = 70009
	codeOtherIdentifier = 70013
	codeOtherApp        = 70014
	codeNoKey           = 70016
	codeUnknownApp      = 70020
	codeBadAccounts     = 70402 // what codeBadShape is of profiles
)

// decodeFail is the only ErrorInfo that the vendor documents, that of codeBadShape.
const decodeFail = "Err_Profile_Comm_Decode_Fail"

// outcome is in every answer.
type outcome struct {
	ActionStatus string `json:"ActionStatus"` // "OK" or "FAIL"
	ErrorCode    int    `json:"ErrorCode"`
	ErrorInfo    string `json:"ErrorInfo"`
	ErrorDisplay string `json:"ErrorDisplay"`
}

// succeeded is the outcome of every success.
var succeeded = outcome{ActionStatus: "OK"}

// failure is an error as this dialect says it. Of a request its text holds only what the
// dialect has names for.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

// outcome is what the caller sees of it.
func (f *failure) outcome() outcome {
	if f.code == codeBadShape {
		return outcome{ActionStatus: "FAIL", ErrorCode: f.code, ErrorInfo: decodeFail, ErrorDisplay: f.text}
	}
	return outcome{ActionStatus: "FAIL", ErrorCode: f.code, ErrorInfo: f.text}
}

// words are the codes of what services name differently.
type words struct {
	needsAdmin int
	badShape   int
	internal   int
}

var (
	profileWords = words{needsAdmin: codeProfileAdmin, badShape: codeBadShape, internal: codeProfile}
	accountWords = words{needsAdmin: codeAdmin, badShape: codeBadAccounts, internal: codeTimeout}
)

// The dialect's own words.
var (
	errVerb       = &failure{codeHTTP, "send the request by POST"}
	errQuery      = &failure{codeHTTP, "the query is not percent-encoded: encode each parameter on its own"}
	errTwice      = &failure{codeHTTP, "sdkappid, identifier, usersig and contenttype may each stand once in the query"}
	errType       = &failure{codeHTTP, "contenttype must be json"}
	errBody       = &failure{codeHTTP, "the body broke off, or has more than 1 MiB"}
	errCommand    = &failure{codeNoCommand, "there is no such command: check the URL"}
	errMissingApp = &failure{codeMissingApp, "sdkappid is missing in the query"}
	errBadApp     = &failure{codeBadApp, "sdkappid is not a number"}
	errUnknownApp = &failure{codeUnknownApp, "there is no app of that sdkappid: the operator's tenants have them"}
	errNoSig      = &failure{codeNoSig, "identifier or usersig is missing in the query"}
	errRate       = &failure{codeRate, "too many calls of this command in this second: send them more slowly"}
	errNoAccount  = &failure{codeNoAccount, "there is no such account: import it with account_import, or make an instance of that name"}
)

// soon is said of what may work when it is tried again.
const soon = "the call could not be done now: try again later"

// explain says an error in this dialect's words. known is false for one whose text is kept
// from the caller and logged.
func (w words) explain(err error) (f *failure, known bool) {
	var own *failure
	switch {
	case errors.As(err, &own):
		return own, true
	case errors.Is(err, ErrNoApp):
		return errUnknownApp, true
	case errors.Is(err, ErrNoAccount):
		return errNoAccount, true
	}
	for _, e := range []error{
		instance.ErrUnavailable, instance.ErrStopping,
		context.Canceled, context.DeadlineExceeded, // the client has gone
	} {
		if errors.Is(err, e) {
			return &failure{w.internal, soon}, true
		}
	}
	return &failure{w.internal, soon}, false
}
