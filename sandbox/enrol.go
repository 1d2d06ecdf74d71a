package sandbox

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// Enrolment is a companion that a network shall know without having paired it.
// The keys are public, 32 bytes each, but for the phone's.
type Enrolment struct {
	Phone  string `json:"phone"`  // digits
	LID    string `json:"lid"`    // the phone's hidden number, digits
	Number int    `json:"number"` // of the device, 1 to 255

	// PhoneIdentity is the private identity key of the phone: by it the phone
	// speaks to its companions and has signed for them. Empty leaves an existing
	// phone alone, and gives a new one an identity that nobody has signed with.
	PhoneIdentity []byte `json:"phone_identity,omitempty"`

	RegistrationID        uint32 `json:"registration_id"`
	Noise                 []byte `json:"noise"`
	Identity              []byte `json:"identity"`
	SignedPreKeyID        uint32 `json:"signed_prekey_id"`
	SignedPreKey          []byte `json:"signed_prekey"`
	SignedPreKeySignature []byte `json:"signed_prekey_signature"`

	// PreKeys is how many prekeys the companion is said to have on the server for
	// as long as it has uploaded none. With fewer than 5 a client uploads at login.
	PreKeys int `json:"prekeys,omitempty"`
}

// enrolledSystem is what an enrolled companion is said to call itself.
const enrolledSystem = "enrolled"

// maxEnrolments bounds one call over HTTP. In one process there is no bound.
const maxEnrolments = 1000

// enrolled is an enrolment that has been read.
type enrolled struct {
	device        device
	phoneIdentity *key
}

// read checks everything that can be checked without knowing the network. The
// error is ErrBadPhone or wraps ErrBadEnrolment.
func (e Enrolment) read() (enrolled, error) {
	bad := func(what string, err error) (enrolled, error) {
		return enrolled{}, fmt.Errorf("%w: %s: %w", ErrBadEnrolment, what, err)
	}
	switch {
	case !validPhone(e.Phone):
		return enrolled{}, ErrBadPhone
	case !validPhone(e.LID):
		return enrolled{}, fmt.Errorf("%w: hidden number is not 8 to 15 digits", ErrBadEnrolment)
	case e.Number < 1 || e.Number > maxDeviceNumber:
		return enrolled{}, fmt.Errorf("%w: device number %d is not 1 to %d", ErrBadEnrolment, e.Number, maxDeviceNumber)
	case e.PreKeys < 0 || e.PreKeys > maxPreKeys:
		return enrolled{}, fmt.Errorf("%w: %d prekeys", ErrBadEnrolment, e.PreKeys)
	case e.SignedPreKeyID >= 1<<24:
		return enrolled{}, fmt.Errorf("%w: id of the signed prekey has more than 3 bytes", ErrBadEnrolment)
	}
	noise, err := keyFrom(e.Noise)
	if err != nil {
		return bad("noise key", err)
	}
	identity, err := keyFrom(e.Identity)
	if err != nil {
		return bad("identity", err)
	}
	public, err := keyFrom(e.SignedPreKey)
	if err != nil {
		return bad("signed prekey", err)
	}
	signed := signedKey{ID: e.SignedPreKeyID, Public: public, Signature: e.SignedPreKeySignature}
	if !signed.valid(identity) {
		return enrolled{}, fmt.Errorf("%w: signed prekey: wrong signature", ErrBadEnrolment)
	}
	read := enrolled{device: device{
		ID:  deviceID{Phone: e.Phone, Number: uint8(e.Number)},
		LID: e.LID,
		Registration: registration{
			RegistrationID: e.RegistrationID, Noise: noise, Identity: identity, Signed: signed, System: enrolledSystem, Platform: "UNKNOWN",
		},
		Claimed: e.PreKeys,
	}}
	if len(e.PhoneIdentity) > 0 {
		phoneIdentity, err := keyFrom(e.PhoneIdentity)
		if err != nil {
			return bad("phone's identity", err)
		}
		read.phoneIdentity = &phoneIdentity
	}
	return read, nil
}

// Enrol makes companions known that have not been paired here, and their phones
// if need be: all of them, or none. Enrolling the same companion again changes
// nothing; a device number that another companion has is refused. The error wraps
// one of ErrBadPhone, ErrBadEnrolment, ErrEnrolled and ErrClosed, and says which
// enrolment it is about.
func (n *Network) Enrol(ctx context.Context, enrolments []Enrolment) error {
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()
	now := time.Now().UTC().Round(0)
	all := make([]enrolled, len(enrolments))
	for i, e := range enrolments {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if all[i], err = e.read(); err != nil {
			return fmt.Errorf("enrolment %d: %w", i+1, err)
		}
		all[i].device.PairedAt = now
	}
	if err := n.ledger.enrol(all); err != nil {
		return err
	}
	n.log.Info("companions enrolled", "companions", len(all))
	return nil
}

// enrol records companions and their phones.
func (l *ledger) enrol(all []enrolled) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	phones := make(map[string]phone)
	owners := make(map[string]string) // of hidden numbers
	devices := make(map[deviceID]*device)
	for i, e := range all {
		d := e.device
		p, err := l.enrolPhone(e, phones, owners)
		if err != nil {
			return fmt.Errorf("enrolment %d: %w", i+1, err)
		}
		before, known := l.devices[d.ID]
		if !known {
			before, known = devices[d.ID], devices[d.ID] != nil
		}
		switch {
		case known && before.Registration.Noise == d.Registration.Noise && before.Registration.Identity == d.Registration.Identity:
			continue
		case known:
			return fmt.Errorf("enrolment %d: %w: the device number is another companion's", i+1, ErrEnrolled)
		}
		p.NextDevice = max(p.NextDevice, int(d.ID.Number)+1)
		phones[p.Digits], owners[p.LID] = p, p.Digits
		d.preKeys = make(map[uint32]key)
		devices[d.ID] = &d
	}
	if err := l.file.putEnrolled(phones, devices); err != nil {
		return err
	}
	for digits, p := range phones {
		l.phones[digits], l.lids[p.LID] = p, digits
	}
	maps.Copy(l.devices, devices)
	return nil
}

// enrolPhone returns the phone of an enrolment, which is new, or contradicts
// neither what is known nor the enrolments before. The caller holds mu.
func (l *ledger) enrolPhone(e enrolled, phones map[string]phone, owners map[string]string) (phone, error) {
	d := e.device
	p, known := phones[d.ID.Phone]
	if !known {
		p, known = l.phones[d.ID.Phone]
	}
	if !known {
		owner, taken := l.lids[d.LID]
		if !taken {
			owner, taken = owners[d.LID]
		}
		if taken && owner != d.ID.Phone {
			return phone{}, fmt.Errorf("%w: the hidden number is another phone's", ErrEnrolled)
		}
		p = enrolledPhone(d.ID.Phone)
		p.LID = d.LID
		if e.phoneIdentity == nil {
			p.Identity = newKeyPair().private
		} else {
			p.Identity = *e.phoneIdentity
		}
		return p, nil
	}
	switch {
	case p.LID != d.LID:
		return phone{}, fmt.Errorf("%w: the phone has another hidden number", ErrEnrolled)
	case e.phoneIdentity != nil && keyPairOf(*e.phoneIdentity).public != keyPairOf(p.Identity).public:
		return phone{}, fmt.Errorf("%w: the phone has another identity", ErrEnrolled)
	}
	return p, nil
}

// preKeysLeft is how many one-time keys a companion has on the server, or claims
// to have if it was enrolled and has uploaded none.
func (d *device) preKeysLeft() int {
	if len(d.preKeys) > 0 {
		return len(d.preKeys)
	}
	return d.Claimed
}
