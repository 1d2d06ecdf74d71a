package bus

import (
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ParseAck reads an acknowledgement as the bus does.
func ParseAck(m *nats.Msg) (stream string, seq uint64, duplicate bool, err error) {
	a := parseAck(m)
	return a.stream, a.seq, a.duplicate, a.err
}

// Server is the embedded server, for a test to break. Call it once, before it
// is broken.
func (b *Bus) Server() *server.Server { return b.embedded.srv }
