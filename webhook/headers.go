package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

const (
	maxHeaders      = 32
	maxHeaderName   = 128
	maxHeaderValues = 8 << 10 // all together; receivers commonly take 8 KB of headers
)

// reserved are headers that are ours to set, or belong to one connection.
var reserved = map[string]bool{
	"Host": true, "Content-Length": true, "Content-Type": true, "Content-Encoding": true,
	"Connection": true, "Keep-Alive": true, "Transfer-Encoding": true, "Te": true, "Trailer": true,
	"Upgrade": true, "Http2-Settings": true, "Expect": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Proxy-Connection": true,
}

// CheckHeaders says, when they are set, why headers cannot be an endpoint's:
// they are not valid, too many, or not the operator's to set. The error names a
// header and holds no value.
func CheckHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return fmt.Errorf("more than %d headers", maxHeaders)
	}
	total, set := 0, make(map[string]bool, len(headers))
	for name, value := range headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case len(name) > maxHeaderName || !httpguts.ValidHeaderFieldName(name):
			return errors.New("a header's name is not valid")
		case reserved[canonical], strings.HasPrefix(canonical, "Webhook-"), strings.HasPrefix(canonical, "Switchhook-"):
			return fmt.Errorf("the header %s is not for endpoints to set", canonical)
		case !httpguts.ValidHeaderFieldValue(value):
			return fmt.Errorf("the value of the header %s holds a control character", canonical)
		}
		if set[canonical] {
			return fmt.Errorf("the header %s is set twice", canonical)
		}
		set[canonical] = true
		total += len(name) + len(value)
	}
	if total > maxHeaderValues {
		return fmt.Errorf("the headers are longer than %d bytes together", maxHeaderValues)
	}
	return nil
}

// CheckBearer says, when it is set, why a token cannot be an endpoint's. The
// error does not hold it.
func CheckBearer(token string) error {
	switch {
	case len(token) > maxHeaderValues:
		return fmt.Errorf("the token is longer than %d bytes", maxHeaderValues)
	case !httpguts.ValidHeaderFieldValue(token):
		return errors.New("the token holds a control character")
	}
	return nil
}

// authorization is the header of a token. One that names its scheme is sent as
// it is.
func authorization(token string) string {
	if strings.HasPrefix(token, "Bearer ") || strings.HasPrefix(token, "Basic ") {
		return token
	}
	return "Bearer " + token
}
