package store

import (
	"math"
	"slices"
	"sync"
)

// request is one change that waits for its answer; it gets exactly one, unless it was
// withdrawn.
type request struct {
	change *Change
	answer chan answer // has room for it
}

// queue holds the changes that wait for a turn, first come, first served. Any goroutine
// may use it.
type queue struct {
	some chan struct{} // has one in it when there may be some

	mu     sync.Mutex
	wait   []*request // guarded by mu
	closed bool       // guarded by mu

	free sync.Pool // of requests
}

func newQueue() *queue {
	return &queue{
		some: make(chan struct{}, 1),
		free: sync.Pool{New: func() any { return &request{answer: make(chan answer, 1)} }},
	}
}

// request makes one for a change. Who has its answer, or has withdrawn it, releases it.
func (q *queue) request(c *Change) *request {
	r := q.free.Get().(*request) //nolint:forcetypeassert // the pool holds nothing else
	r.change = c
	return r
}

func (q *queue) release(r *request) {
	r.change = nil
	q.free.Put(r)
}

// put answers false once the queue is closed.
func (q *queue) put(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.wait = append(q.wait, r)
	if len(q.wait) == 1 {
		q.wake()
	}
	return true
}

// take appends those that have waited longest to a batch, until it has so many.
func (q *queue) take(batch []*request, most int) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.wait), most-len(batch))
	batch = append(batch, q.wait[:n]...)
	q.wait = slices.Delete(q.wait, 0, n)
	if len(q.wait) > 0 {
		q.wake()
	}
	return batch
}

// withdraw takes a request back. It answers false if its answer will come nonetheless.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.wait, r)
	if i < 0 {
		return false
	}
	q.wait = slices.Delete(q.wait, i, i+1)
	return true
}

// refuse answers all that wait.
func (q *queue) refuse(err error) {
	for _, r := range q.take(nil, math.MaxInt) {
		r.answer <- answer{err: err}
	}
}

// close refuses what waits, and what comes.
func (q *queue) close(err error) {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.refuse(err)
}

// wake is for who holds the lock.
func (q *queue) wake() {
	select {
	case q.some <- struct{}{}:
	default:
	}
}
