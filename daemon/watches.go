package daemon

import "sync"

// watches wakes whoever waits for new events of a stream.
type watches struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]bool // guarded by mu
}

func newWatches() *watches { return &watches{waiting: make(map[string]map[chan struct{}]bool)} }

func (w *watches) add(stream string) (wake <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting[stream] == nil {
		w.waiting[stream] = make(map[chan struct{}]bool)
	}
	w.waiting[stream][ch] = true
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting[stream], ch)
		if len(w.waiting[stream]) == 0 {
			delete(w.waiting, stream)
		}
	}
}

// wake tells the stream's watchers. Wake-ups coalesce.
func (w *watches) wake(stream string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.waiting[stream] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
