package outbox

import "container/heap"

// dueHeap orders the lanes that wait for a time, earliest first.
type dueHeap []*lane

// Len is for container/heap.
func (h *dueHeap) Len() int { return len(*h) }

// Less is for container/heap.
func (h *dueHeap) Less(i, j int) bool { return (*h)[i].due.Before((*h)[j].due) }

// Swap is for container/heap.
func (h *dueHeap) Swap(i, j int) {
	s := *h
	s[i], s[j] = s[j], s[i]
	s[i].slot, s[j].slot = i, j
}

// Push is for container/heap; use add.
func (h *dueHeap) Push(x any) {
	l := x.(*lane) //nolint:forcetypeassert // add is its only caller
	l.slot = len(*h)
	*h = append(*h, l)
}

// Pop is for container/heap; use remove.
func (h *dueHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.slot = -1
	return l
}

func (h *dueHeap) add(l *lane) { heap.Push(h, l) }

// remove takes l out, if it is in.
func (h *dueHeap) remove(l *lane) {
	if l.slot >= 0 {
		heap.Remove(h, l.slot)
	}
}

// wakeDue places every lane again whose time has come.
func (o *Outbox) wakeDue() {
	for len(o.waits) > 0 && !o.waits[0].due.After(o.now) {
		l := o.waits[0]
		o.waits.remove(l)
		o.place(l)
	}
}
