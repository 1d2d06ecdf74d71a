package outbox

import (
	"time"

	"github.com/switchhook/switchhook/record"
)

// Health is news of how an endpoint does.
type Health struct {
	Endpoint record.Endpoint
	Kind     record.Kind // EndpointFailing, EndpointRecovered or EndpointGaveUp
	Stream   string      // of what was given up
	From, To uint64      // what was given up
	Fails    int         // failed tries in a row, over all lanes
	Reason   string      // holds no secret
	At       time.Time
}
