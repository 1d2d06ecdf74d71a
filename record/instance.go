package record

import (
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Instance is the stored truth about one connection.
type Instance struct {
	ID        string    `json:"id"`               // short, not secret; logs, subjects and file names carry it
	Name      string    `json:"name"`             // the operator's name for it, unique in the daemon
	WID       string    `json:"wid"`              // secret: the key of the WITI dialect, a GUID
	Tenant    string    `json:"tenant,omitempty"` // whose it is; empty: nobody's in particular
	CreatedAt time.Time `json:"created_at"`
	DeletedAt time.Time `json:"deleted_at,omitzero"` // set while its last events are delivered

	Config Config `json:"config"`

	State    fsm.State `json:"state"`
	Cause    fsm.Cause `json:"cause,omitempty"`
	Since    time.Time `json:"since"`              // when State was entered
	RetryAt  time.Time `json:"retry_at,omitzero"`  // when a broken connection is dialled again; zero: by nobody but an operator
	Attempts int       `json:"attempts,omitempty"` // failed dials or logins in a row

	Stats Stats `json:"stats"`

	// While it is exported it must not connect: the session may run elsewhere.
	ExportID   string    `json:"export_id,omitempty"` // names what was exported; the same for a second copy
	ExportedAt time.Time `json:"exported_at,omitzero"`
	// Moves counts how often the session has changed hands on its way here. A file
	// that was exported after fewer holds keys that have been used since.
	Moves int `json:"moves,omitempty"`
}

// Config is what an owner may set on an instance.
type Config struct {
	Webhook    string `json:"webhook,omitempty"`
	UserAgent  string `json:"user_agent,omitempty"`
	APIVersion string `json:"api_version,omitempty"` // "1.0" or "1.1"
	CanBulk    bool   `json:"can_bulk,omitempty"`
}

// Stats counts what an account holds and what has passed its connection.
type Stats struct {
	Contacts      int   `json:"contacts"`
	Chats         int   `json:"chats"`
	SentBytes     int64 `json:"sent_bytes"`
	ReceivedBytes int64 `json:"received_bytes"`
}

// Session is a saved WhatsApp session: what a restarted daemon needs to log in
// without a new code. All of it is key material except the names. Signal
// sessions and prekeys are not part of it: they are live and never roll back.
type Session struct {
	ID      string    `json:"id"` // random; device keys are kept under it, so a new session never sees an old one's
	SavedAt time.Time `json:"saved_at"`

	JID          string `json:"jid"` // digits:device@s.whatsapp.net
	LID          string `json:"lid,omitempty"`
	Platform     string `json:"platform,omitempty"`
	BusinessName string `json:"business_name,omitempty"`
	PushName     string `json:"push_name,omitempty"`

	RegistrationID uint32 `json:"registration_id"`
	NoiseKey       []byte `json:"noise_key"`
	IdentityKey    []byte `json:"identity_key"`
	SignedPreKeyID uint32 `json:"signed_pre_key_id"`
	SignedPreKey   []byte `json:"signed_pre_key"`
	SignedPreSig   []byte `json:"signed_pre_key_signature"`
	AdvSecret      []byte `json:"adv_secret"`
	Account        []byte `json:"account,omitempty"` // ADVSignedDeviceIdentity, marshalled
	FacebookUUID   []byte `json:"facebook_uuid,omitempty"`
	LIDMigratedAt  int64  `json:"lid_migration_timestamp,omitempty"`
	// PublicKeys are those of NoiseKey, IdentityKey and SignedPreKey, 32 bytes each:
	// to make them of the private ones is a tenth of a login. Empty in a session
	// from before.
	PublicKeys []byte `json:"public_keys,omitempty"`
}

// Phone is the number the session belongs to, digits only.
func (s *Session) Phone() string {
	if s == nil {
		return ""
	}
	for i := range len(s.JID) {
		if s.JID[i] < '0' || s.JID[i] > '9' {
			return s.JID[:i]
		}
	}
	return s.JID
}
