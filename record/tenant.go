package record

import (
	"slices"
	"strings"
	"time"
)

// What tells about a tenant is on the daemon's stream; Data is a [TenantFact].
const (
	TenantCreated Kind = "tenant.created"
	TenantChanged Kind = "tenant.changed"
	TenantDeleted Kind = "tenant.deleted"
)

// TenantFact is what the events about a tenant tell. It holds no secret.
type TenantFact struct {
	Tenant string `json:"tenant"` // its id, which is its stream
	Name   string `json:"name"`
	// What has changed, of a [TenantChanged]: "key_added", "key_rotated", "key_changed",
	// "key_deleted", "number_added", "number_removed", "secret_rotated", "settings".
	What string `json:"what,omitempty"`
	Key  string `json:"key,omitempty"` // the id of the access key it is about
}

// DefaultTenant is the name of the tenant that is always there: it has the instances
// that were put under no other.
const DefaultTenant = "default"

// Tenant owns instances and holds the credentials of dialects whose clients speak for
// more than one of them.
type Tenant struct {
	ID        string    `json:"id"`   // not secret: the stream of its own events
	Name      string    `json:"name"` // unique in the daemon; instances and endpoints say by it whose they are
	CreatedAt time.Time `json:"created_at"`

	// SpaceID is CAMS's CustSpaceId.
	SpaceID string `json:"space_id"`
	// Unsubscribed refuses all calls of CAMS.
	Unsubscribed bool        `json:"unsubscribed,omitempty"`
	Numbers      []string    `json:"numbers,omitempty"` // registered by the operator: digits, in rising order
	Keys         []AccessKey `json:"keys,omitempty"`    // in the order in which they were made

	Chat *Chat `json:"chat,omitempty"` // nil in a tenant from before there was one
}

// Clone answers a copy that shares nothing with the tenant.
func (t *Tenant) Clone() Tenant {
	out := *t
	out.Numbers = slices.Clone(t.Numbers)
	out.Keys = slices.Clone(t.Keys)
	for i := range out.Keys {
		out.Keys[i].Deny = slices.Clone(out.Keys[i].Deny)
	}
	if t.Chat != nil {
		chat := *t.Chat
		chat.Admins, chat.Custom = slices.Clone(chat.Admins), slices.Clone(chat.Custom)
		out.Chat = &chat
	}
	return out
}

// Key finds an access key by its id, nil without one.
func (t *Tenant) Key(id string) *AccessKey {
	for i := range t.Keys {
		if t.Keys[i].ID == id {
			return &t.Keys[i]
		}
	}
	return nil
}

// AccessKey signs the calls of CAMS's clients.
type AccessKey struct {
	ID        string    `json:"id"`
	Secret    string    `json:"secret"` // secret
	CreatedAt time.Time `json:"created_at"`
	Disabled  bool      `json:"disabled,omitempty"`
	// Until is when a key that was rotated away ends; zero: it does not.
	Until time.Time `json:"until,omitzero"`
	// Deny are the actions that it may not do, like "cams:UpdatePhoneMessageQrdl", or
	// with an asterisk at the end those that begin so.
	Deny []string `json:"deny,omitempty"`
}

// Active reports whether the key may sign at a moment.
func (k *AccessKey) Active(at time.Time) bool {
	return !k.Disabled && (k.Until.IsZero() || at.Before(k.Until))
}

// Denied reports whether the key may not do an action. Upper and lower case are the
// same.
func (k *AccessKey) Denied(action string) bool {
	action = strings.ToLower(action)
	return slices.ContainsFunc(k.Deny, func(d string) bool {
		d = strings.ToLower(d)
		if prefix, cut := strings.CutSuffix(d, "*"); cut {
			return strings.HasPrefix(action, prefix)
		}
		return d == action
	})
}
