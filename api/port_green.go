package api

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/record"
)

// Greens knows what instances are to clients of GREEN-API. Each instance is something
// to them from its beginning to its deletion.
type Greens interface {
	// FindGreen answers what the instance with that idInstance is, or
	// instance.ErrNotFound. One that is being deleted is not found. What is answered
	// holds secrets.
	FindGreen(ctx context.Context, id int64) (record.GreenAPI, error)
	// ChangeGreen lets change edit the settings and stores them, all or nothing. It
	// fails with what change fails with, and with an *instance.InvalidError for an
	// address that nothing may be posted to. change may be called while others wait,
	// and does nothing else.
	ChangeGreen(ctx context.Context, id string, change func(*record.GreenSettings) error) (record.GreenAPI, error)
	// RotateToken replaces the instance's apiTokenInstance at once: with token, or
	// with one of its own making if that is empty.
	RotateToken(ctx context.Context, id, token string) (Entry, error)
	// ReceiveNotification answers the oldest notification of an instance's queue that
	// was not deleted, the same until it is, and waits for one as long as wait and ctx
	// allow; false: none came. While the instance has a webhookUrl there is none.
	ReceiveNotification(ctx context.Context, id string, wait time.Duration) (receipt int64, body []byte, ok bool, err error)
	// DeleteNotification deletes one from the queue, and answers, once that is on disk,
	// whether it was there.
	DeleteNotification(ctx context.Context, id string, receipt int64) (bool, error)
}
