package whatsapp

import "sync"

const (
	recentTexts = 4096
	recentBytes = 4 << 20
)

// recents keeps the latest texts that this process has sent, in memory: a phone
// that was off asks for one again if it cannot read it, and the client that has
// sent it may be gone by then, as each belongs to one connection.
type recents struct {
	mu    sync.Mutex
	texts map[recent]string // guarded by mu, like the rest
	order []recent          // oldest first
	bytes int
}

// recent names a text. Only whom it was sent to may have it again: anybody may
// know its id.
type recent struct{ session, to, id string }

func (r *recents) put(name recent, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.texts[name]; known {
		return
	}
	if r.texts == nil {
		r.texts = map[recent]string{}
	}
	r.texts[name] = body
	r.order = append(r.order, name)
	r.bytes += len(body)
	for len(r.order) > recentTexts || r.bytes > recentBytes {
		oldest := r.order[0]
		r.bytes -= len(r.texts[oldest])
		delete(r.texts, oldest)
		r.order = r.order[1:]
	}
}

func (r *recents) get(name recent) (body string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, known = r.texts[name]
	return body, known
}
