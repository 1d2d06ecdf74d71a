package daemon

import (
	"slices"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// deliveries is the store as the outbox sees it: without endpoints that have no
// address, and without streams of instances that were erased.
type deliveries struct {
	*store.Store
	book *book
}

// Endpoints implements [outbox.Log].
func (d deliveries) Endpoints() ([]record.Endpoint, error) { return d.book.all(), nil }

// Streams implements [outbox.Log].
func (d deliveries) Streams() []string {
	return slices.DeleteFunc(d.Store.Streams(), func(stream string) bool { return !d.book.known(stream) })
}
