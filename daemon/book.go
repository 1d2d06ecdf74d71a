package daemon

import (
	"maps"
	"slices"
	"sync"

	"github.com/switchhook/switchhook/record"
)

// book is every endpoint as the store holds it, in memory, with what it takes to
// know which streams lead where. Its methods may be called from any goroutine.
// Those that read wait for nobody: the outbox asks on the goroutine that moves
// every lane.
type book struct {
	// turn is to change endpoints, held until the outbox knows as well. Whoever has it may
	// wait for the disk, and never for an instance's loop, which may be waiting for it.
	turn

	mu      sync.RWMutex
	byID    map[string]record.Endpoint // guarded by mu; what a value refers to never changes
	byOwner map[owner]map[string]bool  // guarded by mu; ids
	tenants map[string]string          // guarded by mu; by stream of an instance, whose it is
}

// owner says whose an endpoint is; the zero value is the daemon.
type owner struct{ stream, tenant string }

func ownerOf(ep *record.Endpoint) owner { return owner{ep.Stream, ep.Tenant} }

func newBook() *book {
	return &book{
		turn:    newTurn(),
		byID:    make(map[string]record.Endpoint),
		byOwner: make(map[owner]map[string]bool),
		tenants: make(map[string]string),
	}
}

func (b *book) get(id string) (record.Endpoint, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	ep, ok := b.byID[id]
	return ep, ok
}

// put adds an endpoint or changes one; its owner never changes.
func (b *book) put(ep record.Endpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[ep.ID] = ep
	ids := b.byOwner[ownerOf(&ep)]
	if ids == nil {
		ids = make(map[string]bool)
		b.byOwner[ownerOf(&ep)] = ids
	}
	ids[ep.ID] = true
}

func (b *book) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ep, ok := b.byID[id]
	if !ok {
		return
	}
	delete(b.byID, id)
	of := ownerOf(&ep)
	if delete(b.byOwner[of], id); len(b.byOwner[of]) == 0 {
		delete(b.byOwner, of)
	}
}

// of answers an owner's endpoints, those without an address included, in no
// order.
func (b *book) of(o owner) []record.Endpoint {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make([]record.Endpoint, 0, len(b.byOwner[o]))
	for id := range b.byOwner[o] {
		out = append(out, b.byID[id])
	}
	return out
}

// all answers every endpoint that has an address, in no order.
func (b *book) all() []record.Endpoint {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(b.byID)), func(ep record.Endpoint) bool { return ep.URL == "" })
}

// open says that a stream exists, and whose it is; closed that it does not any
// more.
func (b *book) open(stream, tenant string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tenants[stream] = tenant
}

func (b *book) closed(stream string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.tenants, stream)
}

// covers reports whether a stream leads to an endpoint.
func (b *book) covers(ep *record.Endpoint, stream string) bool {
	if ep.Stream != "" {
		return ep.Stream == stream
	}
	if stream == record.DaemonStream {
		return ep.Tenant == ""
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	tenant, ok := b.tenants[stream]
	return ok && (ep.Tenant == "" || ep.Tenant == tenant)
}

// streams answers those that lead to an endpoint, in no order.
func (b *book) streams(ep *record.Endpoint) []string {
	if ep.Stream != "" {
		return []string{ep.Stream}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []string
	for stream, tenant := range b.tenants {
		if ep.Tenant == "" || ep.Tenant == tenant {
			out = append(out, stream)
		}
	}
	if ep.Tenant == "" {
		out = append(out, record.DaemonStream)
	}
	return out
}

// over answers the endpoints with an address that a stream leads to, in no order.
func (b *book) over(stream string) []record.Endpoint {
	b.mu.RLock()
	tenant, ok := b.tenants[stream]
	b.mu.RUnlock()
	out := b.of(owner{}) // the daemon's
	if ok {
		out = append(out, b.of(owner{stream: stream})...)
		if tenant != "" {
			out = append(out, b.of(owner{tenant: tenant})...)
		}
	}
	return slices.DeleteFunc(out, func(ep record.Endpoint) bool {
		return ep.URL == "" || !ok && stream != record.DaemonStream
	})
}

// known reports whether a stream exists.
func (b *book) known(stream string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	_, ok := b.tenants[stream]
	return ok || stream == record.DaemonStream
}
