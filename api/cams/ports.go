package cams

import (
	"context"
	"errors"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Port is what the operations ask for. Besides the errors that its methods name they
// fail with instance.ErrUnavailable, instance.ErrStopping and instance.ErrBusy, possibly
// wrapped. Any goroutine may call any method.
type Port interface {
	// AccessKey answers the key of that id, active or not, and whose it is, or
	// ErrNoKey.
	AccessKey(ctx context.Context, id string) (record.Tenant, record.AccessKey, error)
	// UseNonce remembers a key's nonce until a moment and answers once that is on disk;
	// it fails with ErrNonceUsed where it is remembered already, and with
	// instance.ErrBusy where the key has too many.
	UseNonce(ctx context.Context, key, nonce string, until time.Time) error

	QRDLs
}

// QRDLs are the message QR codes of tenants, which are given by their ids. A number is
// digits.
type QRDLs interface {
	// CreateQRDL makes one. It fails with ErrNotOwned where the number is not the
	// tenant's, and with ErrTooMany where it has as many as it may.
	CreateQRDL(ctx context.Context, tenant, number string, c Content) (record.QRDL, error)
	// UpdateQRDL gives one another content and link: from one moment to the next the old
	// link is dead and the new one works. It fails with ErrNotOwned and, where the number
	// has no such code, with ErrNoQRDL.
	UpdateQRDL(ctx context.Context, tenant, number, code string, c Content) (record.QRDL, error)
	// ListQRDL answers those of a number, the newest first, or ErrNotOwned.
	ListQRDL(ctx context.Context, tenant, number string) ([]record.QRDL, error)
	// DeleteQRDL removes one, or fails with ErrNotOwned or ErrNoQRDL.
	DeleteQRDL(ctx context.Context, tenant, number, code string) error
}

// Content is what a message QR code says and is drawn as.
type Content struct {
	Message string // valid UTF-8 of 1 to MaxMessage characters
	Image   string // "PNG" or "SVG"
}

// What a message QR code may be. The vendors' service has the same bounds, as Meta
// documents them for the codes that it is made of (WhatsApp Business Platform, QR Codes
// and Short Links, May 2026).
const (
	MaxMessage = 140  // Unicode characters
	MaxCodes   = 2000 // of one phone number
)

// The errors of a [Port].
var (
	ErrNoKey     = errors.New("there is no such access key")
	ErrNonceUsed = errors.New("the nonce was used already")
	ErrNotOwned  = errors.New("the phone number is not the tenant's")
	ErrNoQRDL    = errors.New("there is no such message QR code")
	ErrTooMany   = errors.New("the phone number has as many message QR codes as it may")
)
