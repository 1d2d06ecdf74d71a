package outbox

import (
	"container/heap"
	"time"
)

// alarm wakes a lane, or the breaker of a target, at a time.
type alarm struct {
	at     time.Time
	slot   int // in the heap, from 1; 0: it is not set
	lane   *lane
	target *target // if lane is nil
}

// alarms orders what waits for a time, earliest first.
type alarms []*alarm

// Len is for container/heap.
func (h *alarms) Len() int { return len(*h) }

// Less is for container/heap.
func (h *alarms) Less(i, j int) bool { return (*h)[i].at.Before((*h)[j].at) }

// Swap is for container/heap.
func (h *alarms) Swap(i, j int) {
	s := *h
	s[i], s[j] = s[j], s[i]
	s[i].slot, s[j].slot = i+1, j+1
}

// Push is for container/heap; use set.
func (h *alarms) Push(x any) {
	a := x.(*alarm) //nolint:forcetypeassert // set is its only caller
	a.slot = len(*h) + 1
	*h = append(*h, a)
}

// Pop is for container/heap; use set.
func (h *alarms) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	a.slot = 0
	return a
}

// set makes a go off at a time, or never for the zero time.
func (h *alarms) set(a *alarm, at time.Time) {
	switch {
	case at.IsZero():
		if a.slot > 0 {
			heap.Remove(h, a.slot-1)
		}
	case a.slot == 0:
		a.at = at
		heap.Push(h, a)
	case !a.at.Equal(at):
		a.at = at
		heap.Fix(h, a.slot-1)
	}
}

// wakeDue lets every alarm go off whose time has come.
func (o *Outbox) wakeDue() {
	for len(o.waits) > 0 && !o.waits[0].at.After(o.now) {
		a := o.waits[0]
		o.waits.set(a, time.Time{})
		if a.lane != nil {
			o.place(a.lane)
		} else {
			o.probe(a.target)
		}
	}
}
