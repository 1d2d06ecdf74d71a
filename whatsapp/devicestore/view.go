package devicestore

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
)

// view is what one method call sees and changes: its own writes, over those of
// the transaction it runs in, over what is held, over the backend. It is for one goroutine and one
// call; whoever made it holds the locks it needs.
type view struct {
	ring   *keyring
	txn    *txn              // nil outside a transaction; its lock is held
	writes map[string][]byte // nil in a read
}

// get returns the value of a key, nil if there is none. It may be shared: read
// it, never change it.
func (v *view) get(k key) ([]byte, error) {
	if value, ok := v.writes[string(k)]; ok {
		return value, nil
	}
	if v.txn != nil {
		return v.txn.get(v.ring, string(k))
	}
	return v.ring.lookup(string(k))
}

// put writes a value unless it is there already.
func (v *view) put(k key, value []byte) error {
	current, err := v.get(k)
	if err != nil || (current != nil && bytes.Equal(current, value)) {
		return err
	}
	v.writes[string(k)] = value
	return nil
}

// remove deletes a key if it is there.
func (v *view) remove(k key) error {
	current, err := v.get(k)
	if err != nil || current == nil {
		return err
	}
	v.writes[string(k)] = nil
	return nil
}

// scan visits the keys with a prefix in ascending order until fn returns an
// error; errStop ends it without one. value is valid during fn only, and fn must
// not use the view. Outside writing and transactions it may meet a write that is
// made meanwhile, or not.
func (v *view) scan(prefix key, fn func(key string, value []byte) error) error {
	held := v.ring.held.Load()
	if v.txn != nil {
		return stopped(v.scanTxn(prefix, held, fn))
	}
	var over map[string][]byte
	if held != nil || len(v.writes) > 0 {
		over = map[string][]byte{}
		for k, value := range held.over(v.writes) {
			if strings.HasPrefix(k, string(prefix)) {
				over[k] = value
			}
		}
	}
	return stopped(v.scanOver(prefix, over, fn))
}

// scanOver visits what is on the backend with some keys over it, without
// gathering the rest: there may be millions.
func (v *view) scanOver(prefix key, over map[string][]byte, fn func(key string, value []byte) error) error {
	next := slices.Sorted(maps.Keys(over))
	upTo := func(last string, all bool) error {
		for len(next) > 0 && (all || next[0] <= last) {
			k := next[0]
			next = next[1:]
			if over[k] == nil {
				continue
			}
			if err := fn(k, over[k]); err != nil {
				return err
			}
		}
		return nil
	}
	err := v.ring.backend.Scan(prefix, func(k, value []byte) error {
		at := string(k)
		if err := upTo(at, false); err != nil {
			return err
		}
		if _, hidden := over[at]; hidden {
			return nil
		}
		return fn(at, value)
	})
	if err != nil {
		return err
	}
	return upTo("", true)
}

// scanTxn gathers what is there, so that the transaction finds it again.
func (v *view) scanTxn(prefix key, held *hold, fn func(key string, value []byte) error) error {
	found := map[string][]byte{}
	err := v.ring.backend.Scan(prefix, func(k, value []byte) error {
		found[string(k)] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		v.txn.fault = err
		return err
	}
	if held != nil {
		overlay(found, held.writes, string(prefix))
	}
	v.txn.see(found, string(prefix))
	overlay(found, v.writes, string(prefix))
	for _, k := range slices.Sorted(maps.Keys(found)) {
		if err := fn(k, found[k]); err != nil {
			return err
		}
	}
	return nil
}

// entry is a key with its value.
type entry struct {
	key   string
	value []byte
}

// list returns the entries with a prefix, in ascending order.
func (v *view) list(prefix key) ([]entry, error) {
	var out []entry
	err := v.scan(prefix, func(k string, value []byte) error {
		out = append(out, entry{k, bytes.Clone(value)})
		return nil
	})
	return out, err
}

// overlay puts the writes below a prefix over what was found.
func overlay(found, writes map[string][]byte, prefix string) {
	for k, value := range writes {
		switch {
		case !strings.HasPrefix(k, prefix):
		case value == nil:
			delete(found, k)
		default:
			found[k] = value
		}
	}
}

func stopped(err error) error {
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}
