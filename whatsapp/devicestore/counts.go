package devicestore

import (
	"context"
	"fmt"
	"sync"
)

// Counts says how much of an account is known here.
type Counts struct {
	Contacts int // rows with a name of any kind; a user known by number and by LID has two
	Chats    int // chats that a message came in or went to, or that the history named
}

// Counts returns what is stored, including what a commit that is under way adds.
// The first call for a device scans its contacts and chats, unless a
// [Container.Deliver] has; every other one reads two numbers, waits for nothing
// and may be made during a commit.
func (c *Container) Counts(ctx context.Context) (Counts, error) {
	ring := c.active.Load()
	if ring == nil {
		return Counts{}, nil
	}
	if now, known := ring.tally.read(); known {
		return now, nil
	}
	if err := ring.writing.enter(ctx); err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	defer ring.writing.leave()
	if err := ring.count(); err != nil {
		return Counts{}, fmt.Errorf("count: %w", err)
	}
	now, _ := ring.tally.read()
	return now, nil
}

// count scans, unless the numbers are known. The caller is behind writing.
func (k *keyring) count() error {
	if _, known := k.tally.read(); known {
		return nil
	}
	var found Counts
	err := k.backend.Scan(newKey(tagContact), func(_, stored []byte) error {
		found.Contacts += one(named(stored))
		return nil
	})
	if err != nil {
		return err
	}
	err = k.backend.Scan(newKey(tagChat), func(_, _ []byte) error {
		found.Chats++
		return nil
	})
	if err != nil {
		return err
	}
	k.tally.set(found)
	return nil
}

// tally keeps the counts of what is on disk.
type tally struct {
	mu    sync.Mutex
	known bool   // guarded by mu, like now
	now   Counts // includes what is being applied
}

func (t *tally) read() (now Counts, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now, t.known
}

func (t *tally) set(now Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now, t.known = now, true
}

// forget has the next one count again: nobody knows what is on disk.
func (t *tally) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = false
}

// expect adds what writes will add. The caller is behind writing.
func (t *tally) expect(b Backend, writes map[string][]byte) {
	now, known := t.read()
	if !known {
		return
	}
	before := now
	for key, value := range writes {
		if key[0] != tagContact && key[0] != tagChat {
			continue
		}
		old, err := b.Get([]byte(key))
		if err != nil {
			t.forget()
			return
		}
		if key[0] == tagContact {
			now.Contacts += one(named(value)) - one(named(old))
		} else {
			now.Chats += one(value != nil) - one(old != nil)
		}
	}
	if now != before {
		t.set(now)
	}
}

// named reports whether a stored contact, or nil, has a name.
func named(stored []byte) bool {
	if stored == nil {
		return false
	}
	c, err := readContact(stored)
	return err == nil && (c.FirstName != "" || c.FullName != "" || c.PushName != "" || c.BusinessName != "")
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
