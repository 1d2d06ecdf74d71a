package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// Error is a refusal by the daemon. errors.Is finds the error of package
// instance that it stands for, errors.As an *instance.FailedError or
// *instance.InvalidError.
type Error struct {
	Status  int    // HTTP status
	Code    string // for programs
	Message string // for people
	cause   error
}

func (e *Error) Error() string { return e.Message }

// Unwrap answers the error of package instance, nil if it is none of them.
func (e *Error) Unwrap() error { return e.cause }

// UnreachedError says that no daemon answered.
type UnreachedError struct {
	Where string // the socket's path, or the host
	Err   error
}

func (e *UnreachedError) Error() string { return fmt.Sprintf("no answer from %s: %v", e.Where, e.Err) }

// Unwrap answers what the system said.
func (e *UnreachedError) Unwrap() error { return e.Err }

// unreached strips the address that net/http puts before an error.
func (c *Client) unreached(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &UnreachedError{Where: c.where, Err: err}
}

// refusal reads the error in an answer.
func refusal(res *http.Response) error {
	e := &Error{Status: res.StatusCode, Message: "the daemon answered " + res.Status}
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return e
	}
	var f struct {
		Message string    `json:"error"`
		Code    string    `json:"code"`
		Field   string    `json:"field"`
		State   fsm.State `json:"state"`
		Cause   fsm.Cause `json:"cause"`
		RetryAt time.Time `json:"retry_at"`
	}
	if json.Unmarshal(body, &f) != nil || f.Message == "" {
		return e // not from a daemon: a proxy, say
	}
	e.Message, e.Code = f.Message, f.Code
	switch f.Code {
	case "invalid":
		e.cause = &instance.InvalidError{Field: f.Field, Problem: trimField(f.Message, f.Field)}
	case "failed":
		e.cause = &instance.FailedError{State: f.State, Cause: f.Cause, RetryAt: f.RetryAt}
	default:
		e.cause = api.Sentinel(f.Code)
	}
	return e
}

func trimField(message, field string) string {
	if prefix := field + ": "; len(message) > len(prefix) && message[:len(prefix)] == prefix {
		return message[len(prefix):]
	}
	return message
}
