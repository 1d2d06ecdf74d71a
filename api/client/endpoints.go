package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/api"
)

// Endpoints answers those of an owner, or all for the zero value. The owner's
// instance may be a name.
func (c *Client) Endpoints(ctx context.Context, of api.Owner) (all []api.Endpoint, err error) {
	q := url.Values{}
	put(q, "instance", of.Instance)
	put(q, "tenant", of.Tenant)
	if of.Daemon {
		q.Set("daemon", "1")
	}
	err = c.do(ctx, http.MethodGet, "/api/v1/endpoints?"+q.Encode(), nil, &all)
	return all, err
}

// Endpoint answers one endpoint, by its id or as [api.ParseRef] reads it.
func (c *Client) Endpoint(ctx context.Context, ref string) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodGet, endpoint(ref), nil, &e)
	return e, err
}

// AddEndpoint makes an endpoint.
func (c *Client) AddEndpoint(ctx context.Context, spec api.EndpointSpec) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodPost, "/api/v1/endpoints", spec, &e)
	return e, err
}

// ChangeEndpoint sets what is not nil; what waits is tried at once.
func (c *Client) ChangeEndpoint(ctx context.Context, ref string, ch api.EndpointChange) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodPatch, endpoint(ref), ch, &e)
	return e, err
}

// RemoveEndpoint forgets an endpoint with what waits for it.
func (c *Client) RemoveEndpoint(ctx context.Context, ref string) (r api.RemovedEndpoint, err error) {
	err = c.do(ctx, http.MethodDelete, endpoint(ref), nil, &r)
	return r, err
}

// PauseEndpoint sends nothing more until ResumeEndpoint. reason may be empty.
func (c *Client) PauseEndpoint(ctx context.Context, ref, reason string) (e api.Endpoint, err error) {
	in := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	err = c.do(ctx, http.MethodPost, endpoint(ref, "pause"), in, &e)
	return e, err
}

// ResumeEndpoint enables an endpoint and tries all that waits.
func (c *Client) ResumeEndpoint(ctx context.Context, ref string) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodPost, endpoint(ref, "resume"), nil, &e)
	return e, err
}

// RetryEndpoint tries what waits now.
func (c *Client) RetryEndpoint(ctx context.Context, ref string) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodPost, endpoint(ref, "retry"), nil, &e)
	return e, err
}

// TestEndpoint sends a test event and answers what came of it.
func (c *Client) TestEndpoint(ctx context.Context, ref string) (t api.Tested, err error) {
	err = c.do(ctx, http.MethodPost, endpoint(ref, "test"), nil, &t)
	return t, err
}

// RotateSecret gives an endpoint a new signing secret.
func (c *Client) RotateSecret(ctx context.Context, ref string, r api.Rotation) (e api.Endpoint, err error) {
	err = c.do(ctx, http.MethodPost, endpoint(ref, "rotate-secret"), r, &e)
	return e, err
}

// SkipEvent gives up the event that an endpoint is stuck with, or with a replay's id the
// one that the replay is. instance, which
// may be "daemon", is needed where several streams lead to the endpoint.
func (c *Client) SkipEvent(ctx context.Context, ref, instance, replay string) (d api.DeadLetter, err error) {
	in := struct {
		Instance string `json:"instance,omitempty"`
		Replay   string `json:"replay,omitempty"`
	}{instance, replay}
	err = c.do(ctx, http.MethodPost, endpoint(ref, "skip"), in, &d)
	return d, err
}

// Deliveries answers the lanes of an instance, or of "daemon".
func (c *Client) Deliveries(ctx context.Context, instance string) (lanes []api.Lane, err error) {
	err = c.do(ctx, http.MethodGet, one(instance, "deliveries"), nil, &lanes)
	return lanes, err
}

// AllDeliveries answers the lanes of all streams, those in trouble first and at
// most api.MaxLanes, and how many there are.
func (c *Client) AllDeliveries(ctx context.Context) (lanes []api.Lane, total int, err error) {
	res, err := c.ask(ctx, http.MethodGet, "/api/v1/deliveries?limit="+strconv.Itoa(api.MaxLanes), nil)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if err := c.decode(ctx, res, &lanes); err != nil {
		return nil, 0, err
	}
	total, err = strconv.Atoi(res.Header.Get(api.TotalHeader))
	if err != nil {
		total = len(lanes)
	}
	return lanes, total, nil
}

// DeadLook says which dead letters are wanted; the zero value is the first hundred.
type DeadLook struct {
	Instance, Endpoint string // empty: of all
	After              string // only those behind this place
	Limit              int    // at most so many, up to api.MaxDeadLetters; 0 for the daemon's default
}

// DeadLetters answers what was given up.
func (c *Client) DeadLetters(ctx context.Context, l DeadLook) (all []api.PlacedLetter, err error) {
	q := url.Values{}
	put(q, "instance", l.Instance)
	put(q, "endpoint", l.Endpoint)
	put(q, "after", l.After)
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	err = c.do(ctx, http.MethodGet, "/api/v1/deadletters?"+q.Encode(), nil, &all)
	return all, err
}

// DeleteDeadLetters forgets what was given up, of an instance, an endpoint, or
// both, wholly from one event to another; 0 is no bound. It answers how many went.
func (c *Client) DeleteDeadLetters(ctx context.Context, instance, ref string, from, to uint64) (int, error) {
	q := url.Values{}
	put(q, "instance", instance)
	put(q, "endpoint", ref)
	for name, seq := range map[string]uint64{"from": from, "to": to} {
		if seq > 0 {
			q.Set(name, strconv.FormatUint(seq, 10))
		}
	}
	var d api.DeletedLetters
	err := c.do(ctx, http.MethodDelete, "/api/v1/deadletters?"+q.Encode(), nil, &d)
	return d.Deleted, err
}

// Replay delivers events of an instance, or of "daemon", once more and answers
// the lanes that do. The spec's endpoint may be any reference to one.
func (c *Client) Replay(ctx context.Context, instance string, spec api.ReplaySpec) (lanes []api.Lane, err error) {
	err = c.do(ctx, http.MethodPost, one(instance, "replay"), spec, &lanes)
	return lanes, err
}

// StopReplays ends replays of an instance, or of "daemon", and answers the lanes
// that they were: to one endpoint or to all for "", the one of an id or all.
func (c *Client) StopReplays(ctx context.Context, instance, ref, replay string) (lanes []api.Lane, err error) {
	q := url.Values{}
	put(q, "endpoint", ref)
	put(q, "replay", replay)
	err = c.do(ctx, http.MethodDelete, one(instance, "replay")+"?"+q.Encode(), nil, &lanes)
	return lanes, err
}

// endpoint is the path of an endpoint and what is below it. The slash of a
// reference is written as a tilde, which no proxy takes for a part of the path.
func endpoint(ref string, below ...string) string {
	ref = url.PathEscape(strings.Replace(ref, "/", "~", 1))
	return "/api/v1/endpoints/" + strings.Join(append([]string{ref}, below...), "/")
}

func put(q url.Values, key, value string) {
	if value != "" {
		q.Set(key, value)
	}
}
