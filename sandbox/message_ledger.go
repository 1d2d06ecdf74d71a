package sandbox

import (
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
	"go.mau.fi/whatsmeow/types"
)

// now is the time as it is kept: without the reading of the process's clock,
// which does not survive being written down.
func now() time.Time { return time.Now().UTC().Round(0) }

// lookUp returns the phone with that number, if there is one.
func (l *ledger) lookUp(digits string) (phone, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, known := l.phones[digits]
	return p, known
}

// phoneOrNew returns the phone with that number, which is made if there is none.
func (l *ledger) phoneOrNew(digits string) (phone, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, known := l.phones[digits]; known {
		return p, nil
	}
	p := newPhone(digits, l.freshLID(digits))
	if err := l.file.putPhone(p); err != nil {
		return phone{}, err
	}
	l.phones[digits], l.lids[p.LID] = p, digits
	return p, nil
}

// owner returns the phone whose account an address names, by either of its
// numbers.
func (l *ledger) owner(jid types.JID) (phone, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch jid.Server {
	case types.DefaultUserServer:
		p, known := l.phones[jid.User]
		return p, known
	case types.HiddenUserServer:
		p, known := l.phones[l.lids[jid.User]]
		return p, known
	}
	return phone{}, false
}

// companions returns what is known of an account's companions, by number, without
// their prekeys.
func (l *ledger) companions(digits string) []device {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []device
	for number := 1; number < l.phones[digits].NextDevice; number++ {
		if d, paired := l.devices[deviceID{Phone: digits, Number: uint8(number)}]; paired {
			one := *d
			one.preKeys = nil
			found = append(found, one)
		}
	}
	return found
}

// takeKeys returns the keys of a companion, with a one-time key that is nobody
// else's, and how many of those are left.
func (l *ledger) takeKeys(id deviceID) (b bundle, left int, found bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known := l.devices[id]
	if !known {
		return bundle{}, 0, false, nil
	}
	b = bundle{
		registrationID: d.Registration.RegistrationID, identity: d.Registration.Identity, signed: d.Registration.Signed,
	}
	for number, public := range d.preKeys {
		if err := l.file.removePreKey(id, number); err != nil {
			return bundle{}, 0, false, err
		}
		b.oneTime = &oneTimeKey{id: number, public: public}
		delete(d.preKeys, number)
		break
	}
	return b, len(d.preKeys), true, nil
}

// removePreKey erases a prekey that has been given out.
func (f *stateFile) removePreKey(id deviceID, number uint32) error {
	return f.update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(preKeysBucket).Bucket([]byte(id.String()))
		if bucket == nil {
			return nil
		}
		return bucket.Delete(binary.BigEndian.AppendUint32(nil, number))
	})
}
