package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/switchhook/switchhook/outbox"
)

const (
	minRetryAfter = time.Second
	maxRetryAfter = time.Hour

	excerptMost = 1 << 10     // bytes of an answer that are kept
	drainMost   = 16 << 10    // bytes read beyond, so that the connection can be used again
	drainWait   = time.Second // and for how long
)

// judge makes the verdict of an answer's status and headers. accepts is the
// format's own rule of success, nil if any 2xx is one.
func judge(resp *http.Response, accepts Judge, u *url.URL, now time.Time) outbox.Verdict {
	v := outbox.Verdict{Status: resp.StatusCode}
	ok := v.Status >= 200 && v.Status <= 299
	if accepts != nil {
		ok = accepts.Accepts(v.Status)
	}
	if ok {
		v.Outcome = outbox.Delivered
		return v
	}
	note := ""
	switch {
	case v.Status == http.StatusGone:
		v.Outcome = outbox.Disable
	case v.Status == http.StatusRequestTimeout, v.Status == http.StatusTooEarly,
		v.Status == http.StatusTooManyRequests, v.Status >= 500:
		v.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	case v.Status >= 300 && v.Status <= 399:
		v.Slow, note = true, ", redirects are not followed"
	case v.Status >= 200 && v.Status <= 299:
		v.Slow, note = true, ", which the format does not count as success"
	default:
		v.Slow = true
	}
	v.Err = fmt.Errorf("post to %s: status %d%s", origin(u), v.Status, note)
	return v
}

// retryAfter reads a Retry-After header, seconds or an HTTP date, within our
// bounds. 0: there is none that can be read.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if isDigits(value) {
		seconds, err := strconv.ParseUint(value, 10, 32)
		if err != nil || seconds > uint64(maxRetryAfter/time.Second) { // err: too many digits
			return maxRetryAfter
		}
		return max(time.Duration(seconds)*time.Second, minRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), minRetryAfter), maxRetryAfter)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// readAnswer lets go of an answer after reading a little of it, for a little while:
// the verdict is already made. Of an answer to a failed try it returns the beginning,
// for people.
func readAnswer(a *answer, delivered bool, t *try, secrets func() []string) string {
	if a.Body == http.NoBody {
		a.done(true)
		return ""
	}
	defer a.hurry(drainWait, t.deadline)()
	excerpt := ""
	if !delivered {
		b, err := io.ReadAll(io.LimitReader(a.Body, excerptMost)) // what came before an error is still an excerpt
		excerpt = printable(scrub(string(b), err != nil || len(b) == excerptMost, t.to.url, secrets()))
	}
	_, err := io.CopyN(io.Discard, a.Body, drainMost)
	a.done(errors.Is(err, io.EOF)) // else there is more, or it broke off
	return excerpt
}

// printable keeps text as one line that a terminal and a page can show.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}
