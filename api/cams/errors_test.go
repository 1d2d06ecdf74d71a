package cams_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/instance"
)

// TestOrder: of all that is wrong with a call the first is answered.
func TestOrder(t *testing.T) {
	steps := []struct {
		code  string
		fault func(w *world, a *ask)
	}{
		{"IncompleteSignature", func(_ *world, a *ask) { a.unsigned = []string{"host"} }},
		{"InvalidAccessKeyId.NotFound", func(_ *world, a *ask) { a.key = "LTAI5tOther" }},
		{"InvalidAccessKeyId.Inactive", func(w *world, _ *ask) { w.tenant.Keys[0].Disabled = true }},
		{"InvalidTimeStamp.Expired", func(_ *world, a *ask) { a.date = "2026-11-21T11:44:00Z" }},
		{"SignatureDoesNotMatch", func(_ *world, a *ask) { a.secret = "else" }},
		{"SignatureNonceUsed", func(_ *world, a *ask) { a.nonce = "n0" }},
		{"InvalidVersion", func(_ *world, a *ask) { a.version = "2014-05-26" }},
		{"Ram.PermissionDeny", func(w *world, _ *ask) { w.tenant.Keys[0].Deny = []string{"cams:update*"} }},
		{"Product.Unsubscript", func(w *world, _ *ask) { w.tenant.Unsubscribed = true }},
		{"Throttling.User", func(w *world, _ *ask) { w.now = noon }},
		{"MissingPhoneNumber", func(_ *world, a *ask) { delete(a.params, "PhoneNumber") }},
		{"InvalidGenerateQrImage", func(_ *world, a *ask) { a.params["GenerateQrImage"] = "GIF" }},
		{"Unknown.ResourceOwnerId", func(w *world, a *ask) { a.params["CustSpaceId"] = "cams-other" }},
		{"InvalidQrdlCode", func(w *world, a *ask) { w.codes = nil }},
		{"OK", func(*world, *ask) {}},
	}
	const action = "UpdatePhoneMessageQrdl"
	for i, step := range steps {
		w := newWorld()
		h := w.handler()
		for n := range 5 {
			a := asks("v3", action, operations[action])
			a.nonce = "n" + string(rune('0'+n))
			if got := play(t, h, a.sign().request()); got.Code != "OK" {
				t.Fatalf("at first: %s", got.Code)
			}
		}
		w.now = noon.Add(time.Second) // unless a fault sets it back, the rate allows more
		a := asks("v3", action, operations[action])
		a.nonce = "new"
		for _, s := range slices.Backward(steps[i:]) {
			s.fault(w, a)
		}
		if got := play(t, h, a.sign().request()); got.Code != step.code {
			t.Errorf("%s, want %s", got.Code, step.code)
		}
	}
}

// TestErrorsAreAsDocumented holds the words of WIRE.md §3.5.
func TestErrorsAreAsDocumented(t *testing.T) {
	const action = "DeletePhoneMessageQrdl"
	for _, c := range []struct {
		status        int
		code, message string
		change        func(w *world, a *ask)
	}{
		{400, "Product.Unsubscript", "You have not subscribed to the specified product.", func(w *world, _ *ask) { w.tenant.Unsubscribed = true }},
		{400, "Ram.PermissionDeny", "You are not authorized to perform the operation.", func(w *world, _ *ask) { w.tenant.Keys[0].Deny = []string{"cams:" + action} }},
		{400, "System.LimitControl", "The system is under flow control.", func(w *world, _ *ask) { w.err = instance.ErrBusy }},
		{400, "Unknown.ResourceOwnerId", "The resource does not belong to the current user.", func(w *world, _ *ask) { w.tenant.Numbers = nil }},
		{400, "Throttling.User", "Request was denied due to user flow control.", func(w *world, _ *ask) { w.nonceErr = instance.ErrBusy }},
		{404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", func(_ *world, a *ask) { a.key = "x" }},
		{400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.", func(w *world, _ *ask) { w.tenant.Keys[0].Until = noon }},
		{400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", func(_ *world, a *ask) { a.secret = "x" }},
		{400, "SignatureNonceUsed", "Specified signature nonce was used already.", func(w *world, a *ask) { w.nonces[keyID+"/"+a.nonce] = noon }},
		{400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.", func(_ *world, a *ask) { a.date = "now" }},
		{400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", func(_ *world, a *ask) { a.date = "2026-11-21T11:44:00Z" }},
		{400, "IncompleteSignature", "The request signature does not conform to Aliyun standards.", func(_ *world, a *ask) { a.system = map[string]string{"Signature": ""} }},
		{400, "InvalidSignatureMethod", "Specified signature method is not valid.", func(_ *world, a *ask) { a.system = map[string]string{"SignatureMethod": "x"} }},
		{400, "MissingQrdlCode", "QrdlCode is mandatory for this action.", func(_ *world, a *ask) { a.params["QrdlCode"] = "" }},
		{400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action.", func(_ *world, a *ask) { a.key = "" }},
		{400, "InvalidQrdlCode", "Specified parameter QrdlCode is not valid.", func(w *world, _ *ask) { w.codes = nil }},
		{404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.", func(_ *world, a *ask) { a.action = "x" }},
		{400, "InvalidVersion", "Specified parameter Version is not valid.", func(_ *world, a *ask) { a.version = "x" }},
		{500, "InternalError", "The request processing has failed due to some unknown error.", func(w *world, _ *ask) { w.keyErr = errors.New("broken") }},
		{503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.", func(w *world, _ *ask) { w.keyErr = instance.ErrUnavailable }},
	} {
		w, a := newWorld(), asks("v1", action, operations[action])
		c.change(w, a)
		got := play(t, w.handler(), a.sign().request())
		if got.status != c.status || got.Code != c.code || got.Message != c.message || got.HostID != host {
			t.Errorf("%+v, want %d %s %s", got, c.status, c.code, c.message)
		}
	}
}

// TestBodyThatBreaksOff: and one that is too large, both in JSON.
func TestBodyThatBreaksOff(t *testing.T) {
	h := newWorld().handler()
	for _, r := range []io.Reader{io.MultiReader(strings.NewReader("a=1"), brokenReader{}), http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("a=12345")), 3)} {
		got := play(t, h, httptest.NewRequest(http.MethodPost, "/", r))
		if got.status != 400 || got.Code != "InvalidBody" || got.Message != "Specified parameter Body is not valid." {
			t.Errorf("%+v", got)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
