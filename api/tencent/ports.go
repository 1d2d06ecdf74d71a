package tencent

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/record"
)

// Port is what the commands ask for. Besides the errors that its methods name they fail
// with instance.ErrUnavailable and instance.ErrStopping, possibly wrapped. Any goroutine
// may call any method. Tenants are given by their ids.
type Port interface {
	// ChatApp answers the tenant whose app has that SDKAppID, with its Chat, or ErrNoApp.
	ChatApp(ctx context.Context, app int64) (record.Tenant, error)
	// ChatAccount answers an account: an imported one, or an instance of that name, whose
	// profile may be empty. Otherwise it is ErrNoAccount.
	ChatAccount(ctx context.Context, tenant, user string) (record.Account, error)
	// ImportAccount makes an account, unless there is one, and sets fields that are valid.
	ImportAccount(ctx context.Context, tenant, user, operator string, fields []record.Field) error
	// SetProfile sets fields that are valid, all or none, and answers once that is on
	// disk, or fails with ErrNoAccount. WhatsApp has them later.
	SetProfile(ctx context.Context, tenant, user, operator string, fields []record.Field) error
}

// The errors of a [Port].
var (
	ErrNoApp     = errors.New("there is no app of that SDKAppID")
	ErrNoAccount = errors.New("there is no such account")
)
