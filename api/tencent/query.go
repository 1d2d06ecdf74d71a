package tencent

import (
	"net/url"
	"strconv"
	"strings"
)

// query is what stands in the address of a call. What is missing is empty. The parameter
// random is not looked at: known clients send no number in it.
type query struct {
	app        string
	identifier string
	usersig    string
}

// readQuery reads a query that is still encoded. A contenttype may be missing.
func readQuery(text string) (query, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return query{}, errQuery
	}
	for _, name := range []string{"sdkappid", "identifier", "usersig", "contenttype"} {
		if len(values[name]) > 1 {
			return query{}, errTwice // which of them counts would be a guess
		}
	}
	if kind := values.Get("contenttype"); kind != "" && !strings.EqualFold(kind, "json") {
		return query{}, errType
	}
	return query{app: values.Get("sdkappid"), identifier: values.Get("identifier"), usersig: values.Get("usersig")}, nil
}

// appID reads an SDKAppID: a number above 0 in its shortest spelling.
func appID(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == text
}
