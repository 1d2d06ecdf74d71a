package outbox

// queue is a line that a thing can leave from anywhere at no cost. It allocates
// nothing: the link is part of the thing.
type queue[T any] struct {
	first, last *link[T]
	len         int
}

// link is the place of a thing in a queue, in one at most.
type link[T any] struct {
	item       *T
	in         *queue[T]
	prev, next *link[T]
}

// move puts the thing at the end of q, nil for no queue. Where it stands in q
// already it keeps its place.
func (k *link[T]) move(q *queue[T]) {
	if k.in == q {
		return
	}
	k.leave()
	if q == nil {
		return
	}
	k.in, k.prev = q, q.last
	if q.last == nil {
		q.first = k
	} else {
		q.last.next = k
	}
	q.last = k
	q.len++
}

// moveFirst puts the thing at the head of q, unless it stands in q already.
func (k *link[T]) moveFirst(q *queue[T]) {
	if k.in == q {
		return
	}
	k.leave()
	k.in, k.next = q, q.first
	if q.first == nil {
		q.last = k
	} else {
		q.first.prev = k
	}
	q.first = k
	q.len++
}

func (k *link[T]) leave() {
	q := k.in
	if q == nil {
		return
	}
	if k.prev == nil {
		q.first = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		q.last = k.prev
	} else {
		k.next.prev = k.prev
	}
	q.len--
	k.in, k.prev, k.next = nil, nil, nil
}

// pop takes out the first, nil if there is none.
func (q *queue[T]) pop() *T {
	k := q.first
	if k == nil {
		return nil
	}
	k.leave()
	return k.item
}
