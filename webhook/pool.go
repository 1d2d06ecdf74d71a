package webhook

import (
	"container/list"
	"sync"
	"time"
)

const (
	idleMost  = 90 * time.Second // a connection is kept for so long without a request
	sweepWait = 10 * time.Second // between looks at the idle ones
)

// pool keeps idle connections by origin.
type pool struct {
	most      int // in all
	perOrigin int

	mu     sync.Mutex
	idle   map[string][]*conn // guarded by mu; the longest idle first
	order  *list.List         // guarded by mu; all of them, the longest idle first
	sweep  *time.Timer        // guarded by mu; nil while nothing is idle
	closed bool               // guarded by mu
}

func newPool(most, perOrigin int) *pool {
	return &pool{most: most, perOrigin: perOrigin, idle: make(map[string][]*conn), order: list.New()}
}

// take answers the connection to an origin that was used last, nil if none is idle
// that the receiver has left open.
func (p *pool) take(origin string) *conn {
	for {
		c := p.pop(origin)
		// However recently it was used: what has come since would be taken for the
		// answer to what is sent next.
		if c == nil || c.alive() {
			return c
		}
		_ = c.Close()
	}
}

func (p *pool) pop(origin string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.idle[origin]
	if len(own) == 0 {
		return nil
	}
	c := own[len(own)-1]
	p.forget(c, len(own)-1)
	return c
}

// put keeps a connection for the next request, or closes it.
func (p *pool) put(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	over := c
	if !p.closed && len(p.idle[c.origin]) < p.perOrigin {
		over = nil
		if p.order.Len() >= p.most {
			over = p.oldest()
			p.forget(over, 0)
		}
		p.idle[c.origin] = append(p.idle[c.origin], c)
		c.place = p.order.PushBack(c)
		if p.sweep == nil {
			p.sweep = time.AfterFunc(sweepWait, p.tidy)
		}
	}
	p.mu.Unlock()
	if over != nil {
		_ = over.Close()
	}
}

// oldest is for who holds the lock.
func (p *pool) oldest() *conn {
	c, _ := p.order.Front().Value.(*conn)
	return c
}

// forget takes out the connection at a place of its origin. It is for who holds the
// lock.
func (p *pool) forget(c *conn, at int) {
	p.order.Remove(c.place)
	own := p.idle[c.origin]
	copy(own[at:], own[at+1:])
	own[len(own)-1] = nil
	if p.idle[c.origin] = own[:len(own)-1]; len(own) == 1 {
		delete(p.idle, c.origin)
	}
}

// tidy closes what was idle for too long, and what its receiver has closed: those
// would hold a file each until they are wanted again.
func (p *pool) tidy() {
	for _, c := range p.over() {
		_ = c.Close()
	}
}

// over takes out what tidy is to close: who takes or puts one shall not wait for that.
func (p *pool) over() (out []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for e := p.order.Front(); e != nil; {
		c, _ := e.Value.(*conn)
		e = e.Next()
		if idle := now.Sub(c.since); idle >= idleMost || !c.alive() {
			for i, own := range p.idle[c.origin] {
				if own == c {
					p.forget(c, i)
					break
				}
			}
			out = append(out, c)
		}
	}
	p.sweep = nil
	if p.order.Len() > 0 && !p.closed {
		p.sweep = time.AfterFunc(sweepWait, p.tidy)
	}
	return out
}

// close closes what is idle, and from now on what is put.
func (p *pool) close() {
	var ending sync.WaitGroup // all at a time: each may take its last word's time
	for _, c := range p.shut() {
		ending.Go(func() { _ = c.Close() })
	}
	ending.Wait()
}

// shut takes out all there are.
func (p *pool) shut() (out []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
	for p.order.Len() > 0 {
		c := p.oldest()
		p.forget(c, 0)
		out = append(out, c)
	}
	return out
}
