package daemon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/webhook"
)

// nameRule keeps names usable in a shell, a URL and a log line.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

const nameProblem = "must be 1 to 63 letters, digits, dots, dashes or underscores, and begin with a letter or digit"

// Add implements [api.Instances].
func (f *fleet) Add(ctx context.Context, spec api.AddSpec) (api.Entry, error) {
	spec.Tenant = cmp.Or(spec.Tenant, record.DefaultTenant)
	if err := f.checkSpec(spec); err != nil {
		return api.Entry{}, err
	}
	unuse, err := f.tenants.use(spec.Tenant)
	if err != nil {
		return api.Entry{}, err
	}
	defer unuse()
	if err := f.reserve(spec.Name); err != nil {
		return api.Entry{}, err
	}
	m, err := f.create(ctx, spec)
	f.mu.Lock()
	delete(f.adding, spec.Name)
	if err == nil {
		f.register(m)
		if f.running != nil {
			f.supervise(m)
		}
	}
	f.mu.Unlock()
	if err != nil {
		return api.Entry{}, err
	}
	return f.entry(m), nil
}

func (f *fleet) checkSpec(spec api.AddSpec) error {
	switch {
	case spec.Name == record.DaemonStream:
		return &instance.InvalidError{Field: "name", Problem: `"daemon" is the name of the daemon's own events: choose another`}
	case !nameRule.MatchString(spec.Name):
		return invalid("name", nameProblem)
	case spec.Tenant != "" && !nameRule.MatchString(spec.Tenant):
		return invalid("tenant", nameProblem)
	}
	if err := checkGreenKeys(spec.IDInstance, spec.APIToken); err != nil || spec.Webhook == "" {
		return err
	}
	if err := f.check(spec.Webhook); err != nil {
		return &instance.InvalidError{Field: "webhook", Problem: err.Error()}
	}
	return nil
}

// reserve keeps a name for an instance that is being stored, without holding the
// lock that every command needs while the disk is waited for.
func (f *fleet) reserve(name string) error {
	if f.tenants.isStream(name) {
		return invalid("name", "is the id of a tenant, whose events go by it: choose another")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.running == nil:
		return instance.ErrStopping
	case f.names[name] != nil || f.members[name] != nil || f.adding[name]:
		return instance.ErrNameTaken
	}
	f.adding[name] = true
	return nil
}

// create stores a new instance with its endpoint and lane.
func (f *fleet) create(ctx context.Context, spec api.AddSpec) (*member, error) {
	now := time.Now().UTC()
	rec := record.Instance{
		ID: newID("i"), Name: spec.Name, WID: uuid.NewString(), Tenant: spec.Tenant, CreatedAt: now,
		Config: record.Config{Webhook: spec.Webhook, APIVersion: "1.0"},
		State:  fsm.NoConnection, Since: now,
	}
	green, err := f.newGreen(rec.ID, spec.IDInstance, spec.APIToken)
	if err != nil {
		return nil, err
	}
	ch := f.store.Change()
	ch.PutInstance(rec)
	ch.Append(record.Event{
		Stream: record.DaemonStream, Kind: record.InstanceCreated, At: now, Name: rec.Name,
		Data: fmt.Appendf(nil, `{"instance":%q}`, rec.ID),
	})
	return f.settleIn(ctx, ch, rec, green, 0, newWebhook(rec.ID, rec.Config, []string{webhook.NewSecret()}, now))
}

// settleIn stores a change set that makes an instance, with what it is to GREEN-API's
// clients, whose id is reserved, and its endpoints, and answers the member. Deliveries
// begin behind a seq of its stream. It needs no turn to change endpoints: nobody knows
// of these yet.
func (f *fleet) settleIn(ctx context.Context, ch *store.Change, rec record.Instance, green record.GreenAPI, after uint64, endpoints ...record.Endpoint) (_ *member, err error) {
	defer func() {
		if err != nil {
			f.dropGreen(green.ID)
		}
	}()
	ch.PutGreenAPI(green)
	begin := func(ep record.Endpoint) record.Lane {
		return record.Lane{Endpoint: ep.ID, Stream: rec.ID, Acked: after}
	}
	for i := range endpoints {
		ep := &endpoints[i]
		ch.PutEndpoint(*ep)
		if ep.URL == "" {
			continue
		}
		ch.PutLane(begin(*ep))
		told := f.told(record.EndpointCreated, ep, "")
		told.Name = rec.Name
		ch.Append(told)
	}
	f.book.open(rec.ID, tenantOf(rec))
	if _, err := f.store.Commit(ctx, ch); err != nil {
		f.book.closed(rec.ID)
		return nil, unavailable(err)
	}
	m := f.newMember(rec)
	m.green.Store(&green)
	for _, ep := range endpoints {
		f.book.put(ep)
		if ep.URL != "" {
			f.outbox.SetEndpoint(ep, begin(ep))
		}
	}
	inst, err := f.build(m)
	if err != nil {
		return nil, err
	}
	m.live.Store(inst)
	return m, nil
}

// Delete implements [api.Instances].
func (f *fleet) Delete(ctx context.Context, id string) error {
	m := f.byID(id)
	if m == nil {
		return instance.ErrNotFound
	}
	i := m.live.Load()
	if i.Status().Record.DeletedAt.IsZero() {
		// WhatsApp is told if it can be; the deletion does not depend on it.
		_, err := i.Disconnect(ctx)
		if err == nil || errors.Is(err, instance.ErrNotReady) || errors.Is(err, instance.ErrFenced) {
			// What has been begun is finished, whoever waits for it.
			err = i.Delete(context.WithoutCancel(ctx))
		}
		if err != nil && !errors.Is(err, instance.ErrDeleted) {
			return err
		}
	}
	f.unregister(m)
	return nil
}

// unregister makes the name and the keys of a deleted instance free. A new one
// that has the name already keeps it.
func (f *fleet) unregister(m *member) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[m.name] == m {
		delete(f.names, m.name)
	}
	if sum := f.widHash(m.wid); f.wids[sum] == m {
		delete(f.wids, sum)
	}
	if g := m.green.Load(); g != nil && f.greenIDs[g.ID] == m {
		delete(f.greenIDs, g.ID)
	}
	f.shelf.put(m.id, "")
}

// newID makes an id: ten characters behind a letter that need no escaping
// anywhere, never made twice (50 random bits, and the heads of erased streams
// stay).
func newID(letter string) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return letter + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:10]
}
