package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// device is a companion as the network remembers it. The exported fields are what
// the state file holds of it.
type device struct {
	ID           deviceID     `json:"id"`
	LID          string       `json:"lid"` // of the phone
	PairedAt     time.Time    `json:"paired_at"`
	Registration registration `json:"registration"`
	Client       ClientInfo   `json:"client"` // at pairing; the latest login's in memory
	Claimed      int          `json:"claimed_prekeys,omitempty"`
	KeyShared    bool         `json:"key_shared,omitempty"` // that of the account's settings

	preKeys     map[uint32]key
	logins      int
	lastLoginAt time.Time
}

// ledger is what is true of phones and companions. It writes to its file first
// and believes afterwards. Any goroutine may call it.
type ledger struct {
	file      *stateFile
	keys      serverKeys
	forgotten func(deviceID) // told of companions that have been removed; set before anybody calls, called without the lock

	mu       sync.Mutex
	phones   map[string]phone // below: guarded by mu
	lids     map[string]string
	devices  map[deviceID]*device
	pictures map[string]*picture // by digits
	profiles map[string]*profile // likewise
	fresh    uint64              // no phone has this number or, so far, any above it
}

func openLedger(path string) (*ledger, error) {
	file, err := openStateFile(path)
	if err != nil {
		return nil, err
	}
	keys, phones, devices, err := file.load()
	if err != nil {
		file.close() //nolint:errcheck // the other error says more
		return nil, fmt.Errorf("open state file: %w", err)
	}
	pictures, err := file.loadPictures()
	if err != nil {
		file.close() //nolint:errcheck // the other error says more
		return nil, fmt.Errorf("open state file: %w", err)
	}
	profiles, err := file.loadProfiles()
	if err != nil {
		file.close() //nolint:errcheck // the other error says more
		return nil, fmt.Errorf("open state file: %w", err)
	}
	l := &ledger{
		file: file,
		keys: keys,

		forgotten: func(deviceID) {},

		phones:   make(map[string]phone),
		lids:     make(map[string]string),
		devices:  make(map[deviceID]*device),
		pictures: pictures,
		profiles: profiles,
		fresh:    firstPhone,
	}
	for _, p := range phones {
		l.phones[p.Digits], l.lids[p.LID] = p, p.Digits
	}
	for _, d := range devices {
		l.devices[d.ID] = d
	}
	return l, nil
}

func (l *ledger) close() error { return l.file.close() }

// dial finds the phone with that number, or makes it; no number makes a phone
// with a fresh one. The device number that comes with it is the caller's, and is
// never given again, whatever becomes of the pairing.
func (l *ledger) dial(digits string) (phone, uint8, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if digits == "" {
		digits = l.freshNumber()
	}
	p := l.known(digits)
	if p.NextDevice > maxDeviceNumber {
		return phone{}, 0, ErrNoDeviceNumber
	}
	number := uint8(p.NextDevice)
	p.NextDevice++
	if err := l.file.putPhone(p); err != nil {
		return phone{}, 0, err
	}
	l.phones[digits], l.lids[p.LID] = p, digits
	return p, number, nil
}

// known returns the phone with that number, or makes one that nobody has written
// down yet. The caller holds mu.
func (l *ledger) known(digits string) phone {
	if p, known := l.phones[digits]; known {
		return p
	}
	return newPhone(digits, l.freshLID(digits))
}

func (l *ledger) freshNumber() string {
	for ; ; l.fresh++ {
		digits := strconv.FormatUint(l.fresh, 10)
		if _, taken := l.phones[digits]; !taken {
			return digits
		}
	}
}

func (l *ledger) freshLID(digits string) string {
	for attempt := 0; ; attempt++ {
		lid := lidOf(digits, attempt)
		if _, taken := l.lids[lid]; !taken {
			return lid
		}
	}
}

// link records a companion that has just been paired.
func (l *ledger) link(d device) error {
	d.preKeys = make(map[uint32]key)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.putDevice(&d); err != nil {
		return err
	}
	l.devices[d.ID] = &d
	return nil
}

// device returns a copy of what is known of a companion, without its prekeys.
func (l *ledger) device(id deviceID) (device, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known := l.devices[id]
	if !known {
		return device{}, false
	}
	found := *d
	found.preKeys = nil
	return found, true
}

// noteLogin keeps what a companion said about itself. It is not written down: the
// count starts anew with the process.
func (l *ledger) noteLogin(id deviceID, client ClientInfo, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, known := l.devices[id]; known {
		d.Client, d.lastLoginAt = client, at.Round(0)
		d.logins++
	}
}

// forget removes a companion. It says whether there was one to remove.
func (l *ledger) forget(id deviceID) (gone bool, err error) {
	defer func() {
		if gone {
			l.forgotten(id)
		}
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.devices[id]; !known {
		return false, nil
	}
	if err := l.file.remove(id); err != nil {
		return false, err
	}
	delete(l.devices, id)
	return true, nil
}

// forgetAll removes all companions of a phone and returns how many there were.
func (l *ledger) forgetAll(digits string) (int, error) {
	var gone []deviceID
	defer func() {
		for _, id := range gone {
			l.forgotten(id)
		}
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []deviceID
	for id := range l.devices {
		if id.Phone == digits {
			ids = append(ids, id)
		}
	}
	if err := l.file.remove(ids...); err != nil {
		return 0, err
	}
	for _, id := range ids {
		delete(l.devices, id)
	}
	gone = ids
	return len(ids), nil
}

// addPreKeys records what a companion has uploaded. Nothing happens when the
// companion has been forgotten meanwhile.
func (l *ledger) addPreKeys(id deviceID, signed signedKey, added map[uint32]key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, known := l.devices[id]
	if !known {
		return nil
	}
	changed := *d
	changed.Registration.Signed = signed
	if err := l.file.putPreKeys(&changed, added); err != nil {
		return err
	}
	*d = changed
	maps.Copy(d.preKeys, added)
	return nil
}

// preKeyCount returns how many prekeys of a companion are left.
func (l *ledger) preKeyCount(id deviceID) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, known := l.devices[id]; known {
		return d.preKeysLeft()
	}
	return 0
}

// hasPhone says whether there is a phone with that number.
func (l *ledger) hasPhone(digits string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.phones[digits]
	return known
}

// list returns all companions as callers see them, by phone and number, not yet
// knowing which are connected.
func (l *ledger) list() []Device {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Device, 0, len(l.devices))
	for _, d := range l.devices {
		all = append(all, d.view())
	}
	slices.SortFunc(all, func(a, b Device) int {
		return cmp.Or(cmp.Compare(a.Phone, b.Phone), cmp.Compare(a.Number, b.Number))
	})
	return all
}

// phoneCount returns how many phones there are.
func (l *ledger) phoneCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.phones)
}
