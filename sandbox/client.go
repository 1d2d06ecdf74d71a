package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Client is [Control] over a sandbox in another process. Any goroutine may use
// it.
type Client struct {
	// BaseURL is where the sandbox listens, like "http://127.0.0.1:8090". The host
	// must be a loopback address, or the sandbox refuses.
	BaseURL string
	// HTTP makes the requests. Not nil.
	HTTP *http.Client
}

// NewClient returns a client for the sandbox at a base URL. It goes through no
// proxy and follows no redirect.
func NewClient(baseURL string) *Client {
	return &Client{
		BaseURL: strings.TrimRight(baseURL, "/"),
		HTTP: &http.Client{
			Transport:     &http.Transport{Proxy: nil, IdleConnTimeout: 30 * time.Second},
			Timeout:       apiLimit + 10*time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// maxAnswer bounds what a client reads. A device is about 1 KiB.
const maxAnswer = 64 << 20

// Info describes the sandbox. It returns an error if something else answers.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	if err := c.call(ctx, http.MethodGet, "info", nil, &info); err != nil {
		return Info{}, err
	}
	if info.Network != networkName {
		return Info{}, fmt.Errorf("sandbox info: %w", ErrNotSandbox)
	}
	return info, nil
}

// Scan is [Network.Scan].
func (c *Client) Scan(ctx context.Context, digits, code string) (Device, error) {
	var d Device
	err := c.call(ctx, http.MethodPost, "scan", scanRequest{Code: code, Phone: digits}, &d)
	return d, err
}

// Devices is [Network.Devices].
func (c *Client) Devices(ctx context.Context) ([]Device, error) {
	var answer devicesAnswer
	err := c.call(ctx, http.MethodGet, "devices", nil, &answer)
	return answer.Devices, err
}

// Fault is [Network.Fault].
func (c *Client) Fault(ctx context.Context, target Target, kind FaultKind, opts FaultOptions) error {
	var nothing struct{}
	return c.call(ctx, http.MethodPost, "fault", faultRequestOf(target, kind, opts), &nothing)
}

// TypeCode is [Network.TypeCode].
func (c *Client) TypeCode(ctx context.Context, digits, code string) (Device, error) {
	var d Device
	err := c.call(ctx, http.MethodPost, "type", typeRequest{Code: code, Phone: digits}, &d)
	return d, err
}

// Enrol is [Network.Enrol], a thousand companions at a time: those before the
// first thousand with an error have been enrolled.
func (c *Client) Enrol(ctx context.Context, enrolments []Enrolment) error {
	for some := range slices.Chunk(enrolments, maxEnrolments) {
		var nothing struct{}
		if err := c.call(ctx, http.MethodPost, "enrol", enrolRequest{Companions: some}, &nothing); err != nil {
			return err
		}
	}
	return nil
}

// SetMinimumVersion is [Network.SetMinimumVersion].
func (c *Client) SetMinimumVersion(ctx context.Context, version string) error {
	var nothing struct{}
	return c.call(ctx, http.MethodPost, "minimum-version", versionRequest{Version: version}, &nothing)
}

func (c *Client) call(ctx context.Context, verb, name string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("sandbox %s: %w", name, err)
		}
		sent = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, verb, c.BaseURL+apiPath+name, sent)
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", name, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", name, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", name, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(name, response.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("sandbox %s: %w", name, ErrNotSandbox)
	}
	return nil
}

// refused is an error that the sandbox has answered with: its text, and the error
// it was there.
type refused struct {
	text string
	is   error
}

func (r *refused) Error() string { return r.text }
func (r *refused) Unwrap() error { return r.is }

// refusal finds the error behind an answer.
func refusal(name string, status int, raw []byte) error {
	var answer errorAnswer
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Error == "" {
		return fmt.Errorf("sandbox %s: status %d: %w", name, status, ErrNotSandbox)
	}
	for _, known := range errorCodes {
		if known.code == answer.Code {
			return &refused{text: answer.Error, is: known.is}
		}
	}
	return fmt.Errorf("sandbox %s: %s", name, answer.Error)
}
