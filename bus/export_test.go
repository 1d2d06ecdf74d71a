package bus

import "github.com/nats-io/nats-server/v2/server"

// Server is the embedded server, for a test to break. Call it once, before it
// is broken.
func (b *Bus) Server() *server.Server { return b.embedded.srv }
