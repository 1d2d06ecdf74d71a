package bus_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// memLog is an event log in memory. Its positions are neither consecutive nor
// starting at 1, as nobody may rely on that.
type memLog struct {
	mu     sync.Mutex
	events []record.Event
	first  uint64 // position of events[0]
	seqs   map[string]uint64
	epoch  uint32
	index  map[string]uint64 // position by id

	reads atomic.Int64 // calls of Next
}

const stride = 7

func newLog() *memLog {
	return &memLog{first: 3, seqs: map[string]uint64{}, epoch: 1, index: map[string]uint64{}}
}

// add appends an event to a stream and returns its position.
func (l *memLog) add(stream string) uint64 {
	return l.append(record.Event{
		Stream: stream, Kind: record.ConnectionChanged,
		Transition: &fsm.Transition{To: fsm.Authenticated},
	})
}

func (l *memLog) append(e record.Event) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seqs[e.Stream]++
	e.Epoch, e.Seq = l.epoch, l.seqs[e.Stream]
	if e.At.IsZero() {
		e.At = time.Now()
	}
	pos := l.first + stride*uint64(len(l.events))
	l.events = append(l.events, e)
	l.index[e.ID()] = pos
	return pos
}

// addMany appends n events, dealt to the streams in turn.
func (l *memLog) addMany(n, streams int) (last uint64) {
	for i := range n {
		last = l.add(fmt.Sprintf("i%02d", i%streams))
	}
	return last
}

// prune drops the oldest n events.
func (l *memLog) prune(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range n {
		delete(l.index, l.events[i].ID())
	}
	l.events = slices.Clone(l.events[n:])
	l.first += stride * uint64(n)
}

// backup is the log as it was after its first n events, restored: its epoch is
// a new one.
func (l *memLog) backup(n int) *memLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := newLog()
	r.first = 1000
	for _, e := range l.events[:n] {
		r.epoch = e.Epoch
		r.seqs[e.Stream] = e.Seq - 1
		r.append(e)
	}
	r.epoch = l.epoch + 1
	return r
}

// ids are those of all events, in order.
func (l *memLog) ids() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, len(l.events))
	for i := range l.events {
		out[i] = l.events[i].ID()
	}
	return out
}

// last is the position of the last event.
func (l *memLog) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + stride*uint64(len(l.events)-1)
}

func (l *memLog) Next(after uint64, limit int) ([]record.Event, uint64, error) {
	l.reads.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	i := 0
	if after >= l.first {
		i = int((after-l.first)/stride) + 1
	}
	if i >= len(l.events) {
		return nil, after, nil
	}
	j := min(i+limit, len(l.events))
	return slices.Clone(l.events[i:j]), l.first + stride*uint64(j-1), nil
}

func (l *memLog) Locate(stream string, epoch uint32, seq uint64) (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pos, ok := l.index[(&record.Event{Stream: stream, Epoch: epoch, Seq: seq}).ID()]
	return pos, ok
}

// bulky is an event whose detail has about n bytes.
func bulky(stream string, n int) record.Event {
	detail, _ := json.Marshal(strings.Repeat("x", n))
	return record.Event{Stream: stream, Kind: "test.big", Data: detail}
}
