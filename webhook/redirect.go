package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

const maxRedirects = 5

// redirects reports whether a status asks to send the same request elsewhere.
// 301, 302 and 303 would have it become a GET, which delivers nothing.
func redirects(status int) bool {
	return status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

// follow answers where a redirect leads, checked as an endpoint's address is.
// The error holds nothing of the location.
func (s *Sender) follow(from *url.URL, location string, hops int) (*target, error) {
	if hops >= maxRedirects {
		return nil, fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if location == "" || len(location) > maxURL {
		return nil, errors.New("it leads nowhere")
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("it leads nowhere")
	}
	if ref.User != nil {
		return nil, errors.New("it holds a user name")
	}
	to := from.ResolveReference(ref)
	if err := s.check(to); err != nil {
		return nil, err
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, errors.New("it leads from https to http")
	}
	switch {
	case sameOrigin(from, to):
		to.User = from.User
	default:
		to.User = nil
	}
	return newTarget(to)
}
