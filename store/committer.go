package store

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"time"
)

// maxBatch bounds how much one transaction gathers, and so how long the first
// of a batch waits for the last.
const maxBatch = 1024

// probeEvery is how often a file that could not be written is tried again.
const probeEvery = time.Second

// releaseEvery is how often the pages that were read are unmapped, in probes.
const releaseEvery = 10

// committer is the one goroutine that writes.
type committer struct {
	s     *Store
	batch []*request

	number   uint64 // of the last batch, answered or not
	stored   uint64 // of the last that is known to be in the file
	finished error  // why nothing can be written any more

	tried        uint64     // the first number under which settling it failed, 0 without one
	unsettled    bool       // what the file or the journal holds is not known; see settle
	underway     bool       // a checkpoint is
	checkpointed chan error // how it ended
	flushing     []flushWaiter
}

func newCommitter(s *Store) *committer {
	return &committer{s: s, number: s.number, stored: s.number, checkpointed: make(chan error, 1)}
}

// run commits until ctx ends, or until what is on disk cannot be known.
func (c *committer) run(ctx context.Context) error {
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for probes := releaseEvery - 1; c.finished == nil; {
		select {
		case <-ctx.Done():
			c.drain(ctx)
			c.leave()
			return nil
		case <-c.s.queue.some:
			c.turn(ctx)
		case err := <-c.checkpointed:
			if c.end(err); c.unsettled {
				c.probe(ctx)
			}
		case answer := <-c.s.flushes:
			if c.unsettled {
				c.probe(ctx)
			}
			c.flushing = append(c.flushing, flushWaiter{answer, c.number})
		case <-probe.C:
			if c.s.Health() != nil {
				c.probe(ctx)
			}
			probes++
			if db := c.s.file(); db != nil && probes >= releaseEvery && !c.underway { // nobody waits for the map
				release(db)
				probes = 0
			}
			c.begin()
		}
		c.flushed()
	}
	if ctx.Err() != nil {
		return nil
	}
	return c.finished
}

// drain commits what was waiting when Run was told to stop.
func (c *committer) drain(ctx context.Context) {
	for c.finished == nil {
		if !c.turn(ctx) {
			return
		}
	}
}

// turn commits what is waiting, and reports whether anything was.
func (c *committer) turn(ctx context.Context) bool {
	c.gather()
	if len(c.batch) == 0 {
		return false
	}
	c.commit(ctx, c.batch)
	clear(c.batch)
	return true
}

// leave lets the file alone hold everything, so that it can be copied and moved. Where
// it cannot be written, the journal brings it to the next start.
func (c *committer) leave() {
	if c.finished != nil {
		return
	}
	err := c.flush()
	if err == nil {
		err = c.s.journal.empty()
	}
	if err != nil {
		c.s.log.Warn("the journal stays beside the file; the next start brings in what the file lacks", "err", err)
	}
}

// gather takes everything that is waiting: while the last batch was being synced, the
// next one has formed by itself. Those who were just answered may be about to ask
// again: they get a turn of the processor first, as long as somebody does.
func (c *committer) gather() {
	c.batch = c.s.queue.take(c.batch[:0], maxBatch)
	for before := 0; len(c.batch) > before; {
		before = len(c.batch)
		runtime.Gosched()
		c.batch = c.s.queue.take(c.batch, maxBatch)
	}
}

// commit stores a batch and answers each request.
func (c *committer) commit(ctx context.Context, batch []*request) {
	staged, err := c.try(ctx, batch)
	var refused *refusedError
	switch {
	case err == nil:
		c.publish(batch, staged)
		c.makeRoom()
	case errors.As(err, &refused) && len(batch) > 1:
		// One bad change must fail alone.
		for _, r := range batch {
			c.commit(ctx, []*request{r})
		}
	default:
		for _, r := range batch {
			r.answer <- answer{err: err}
		}
	}
}

// makeRoom begins a checkpoint when so much lies over the file, and waits for the one
// under way when it is far too much.
func (c *committer) makeRoom() {
	lies := max(c.s.memory.active.bytes, int(c.s.journal.end)) // small batches have a page each there
	if lies >= checkpointMost {
		c.wait()
	}
	if lies >= checkpointBytes && !c.unsettled {
		c.begin()
	}
}

// probe writes an empty batch, to see whether the disk takes writes again.
func (c *committer) probe(ctx context.Context) {
	if _, err := c.try(ctx, nil); err != nil {
		c.s.log.Debug("store still cannot be written", "err", err)
	}
}

// publish moves memory to where the disk is, then answers, then wakes.
func (c *committer) publish(batch []*request, st *staged) {
	x := c.s.idx
	x.mu.Lock()
	n := 0
	for _, r := range batch {
		for i := range r.change.events {
			e := &st.events[n]
			x.add(e.Stream, e.Seq, st.pos[n])
			x.recent.add(st.pos[n], e, len(r.change.events[i].entry))
			n++
		}
	}
	maps.Copy(x.heads, st.heads)
	x.size += st.size
	for stream, seq := range st.trims {
		x.trim(stream, seq)
	}
	x.mu.Unlock()
	for i, r := range batch {
		r.answer <- answer{events: st.of(i)}
	}
	if len(st.events) == 0 {
		return
	}
	c.s.hooksMu.Lock()
	hooks := c.s.hooks
	c.s.hooksMu.Unlock()
	for _, fn := range hooks {
		fn(st.events)
	}
}
