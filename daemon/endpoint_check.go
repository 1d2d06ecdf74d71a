package daemon

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/webhook"
)

// formatWITI is the name of the WITI dialect's format.
const formatWITI = "witi"

// What an endpoint may ask for.
const (
	maxEndpoints = 64 // of one owner
	maxKinds     = 64
	maxBulk      = 1000
	maxBulkWait  = time.Minute
	maxInFlight  = 256
	maxSteps     = 32
	minStep      = time.Second
	maxStep      = 24 * time.Hour
	minHorizon   = time.Minute
	maxHorizon   = 30 * 24 * time.Hour
	maxReason    = 200
)

func invalid(field, format string, args ...any) error {
	return &instance.InvalidError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// checkOwner finds whose a new endpoint is to be, and judges its name.
func (f *fleet) checkOwner(spec api.EndpointSpec, ep *record.Endpoint) error {
	switch {
	case !nameRule.MatchString(spec.Name):
		return invalid("name", nameProblem)
	case spec.Instance != "" && spec.Tenant != "":
		return invalid("tenant", "an endpoint belongs to an instance, to a tenant, or to neither")
	case spec.Tenant != "" && !nameRule.MatchString(spec.Tenant):
		return invalid("tenant", nameProblem)
	case spec.After != nil && *spec.After > 0 && spec.Instance == "":
		return invalid("after", "must be 0, all that the log holds: each instance numbers its events itself, so another number means something to the endpoint of one instance only")
	case spec.URL == nil || *spec.URL == "":
		return invalid("url", "is missing")
	case spec.Secret != "":
		if err := checkSecret(spec.Secret); err != nil {
			return err
		}
		ep.Secrets = []string{spec.Secret}
	}
	if spec.Instance == "" {
		return nil
	}
	m := f.named(spec.Instance)
	if m == nil {
		return instance.ErrNotFound
	}
	ep.Stream = m.id
	return nil
}

// checkRoom judges whether an endpoint can be added now. The turn to change
// endpoints is held.
func (f *fleet) checkRoom(ep *record.Endpoint) error {
	if ep.Stream != "" {
		switch m := f.byID(ep.Stream); {
		case m == nil:
			return instance.ErrNotFound
		case !m.live.Load().Status().Record.DeletedAt.IsZero():
			return instance.ErrDeleted
		}
	}
	if ep.Tenant != "" && !f.tenants.named(ep.Tenant) {
		return api.ErrNoTenant
	}
	if !f.started() {
		return instance.ErrStopping
	}
	others := f.book.of(ownerOf(ep))
	switch taken := func(o record.Endpoint) bool { return o.Name == ep.Name }; {
	case ep.Stream != "" && ep.Name == webhookName:
		return invalid("name", "%q is the instance's own webhook: set its address with switchhook instance set, or choose another name", webhookName)
	case ep.Stream != "" && ep.Name == greenName:
		return invalid("name", "%q is the endpoint of GREEN-API's webhookUrl: set that with setSettings, or choose another name", greenName)
	case ep.Tenant != "" && ep.Name == api.CallbackName:
		return invalid("name", "%q is the endpoint of Tencent Chat's callbacks: set its address with switchhook tenant set %s --callback URL, or choose another name", api.CallbackName, ep.Tenant)
	case slices.ContainsFunc(others, taken):
		return api.ErrEndpointTaken
	case len(others) >= maxEndpoints:
		return &api.RefusedError{Problem: fmt.Sprintf("there are %d endpoints here already: remove one first", len(others))}
	}
	return nil
}

// apply sets what a change says. Its values are checked afterwards; of those
// that a record cannot hold, by [fleet.checkEndpoint] in the change itself.
func apply(ep *record.Endpoint, c api.EndpointChange) {
	set(&ep.URL, c.URL)
	if c.Format != nil && *c.Format != ep.Format {
		ep.Format, ep.Version = *c.Format, ""
	}
	set(&ep.Version, c.Version)
	if ep.Format == formatWITI && ep.Version == "" {
		ep.Version = "1.0"
	}
	set(&ep.Headers, c.Headers)
	set(&ep.Bearer, c.Bearer)
	set(&ep.Filter.Kinds, c.Kinds)
	if c.States != nil {
		ep.Filter.States = nil
		for _, s := range *c.States {
			ep.Filter.States = append(ep.Filter.States, fsm.State(s))
		}
	}
	if c.Bulk != nil {
		ep.Bulk = nil
		if c.Bulk.Most > 1 {
			ep.Bulk = &record.Bulk{Most: c.Bulk.Most, Wait: time.Duration(c.Bulk.Wait)}
		}
		if ep.Bulk != nil && ep.Bulk.Wait == 0 {
			ep.Bulk.Wait = bulkWait
		}
	}
	if c.Timeout != nil {
		ep.Timeout = time.Duration(*c.Timeout)
	}
	set(&ep.InFlight, c.InFlight)
	if c.Schedule != nil {
		ep.Schedule = nil
		for _, s := range *c.Schedule {
			ep.Schedule = append(ep.Schedule, time.Duration(s))
		}
	}
	if c.Horizon != nil {
		ep.Horizon = time.Duration(*c.Horizon)
	}
	if c.Jitter != nil {
		ep.Jitter = new(*c.Jitter)
	}
	set(&ep.FollowRedirects, c.FollowRedirects)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// checkEndpoint judges an endpoint that a change was applied to.
func (f *fleet) checkEndpoint(ep *record.Endpoint, c api.EndpointChange) error {
	if c.URL != nil {
		if ep.URL == "" {
			return invalid("url", "cannot be empty: remove the endpoint, or pause it")
		}
		if err := f.check(ep.URL); err != nil {
			return invalid("url", "%s", err.Error())
		}
	}
	if !slices.Contains(f.formats, ep.Format) {
		return invalid("format", "must be one of %s", strings.Join(f.formats, ", "))
	}
	if ep.Format == formatWITI && ep.Version != "1.0" && ep.Version != "1.1" {
		return invalid("version", `must be "1.0" or "1.1"`)
	}
	if ep.Format != formatWITI && ep.Version != "" {
		return invalid("version", "the format %s has none", ep.Format)
	}
	if ep.Format == callback.Format && ep.Stream != "" {
		return invalid("format", "%s tells of profiles, which are a tenant's: add the endpoint to the tenant", ep.Format)
	}
	if (ep.Format == notify.Format || ep.Format == callback.Format) && ep.Bulk != nil {
		return invalid("bulk", "the format %s takes one event at a time", ep.Format)
	}
	if err := webhook.CheckHeaders(ep.Headers); err != nil {
		return invalid("headers", "%s", err.Error())
	}
	if err := webhook.CheckBearer(ep.Bearer); err != nil {
		return invalid("bearer", "%s", err.Error())
	}
	if err := checkFilter(ep, c); err != nil {
		return err
	}
	return checkPace(ep, c)
}

func checkFilter(ep *record.Endpoint, c api.EndpointChange) error {
	if c.States != nil {
		for _, s := range *c.States {
			if s < 0 || s > 255 || !fsm.State(s).Valid() {
				only := record.Filter{States: []fsm.State{fsm.State(min(max(s, 0), 255))}}
				if err := only.Check(); err == nil {
					return invalid("states", "%d is no state", s)
				}
				return invalid("states", "%s", only.Check().Error())
			}
		}
	}
	if len(ep.Filter.Kinds) > maxKinds {
		return invalid("kinds", "must be at most %d", maxKinds)
	}
	if len(ep.Filter.States) > maxKinds {
		return invalid("states", "must be at most %d", maxKinds)
	}
	only := record.Filter{Kinds: ep.Filter.Kinds}
	if err := only.Check(); err != nil {
		return invalid("kinds", "%s", err.Error())
	}
	return nil
}

// checkPace judges how an endpoint gathers and repeats. Zero leaves a value to
// the format or the configuration.
func checkPace(ep *record.Endpoint, c api.EndpointChange) error {
	if b := c.Bulk; b != nil && (b.Most < 0 || b.Most > maxBulk || b.Wait < 0 || time.Duration(b.Wait) > maxBulkWait) {
		return invalid("bulk", "must gather at most %d events (0 or 1: none) and wait at most 1m", maxBulk)
	}
	between := func(d, least, most time.Duration) bool { return d >= least && d <= most }
	switch {
	case ep.Timeout != 0 && !between(ep.Timeout, webhook.MinTimeout, webhook.MaxTimeout):
		return invalid("timeout", "must be %s to %s, or 0s for the configured one", webhook.MinTimeout, webhook.MaxTimeout)
	case ep.InFlight < 0 || ep.InFlight > maxInFlight:
		return invalid("in_flight", "must be 1 to %d, or 0 for the configured number", maxInFlight)
	case len(ep.Schedule) > maxSteps:
		return invalid("schedule", "must have at most %d steps", maxSteps)
	case slices.ContainsFunc(ep.Schedule, func(d time.Duration) bool { return !between(d, minStep, maxStep) }):
		return invalid("schedule", "each step must be 1s to 24h")
	case ep.Horizon != 0 && !between(ep.Horizon, minHorizon, maxHorizon):
		return invalid("horizon", "must be 1m to 720h, or 0s for the configured one")
	case ep.Jitter != nil && (*ep.Jitter < 0 || *ep.Jitter > 100):
		return invalid("jitter", "must be 0 to 100 percent")
	}
	return nil
}

// checkReason judges what an operator says to a pause: it is shown, and part of
// an event.
func checkReason(reason string) error {
	if len(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl) {
		return invalid("reason", "must be at most %d bytes of plain text", maxReason)
	}
	return nil
}

// checkSecret judges a signing secret as Standard Webhooks has them.
func checkSecret(secret string) error {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return invalid("secret", "must be whsec_ and 24 to 64 bytes in base64; leave it out to have one made")
	}
	return nil
}
