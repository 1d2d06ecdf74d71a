package sandbox

import (
	"time"

	"go.mau.fi/whatsmeow/types"
)

// Device is a paired companion, as it was when asked for.
type Device struct {
	JID         string     `json:"jid"`    // its address by phone number, with the device number
	LID         string     `json:"lid"`    // the same by hidden number
	Phone       string     `json:"phone"`  // the phone's digits
	Number      int        `json:"number"` // 1 for the phone's first companion; never reused
	System      string     `json:"system"` // what the companion calls itself
	Kind        string     `json:"kind"`   // CHROME, DESKTOP, …
	PairedAt    time.Time  `json:"paired_at"`
	Connected   bool       `json:"connected"`
	Logins      int        `json:"logins"`                 // since the network was opened
	LastLoginAt time.Time  `json:"last_login_at,omitzero"` // likewise
	PreKeys     int        `json:"prekeys"`                // one-time keys left on the server
	Client      ClientInfo `json:"client"`                 // from the latest login or, before it, from pairing
}

// view is the device for callers. Connected is left for the switchboard to say.
func (d *device) view() Device {
	return Device{
		JID:         d.ID.jid().String(),
		LID:         d.lidJID().String(),
		Phone:       d.ID.Phone,
		Number:      int(d.ID.Number),
		System:      d.Registration.System,
		Kind:        d.Registration.Platform,
		PairedAt:    d.PairedAt,
		Logins:      d.logins,
		LastLoginAt: d.lastLoginAt,
		PreKeys:     d.preKeysLeft(),
		Client:      d.Client,
	}
}

func (d *device) lidJID() types.JID {
	return deviceJID(d.LID, d.ID.Number, types.HiddenUserServer)
}
