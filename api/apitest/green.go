package apitest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// firstGreen is the idInstance of the instance i1, less one.
const firstGreen = 1101000000

// beGreen makes what the instance is to clients of GREEN-API: i1 is 1101000001, and
// its token is 48 zeros and 01.
func (h *held) beGreen(spec api.AddSpec, seq int) {
	h.green = record.GreenAPI{
		Instance: h.ID,
		ID:       cmp.Or(spec.IDInstance, firstGreen+int64(seq)),
		Token:    cmp.Or(spec.APIToken, fmt.Sprintf("%050x", seq)),
	}
}

// FindGreen implements api.Instances.
func (f *Fake) FindGreen(_ context.Context, id int64) (record.GreenAPI, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.instances {
		if h.green.ID == id && h.DeletedAt.IsZero() {
			return h.green, nil
		}
	}
	return record.GreenAPI{}, instance.ErrNotFound
}

// ChangeGreen implements api.Instances. A webhook in 10.0.0.0/8 is forbidden.
func (f *Fake) ChangeGreen(_ context.Context, id string, change func(*record.GreenSettings) error) (record.GreenAPI, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("change_green", id)
	if err != nil {
		return record.GreenAPI{}, err
	}
	next := h.green
	next.Settings.Others = maps.Clone(next.Settings.Others)
	if err := change(&next.Settings); err != nil {
		return record.GreenAPI{}, err
	}
	if strings.Contains(next.Settings.WebhookURL, "//10.") {
		return record.GreenAPI{}, &instance.InvalidError{Field: "webhookUrl", Problem: "leads to a private network: webhook.allow_networks allows it"}
	}
	h.green = next
	return next, nil
}

// RotateToken implements api.Instances. The token that it makes is 50 times "f".
func (f *Fake) RotateToken(_ context.Context, id, token string) (api.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("rotate_token", id)
	if err != nil {
		return api.Entry{}, err
	}
	h.green.Token = cmp.Or(token, strings.Repeat("f", 50))
	return h.entry(), nil
}

// ReceiveNotification implements api.Instances. Queues are empty here.
func (f *Fake) ReceiveNotification(ctx context.Context, _ string, wait time.Duration) (receipt int64, body []byte, ok bool, err error) {
	select {
	case <-time.After(wait):
		return 0, nil, false, nil
	case <-ctx.Done():
		return 0, nil, false, ctx.Err()
	}
}

// DeleteNotification implements api.Instances.
func (*Fake) DeleteNotification(context.Context, string, int64) (bool, error) { return false, nil }
