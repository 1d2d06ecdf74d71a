package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/record"
)

// defaultKeep is how long the secrets that were sign beside a new one, unless
// the request says otherwise.
const defaultKeep = 24 * time.Hour

// tryTimeout is how long a try of an endpoint may take until its answer is out:
// an endpoint's own timeout is shorter.
const tryTimeout = 2*time.Minute + writeTimeout

// RemovedEndpoint is the answer to a removal.
type RemovedEndpoint struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Removed bool   `json:"removed"`
}

// Rotation is what a rotation of secrets is asked with.
type Rotation struct {
	Secret string `json:"secret,omitempty"` // the new one; empty: one is made
	Keep   *Span  `json:"keep,omitempty"`   // how long the others sign, too; nil: a day
}

func (a *API) endpointRoutes() []route {
	one := func(what ...string) []string { return append([]string{"endpoints", "{ref}"}, what...) }
	routes := []route{
		{http.MethodGet, []string{"endpoints"}, a.endpoints},
		{http.MethodPost, []string{"endpoints"}, a.addEndpoint},
		{http.MethodGet, one(), func(c *call) (any, error) { return c.endpoint, nil }},
		{http.MethodPatch, one(), a.changeEndpoint},
		{http.MethodDelete, one(), a.removeEndpoint},
		{http.MethodPost, one("pause"), a.pauseEndpoint},
		{http.MethodPost, one("resume"), a.endpointCommand(func(c *call) (Endpoint, error) {
			return a.cfg.Endpoints.ResumeEndpoint(c.Context(), c.endpoint.ID)
		})},
		{http.MethodPost, one("retry"), a.endpointCommand(func(c *call) (Endpoint, error) {
			return a.cfg.Endpoints.RetryEndpoint(c.Context(), c.endpoint.ID)
		})},
		{http.MethodPost, one("test"), a.testEndpoint},
		{http.MethodPost, one("skip"), a.skipEvent},
		{http.MethodPost, one("rotate-secret"), a.rotateSecret},
		{http.MethodGet, []string{"deliveries"}, a.deliveries},
		{http.MethodGet, []string{"instances", "{stream}", "deliveries"}, a.deliveriesOf},
		{http.MethodGet, []string{"deadletters"}, a.deadLetters},
		{http.MethodDelete, []string{"deadletters"}, a.deleteDeadLetters},
		{http.MethodPost, []string{"instances", "{stream}", "replay"}, a.replay},
		{http.MethodDelete, []string{"instances", "{stream}", "replay"}, a.stopReplays},
	}
	if a.cfg.Endpoints == nil {
		for i := range routes {
			routes[i].handle = func(*call) (any, error) { return nil, errNoRoute }
		}
	}
	return routes
}

// endpoint finds an endpoint. In a path the slash between owner and name is
// either encoded or written as a tilde, which neither of them holds.
func (a *API) endpoint(c *call, ref string) (Endpoint, error) {
	return a.cfg.Endpoints.Endpoint(c.Context(), strings.Replace(ref, "~", "/", 1))
}

// owner reads ?instance=, ?tenant= and ?daemon=1.
func (a *API) owner(c *call) (of Owner, err error) {
	q := c.URL.Query()
	of.Tenant = q.Get("tenant")
	switch q.Get("daemon") {
	case "", "0", "false":
	case "1", "true":
		of.Daemon = true
	default:
		return of, invalid("daemon", "must be 1, or left out")
	}
	if name := q.Get("instance"); name != "" {
		e, err := a.cfg.Instances.Find(c.Context(), name)
		if err != nil {
			return of, err
		}
		of.Instance = e.ID
	}
	return of, checkOwner(of.Instance, of.Tenant, of.Daemon)
}

func checkOwner(instance, tenant string, daemon bool) error {
	if instance != "" && (tenant != "" || daemon) || tenant != "" && daemon {
		return invalid("instance", "and tenant, and daemon, name several owners: give one of them")
	}
	return nil
}

// endpoints answers a list. It is asked for often and may be long: of the failed
// tries it holds the last one of each, without what was answered, and of secrets
// none: those of one endpoint are told when it is asked for.
func (a *API) endpoints(c *call) (any, error) {
	of, err := a.owner(c)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Endpoints.Endpoints(c.Context(), of)
	for i := range all {
		if tries := all[i].Failures; len(tries) > 0 {
			last := tries[len(tries)-1]
			last.Answer = ""
			all[i].Failures = []record.Try{last}
		}
		all[i].Secrets, all[i].Bearer = []Secret{}, nil
		if h := all[i].Headers; h != nil {
			names := make(map[string]string, len(*h))
			for name := range *h {
				names[name] = ""
			}
			all[i].Headers = &names
		}
	}
	return array(all, err)
}

func (a *API) addEndpoint(c *call) (any, error) {
	// An owner that is there and empty was meant to be somebody. The daemon's
	// endpoint, which is told everything, is made by naming nobody.
	var body struct {
		EndpointSpec
		Instance *string `json:"instance"`
		Tenant   *string `json:"tenant"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	spec := body.EndpointSpec
	for field, owner := range map[string]struct{ given, into *string }{
		"instance": {body.Instance, &spec.Instance}, "tenant": {body.Tenant, &spec.Tenant},
	} {
		switch {
		case owner.given == nil:
		case *owner.given == "":
			return nil, invalid(field, "is empty: leave it out for an endpoint of the whole daemon")
		default:
			*owner.into = *owner.given
		}
	}
	if err := checkOwner(spec.Instance, spec.Tenant, false); err != nil {
		return nil, err
	}
	e, err := a.cfg.Endpoints.AddEndpoint(c.Context(), spec)
	if err != nil {
		return nil, err
	}
	return created{e}, nil
}

func (a *API) changeEndpoint(c *call) (any, error) {
	var ch EndpointChange
	if err := c.decode(&ch); err != nil {
		return nil, err
	}
	return a.cfg.Endpoints.ChangeEndpoint(c.Context(), c.endpoint.ID, ch)
}

func (a *API) removeEndpoint(c *call) (any, error) {
	if err := a.cfg.Endpoints.RemoveEndpoint(c.Context(), c.endpoint.ID); err != nil {
		return nil, err
	}
	return RemovedEndpoint{ID: c.endpoint.ID, Name: c.endpoint.Name, Removed: true}, nil
}

// endpointCommand makes a handler of a command that takes no body.
func (a *API) endpointCommand(run func(*call) (Endpoint, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if err := c.decode(&struct{}{}); err != nil {
			return nil, err
		}
		return run(c)
	}
}

func (a *API) pauseEndpoint(c *call) (any, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if len(body.Reason) > 200 || strings.ContainsFunc(body.Reason, control) {
		return nil, invalid("reason", "must be at most 200 bytes of plain text")
	}
	return a.cfg.Endpoints.PauseEndpoint(c.Context(), c.endpoint.ID, cmp.Or(body.Reason, "paused by an operator"))
}

func control(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

func (a *API) testEndpoint(c *call) (any, error) {
	c.writeWithin(tryTimeout)
	ctx, cancel := context.WithTimeout(c.Context(), tryTimeout-writeTimeout)
	defer cancel()
	return a.cfg.Endpoints.TestEndpoint(ctx, c.endpoint.ID)
}

func (a *API) rotateSecret(c *call) (any, error) {
	var body Rotation
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	keep := defaultKeep
	if body.Keep != nil {
		keep = time.Duration(*body.Keep)
	}
	if keep < 0 {
		return nil, invalid("keep", "must not be negative: 0s lets the others sign no more")
	}
	return a.cfg.Endpoints.RotateSecret(c.Context(), c.endpoint.ID, body.Secret, keep)
}

// array is a list that is [] and not null when it is empty.
func array[T any](all []T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []T{}
	}
	return slices.Clip(all), nil
}
