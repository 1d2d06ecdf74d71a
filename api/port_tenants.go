package api

import (
	"context"
	"errors"
	"time"

	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/record"
)

// Tenants is what is asked of the daemon about tenants, their access keys and their
// message QR codes. A tenant is given by its name or id. Besides the errors that the
// methods name they fail with ErrNoTenant, *instance.InvalidError, *RefusedError,
// instance.ErrUnavailable and instance.ErrStopping. Any goroutine may call any method.
type Tenants interface {
	TenantRegistry
	TenantKeys
	TenantQRDLs
	TenantAccounts
	cams.Port
}

// TenantRegistry knows which tenants there are, and their numbers.
type TenantRegistry interface {
	// Tenants answers every tenant, by name.
	Tenants(ctx context.Context) ([]Tenant, error)
	// Tenant answers one.
	Tenant(ctx context.Context, nameOrID string) (Tenant, error)
	// AddTenant makes one with an access key, or fails with ErrTenantTaken.
	AddTenant(ctx context.Context, spec TenantSpec) (NewTenant, error)
	ChangeTenant(ctx context.Context, nameOrID string, ch TenantChange) (Tenant, error)
	// DeleteTenant removes one that has no instance, no endpoint and no message QR code;
	// otherwise it is a *RefusedError.
	DeleteTenant(ctx context.Context, nameOrID string) error

	// AddNumber registers a phone number, digits with or without a plus; RemoveNumber
	// takes it back. Message QR codes of the number stay. Both are harmless twice.
	AddNumber(ctx context.Context, nameOrID, number string) (Tenant, error)
	RemoveNumber(ctx context.Context, nameOrID, number string) (Tenant, error)
}

// TenantKeys are the access keys of tenants, and the secret keys of their apps.
type TenantKeys interface {
	// AddKey makes a further access key.
	AddKey(ctx context.Context, nameOrID string) (NewKey, error)
	// RotateKey makes a key that may what the given one may, which ends when grace is
	// over. It fails with ErrNoKey.
	RotateKey(ctx context.Context, nameOrID, key string, grace time.Duration) (NewKey, error)
	// ChangeKey fails with ErrNoKey.
	ChangeKey(ctx context.Context, nameOrID, key string, ch KeyChange) (Tenant, error)
	// DeleteKey fails with ErrNoKey.
	DeleteKey(ctx context.Context, nameOrID, key string) (Tenant, error)

	// RotateAppSecret makes another secret key of the tenant's app. The one before signs
	// no more.
	RotateAppSecret(ctx context.Context, nameOrID string) (NewSecret, error)
}

// TenantQRDLs are the message QR codes of tenants, as their operator and whoever scans
// them see them.
type TenantQRDLs interface {
	// TenantQRDLs answers all message QR codes of a tenant, the newest first.
	TenantQRDLs(ctx context.Context, nameOrID string) ([]record.QRDL, error)

	// FindQRDL answers what the token of a link leads to: ErrQRDLGone for a link that
	// was updated or deleted, cams.ErrNoQRDL for what never was one.
	FindQRDL(ctx context.Context, token string) (record.QRDL, error)
	// ScanQRDL is FindQRDL, and counts a scan. It answers once that is on disk, or after
	// a second without: then it is counted later.
	ScanQRDL(ctx context.Context, token string) (record.QRDL, error)
}

// TenantAccounts are the accounts that Tencent Chat's clients know.
type TenantAccounts interface {
	// TenantAccounts answers those of a tenant that were imported or have a profile, by
	// their UserIDs.
	TenantAccounts(ctx context.Context, nameOrID string) ([]Account, error)
	// FindAccount answers the account of that id, or tencent.ErrNoAccount.
	FindAccount(ctx context.Context, id string) (Account, error)
	tencent.Port
}

// Account is one account as its operator sees it.
type Account struct {
	ID        string         `json:"id"` // the stream of its own events
	UserID    string         `json:"user_id"`
	Imported  bool           `json:"imported"`           // it stays when its instance goes
	Instance  string         `json:"instance,omitempty"` // the id of the instance that it is the profile of
	CreatedAt time.Time      `json:"created_at"`
	Fields    []record.Field `json:"fields"`
	Wishes    []Wish         `json:"wishes"`
	Seq       uint64         `json:"seq"` // of its stream's newest event
}

// Wish says how far a field has come on its way to WhatsApp.
type Wish struct {
	Tag     string           `json:"tag"`
	State   record.WishState `json:"state"`
	At      time.Time        `json:"at"` // since when it is in that state
	Tries   int              `json:"tries,omitempty"`
	NextTry time.Time        `json:"next_try_at,omitzero"`
	Problem string           `json:"problem,omitempty"` // why it was refused, or failed last
}

// ShowWishes is wishes as an operator sees them.
func ShowWishes(all []record.Wish) []Wish {
	out := make([]Wish, 0, len(all))
	for _, w := range all {
		out = append(out, Wish{Tag: w.Tag, State: w.State, At: w.At, Tries: w.Tries, NextTry: w.NextAt, Problem: w.Problem})
	}
	return out
}

// The errors of tenants.
var (
	ErrNoTenant    = errors.New("there is no such tenant: switchhook tenant list shows those there are, switchhook tenant add NAME makes one")
	ErrTenantTaken = errors.New("there is a tenant of that name already")
	ErrNoKey       = errors.New("the tenant has no such access key")
	ErrQRDLGone    = errors.New("the message QR code was updated or deleted")
)

// TenantSpec is what a tenant is made from.
type TenantSpec struct {
	Name    string `json:"name"`
	SpaceID string `json:"space_id,omitempty"` // made up where it is not given
}

// TenantChange changes what is not nil.
type TenantChange struct {
	SpaceID    *string `json:"space_id,omitempty"`
	Subscribed *bool   `json:"subscribed,omitempty"`

	Admins *[]string             `json:"admins,omitempty"` // see CheckAdmins
	Custom *[]record.CustomField `json:"custom,omitempty"` // see CheckCustom
	// Callback is the address that Tencent Chat's callbacks go to; empty: none. It is the
	// endpoint CallbackName of the tenant, which is made, changed or removed.
	Callback *string `json:"callback,omitempty"`
}

// CallbackName is what the endpoint of a tenant's callbacks is called.
const CallbackName = "callback"

// Tenant is one tenant as its operator sees it, without secrets.
type Tenant struct {
	ID         string      `json:"id"` // the stream of its own events
	Name       string      `json:"name"`
	CreatedAt  time.Time   `json:"created_at"`
	SpaceID    string      `json:"space_id"`   // CustSpaceId
	Subscribed bool        `json:"subscribed"` // false: all calls of CAMS are refused
	Instances  []string    `json:"instances"`  // names
	Numbers    []Number    `json:"numbers"`    // those that its keys may use, in rising order
	Keys       []AccessKey `json:"keys"`
	QRDLs      int         `json:"qrdls"` // how many message QR codes it has
	Seq        uint64      `json:"seq"`   // of its stream's newest event

	App      int64                `json:"sdkappid"`           // what it is to Tencent Chat's clients
	Admins   []string             `json:"admins"`             // identifiers that may call
	Custom   []record.CustomField `json:"custom"`             // by name
	Callback string               `json:"callback,omitempty"` // how commands name the endpoint of its callbacks; empty: there is none
}

// Number is a phone number that a tenant's keys may use.
type Number struct {
	Number     string `json:"number"`             // digits
	Registered bool   `json:"registered"`         // by the operator
	Instance   string `json:"instance,omitempty"` // the name of the instance that is paired with it
}

// AccessKey is a key as its operator sees it later.
type AccessKey struct {
	ID        string    `json:"access_key_id"`
	CreatedAt time.Time `json:"created_at"`
	Disabled  bool      `json:"disabled,omitempty"`
	Until     time.Time `json:"until,omitzero"` // when it ends, of one that was rotated away
	Deny      []string  `json:"deny,omitempty"`
}

// NewKey is a key as it is told once. It is never logged.
type NewKey struct {
	ID     string   `json:"access_key_id"`
	Secret string   `json:"access_key_secret"` // secret
	Deny   []string `json:"deny,omitempty"`
}

// NewTenant is a tenant as it is told once, with its first key and the secret key of its
// app. It is never logged.
type NewTenant struct {
	Tenant
	NewKey
	SecretKey string `json:"secret_key"` // secret
}

// NewSecret is the secret key of a tenant's app as it is told once. It is never logged.
type NewSecret struct {
	App       int64  `json:"sdkappid"`
	SecretKey string `json:"secret_key"` // secret
}

// KeyChange changes what is not nil.
type KeyChange struct {
	Disabled *bool     `json:"disabled,omitempty"`
	Deny     *[]string `json:"deny,omitempty"` // actions, like "cams:UpdatePhoneMessageQrdl", or "cams:*"
}
