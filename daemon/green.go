package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/api/greenapi/notify"
	"github.com/switchhook/switchhook/queue"
)

// greenFormat makes the notifications.
func (f *fleet) greenFormat() notify.Encoder {
	return notify.Encoder{Account: f.greenAccount}
}

// greenAccount is asked for every event and answers from memory.
func (f *fleet) greenAccount(instance string) (notify.Account, bool) {
	m := f.byID(instance)
	if m == nil {
		return notify.Account{}, false
	}
	g := m.green.Load()
	if g == nil {
		return notify.Account{}, false
	}
	phone, _ := m.live.Load().Linked()
	return notify.Account{ID: g.ID, Phone: phone, Settings: g.Settings}, true
}

// newQueue makes the queue of the instances that have no webhookUrl.
func (f *fleet) newQueue() *queue.Queue {
	return queue.New(queue.Config{
		Log: f.store, Watch: f.watches.add, Make: f.greenFormat().Bodies, Endpoint: f.queued, Logger: f.log,
	})
}

// queued answers under which endpoint's id the cursor of an instance's queue is kept,
// the same as that of its webhook: what the one has not delivered the other has. It is
// open while there is an account, no webhook, and no deletion.
func (f *fleet) queued(instance string) (id string, open bool) {
	id = greenID(instance)
	if _, hook := f.book.get(id); hook {
		return id, false
	}
	m := f.byID(instance)
	if _, known := f.greenAccount(instance); !known || m == nil {
		return id, false
	}
	_, there := m.live.Load().Linked()
	return id, there
}

// ReceiveNotification implements [api.Instances]; see [queue.Queue.Next].
func (f *fleet) ReceiveNotification(ctx context.Context, id string, wait time.Duration) (receipt int64, body []byte, ok bool, err error) {
	n, ok, err := f.queue.Next(ctx, id, wait)
	return n.Receipt, n.Body, ok, unavailable(err)
}

// DeleteNotification implements [api.Instances]; see [queue.Queue.Delete].
func (f *fleet) DeleteNotification(ctx context.Context, id string, receipt int64) (bool, error) {
	ok, err := f.queue.Delete(ctx, id, receipt)
	return ok, unavailable(err)
}

// needsQueue answers how far the queue of an instance has come, for a log that keeps
// events for less than a day.
func (k *keeper) needsQueue(ctx context.Context, stream string, seq uint64) (uint64, error) {
	if k.retention >= queue.Keep {
		return seq, nil // what would go is too old to be fetched
	}
	passed, err := k.fleet.queue.Passed(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("prune the log: %w", err)
	}
	return min(seq, passed), nil
}
