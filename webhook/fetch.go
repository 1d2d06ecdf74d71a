package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// fetchWait bounds fetching a file, its body and redirects included.
const fetchWait = time.Minute

// FetchError is a file that could not be fetched. Its text holds nothing of the
// address.
type FetchError struct {
	Err error
	// Final says that trying again would not help: the address is none, or is refused, or
	// there is nothing there.
	Final bool
}

func (e *FetchError) Error() string { return "fetch: " + e.Err.Error() }

// Unwrap answers what has happened.
func (e *FetchError) Unwrap() error { return e.Err }

// Fetch gets the file that an http or https address leads to, and gives take its body,
// which is cut off behind most bytes, and ends within a minute. The address is checked
// like a receiver's, before and in the dial, and so is each one that it redirects to.
// Neither credentials nor a certificate of ours are shown, and no cookie is kept. It
// fails with a [*FetchError], or with what take fails with after a body that came as
// it was sent.
func (s *Sender) Fetch(ctx context.Context, rawurl string, most int64, take func(io.Reader) error) error {
	u, err := url.Parse(rawurl)
	switch {
	case err != nil || len(rawurl) > maxURL:
		return &FetchError{Err: errors.New("it is no address"), Final: true}
	case u.User != nil:
		return &FetchError{Err: errors.New("the address holds a user name"), Final: true}
	}
	if err := s.check(u); err != nil {
		return &FetchError{Err: err, Final: true}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return &FetchError{Err: errors.New("it is no address"), Final: true}
	}
	req.Header.Set("User-Agent", s.userAgent)
	res, err := s.files.Do(req)
	if err != nil {
		return fetchError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		gone := res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusRequestTimeout && res.StatusCode != http.StatusTooManyRequests
		return &FetchError{Err: fmt.Errorf("status %d", res.StatusCode), Final: gone}
	}
	body := &remembering{r: io.LimitReader(res.Body, most)}
	if err := take(body); err == nil || body.err == nil {
		return err
	}
	// What take says of the rest may not be so the next time.
	if errors.Is(body.err, io.ErrUnexpectedEOF) {
		return &FetchError{Err: errors.New("the file broke off")}
	}
	return fetchError(body.err)
}

// remembering keeps what a reader has failed with.
type remembering struct {
	r   io.Reader
	err error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// fetchError takes the address from an error of net/http.
func fetchError(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if own, ok := errors.AsType[*FetchError](err); ok {
		return own
	}
	_, forbidden := errors.AsType[*ForbiddenError](err)
	return &FetchError{Err: reason(err, false, fetchWait), Final: forbidden}
}

// newFiles makes the client of [Sender.Fetch]. Nothing is asked for twice in a row, so it
// keeps no connection.
func (s *Sender) newFiles(dial dialFunc) *http.Client {
	secure := s.wire.tls.Clone()
	secure.GetClientCertificate, secure.NextProtos = nil, nil
	return &http.Client{
		Transport: &http.Transport{
			Proxy:       nil, // see newTwo
			DialContext: dial, TLSClientConfig: secure, TLSHandshakeTimeout: dialWait, ResponseHeaderTimeout: s.timeout,
			MaxResponseHeaderBytes: maxAnswerHead, DisableKeepAlives: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			from := via[len(via)-1].URL
			switch err := s.check(req.URL); {
			case len(via) > maxRedirects:
				return &FetchError{Err: fmt.Errorf("more than %d redirects", maxRedirects), Final: true}
			case err != nil:
				return &FetchError{Err: err, Final: true}
			case req.URL.User != nil:
				return &FetchError{Err: errors.New("it redirects to an address with a user name"), Final: true}
			case from.Scheme == "https" && req.URL.Scheme != "https":
				return &FetchError{Err: errors.New("it leads from https to http"), Final: true}
			}
			req.Header.Del("Referer")
			return nil
		},
	}
}
