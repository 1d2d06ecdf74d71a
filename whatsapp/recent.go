package whatsapp

import (
	"sync"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

const (
	recentMessages = 4096
	recentBytes    = 4 << 20
)

// recents keeps the latest messages that this process has sent, in memory: a phone
// that was off asks for one again if it cannot read it, and the client that has
// sent it may be gone by then, as each belongs to one connection. Of a file it is
// the message, which says where the file is.
type recents struct {
	mu       sync.Mutex
	messages map[recent][]byte // marshalled; guarded by mu, like the rest
	order    []recent          // oldest first
	bytes    int
}

// recent names a message. Only whom it was sent to may have it again: anybody may
// know its id.
type recent struct{ session, to, id string }

func (r *recents) put(name recent, message *waE2E.Message) {
	raw, err := proto.Marshal(message)
	if err != nil {
		return // nor can it be sent
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.messages[name]; known {
		return
	}
	if r.messages == nil {
		r.messages = map[recent][]byte{}
	}
	r.messages[name] = raw
	r.order = append(r.order, name)
	r.bytes += len(raw)
	for len(r.order) > recentMessages || r.bytes > recentBytes {
		oldest := r.order[0]
		r.bytes -= len(r.messages[oldest])
		delete(r.messages, oldest)
		r.order = r.order[1:]
	}
}

// get answers a message of the caller's own, nil if it is not known.
func (r *recents) get(name recent) *waE2E.Message {
	r.mu.Lock()
	raw, known := r.messages[name]
	r.mu.Unlock()
	m := &waE2E.Message{}
	if !known || proto.Unmarshal(raw, m) != nil {
		return nil
	}
	return m
}
