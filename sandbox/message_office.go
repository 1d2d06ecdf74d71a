package sandbox

import (
	"cmp"
	"container/list"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxFinished bounds how much mail is remembered that nobody waits for: its
	// ids and what became of it, about 400 bytes each.
	maxFinished = 300_000
	// maxWaiting bounds how much mail waits for companions, all in all.
	maxWaiting = 500_000
	// maxRecent is how many stanzas are kept after they have been acknowledged, so
	// that they can be delivered once more.
	maxRecent = 1024
)

// postOffice keeps the mail of all companions. Any goroutine may call it.
type postOffice struct {
	journal *journal
	keep    int // how much finished mail
	serial  atomic.Uint64
	waiting atomic.Int64

	mu       sync.Mutex
	boxes    map[deviceID]*mailbox // below: guarded by mu
	finished []*letter             // a ring
	oldest   int                   // in finished, once that is full
	recent   [maxRecent]recentStanza
	newest   int // in recent
}

// recentStanza is what was sent as a letter that has been acknowledged.
type recentStanza struct {
	letter *letter
	packed []byte
}

func newPostOffice(j *journal) *postOffice {
	return &postOffice{journal: j, keep: maxFinished, boxes: make(map[deviceID]*mailbox)}
}

// box returns a companion's mailbox.
func (o *postOffice) box(id deviceID) *mailbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, known := o.boxes[id]
	if !known {
		b = &mailbox{id: id, office: o, queue: list.New(), byID: make(map[string]*letter)}
		o.boxes[id] = b
	}
	return b
}

// room says whether more mail can wait.
func (o *postOffice) room() bool { return o.waiting.Load() < maxWaiting }

// take takes a new letter into its box. What else must be on disk before it goes
// out is given as saved.
func (o *postOffice) take(l *letter, saved <-chan struct{}) {
	l.serial = o.serial.Add(1)
	// One journal writes in the order in which it is asked, so that when this is
	// on disk the rest is.
	l.saved = o.journal.write(l.kept())
	if l.saved == nil {
		l.saved = saved
	}
	o.waiting.Add(1)
	l.box.post(l)
}

// remember keeps what was sent as a letter, for a while.
func (o *postOffice) remember(l *letter, packed []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.recent[o.newest] = recentStanza{l, packed}
	o.newest = (o.newest + 1) % maxRecent
}

// file is told of letters that nobody waits for any more, and forgets the oldest
// ones. The caller holds no box.
func (o *postOffice) file(finished ...*letter) {
	var forgotten []*letter
	o.mu.Lock()
	for _, l := range finished {
		if l.filed {
			continue
		}
		l.filed = true
		if len(o.finished) < o.keep {
			o.finished = append(o.finished, l)
			continue
		}
		forgotten = append(forgotten, o.finished[o.oldest])
		o.finished[o.oldest] = l
		o.oldest = (o.oldest + 1) % o.keep
	}
	o.mu.Unlock()
	for _, l := range forgotten {
		l.box.forget(l)
	}
}

// recently returns what was sent as a letter, or nil if that is long ago.
func (o *postOffice) recently(l *letter) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.recent {
		if r.letter == l {
			return r.packed
		}
	}
	return nil
}

// all returns the boxes.
func (o *postOffice) all() []*mailbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	boxes := make([]*mailbox, 0, len(o.boxes))
	for _, b := range o.boxes {
		boxes = append(boxes, b)
	}
	return boxes
}

// forget drops what waits for a companion that is no more.
func (o *postOffice) forget(id deviceID) {
	b := o.box(id)
	o.file(b.finish(func(l *letter) bool {
		l.status.Dropped = true
		return true
	}, b.waitingIDs()...)...)
}

// restore takes a letter from the state file. It is called before anybody else
// knows of the office, in the order of the serials.
func (o *postOffice) restore(known func(deviceID) bool, name string, value []byte) error {
	var k keptLetter
	if err := json.Unmarshal(value, &k); err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	if !known(k.To) {
		o.journal.write(change{mailBucket, name, nil})
		return nil
	}
	l, err := k.restored(o.box(k.To), name)
	if err != nil {
		return err
	}
	o.serial.Store(max(o.serial.Load(), l.serial))
	o.waiting.Add(1)
	l.box.post(l)
	return nil
}

// list returns the mail that a query asks for, in the order in which it was taken.
func (o *postOffice) list(q MailQuery) []MailStatus {
	var found []MailStatus
	for _, b := range o.all() {
		if (q.To == "" || q.To == b.id.Phone) && (q.Companion == "" || q.Companion == b.id.jid().String()) {
			found = b.collect(q, found)
		}
	}
	slices.SortFunc(found, func(a, b MailStatus) int { return cmp.Compare(a.Serial, b.Serial) })
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found
}

// collect appends the box's mail that a query asks for.
func (b *mailbox) collect(q MailQuery, found []MailStatus) []MailStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	chains := b.byID
	if len(q.IDs) > 0 {
		chains = make(map[string]*letter, len(q.IDs))
		for _, id := range q.IDs {
			chains[id] = b.byID[id]
		}
	}
	for _, l := range chains {
		for ; l != nil; l = l.older {
			if l.serial > q.After && (q.Class == "" || q.Class == l.class) && (l.place != nil || !q.Waiting) {
				found = append(found, l.view())
			}
		}
	}
	return found
}
