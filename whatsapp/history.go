package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// historiesAtOnce bounds how many histories the process has in memory: each may
// be of many MB, and after a restart everybody has one to fetch.
const historiesAtOnce = 4

// wakeHistory has what the phone has announced fetched and stored. It does not
// wait. At most one goroutine of a connection does it, in order; what it could
// not finish is tried again after a while, and on the next connection.
func (c *conn) wakeHistory() {
	if c.history.Add(1) == 1 {
		go c.histories()
	}
}

func (c *conn) histories() {
	wait := historyRetryFirst
	for {
		seen := c.history.Load()
		c.count()
		err := c.storeHistories()
		switch {
		case c.closed.Load() || c.life.Err() != nil:
			c.history.Store(0)
			return
		case err != nil:
			c.log.Warn("history not stored, tried again", "err", err, "wait", wait)
			if !pause(c.life, wait) {
				return
			}
			wait = min(2*wait, historyRetryLongest)
		case c.history.CompareAndSwap(seen, 0):
			return
		}
	}
}

// The waits before a history is tried again that could not be had or stored.
const (
	historyRetryFirst   = 10 * time.Second
	historyRetryLongest = 10 * time.Minute
)

// pause answers false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *conn) storeHistories() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
	}()
	todo, err := c.keys.PendingHistory(c.life)
	if err != nil || len(todo) == 0 {
		return err
	}
	select {
	case c.driver.histories <- struct{}{}:
		defer func() { <-c.driver.histories }()
	case <-c.life.Done():
		return c.life.Err()
	}
	for _, h := range todo {
		if err := c.storeHistory(h); err != nil {
			return err
		}
	}
	return nil
}

// storeHistory stores one history and takes it off the list. One that nobody can
// read, or that WhatsApp no longer has, will not get better.
func (c *conn) storeHistory(h devicestore.HistoryTodo) error {
	err := c.fetchHistory(h.Notification)
	if errors.Is(err, errHopeless) {
		c.log.Warn("history given up", "err", err)
	} else if err != nil {
		return err
	}
	return c.keys.HistoryStored(c.life, h.ID)
}

var errHopeless = errors.New("history cannot be had")

// fetchHistory downloads a history and stores all of it.
func (c *conn) fetchHistory(notice *waE2E.HistorySyncNotification) error {
	payload := notice.GetInitialHistBootstrapInlinePayload()
	if payload == nil {
		var err error
		if payload, err = c.historyFile(c.life, notice); err != nil {
			return err
		}
	}
	history, err := devicestore.DecodeHistory(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", errHopeless, err)
	}
	if err := c.keys.StoreHistory(c.life, history); err != nil {
		return err
	}
	// The library stores the rest; it decodes once more, but what it says of its
	// writes is nothing, so the container is asked below.
	inline := proto.Clone(notice).(*waE2E.HistorySyncNotification) //nolint:forcetypeassert // Clone keeps the type
	inline.InitialHistBootstrapInlinePayload = payload
	if _, err := c.client.DownloadHistorySync(c.life, inline, true); err != nil {
		return fmt.Errorf("%w: %w", errHopeless, err)
	}
	return nil
}

func (c *conn) historyFile(ctx context.Context, notice *waE2E.HistorySyncNotification) ([]byte, error) {
	if !validPath(notice.GetDirectPath()) {
		return nil, fmt.Errorf("%w: no path", errHopeless)
	}
	payload, err := c.client.Download(ctx, notice)
	if err == nil {
		return payload, nil
	}
	if err = downloadError(err); errors.Is(err, ErrGone) {
		return nil, fmt.Errorf("%w: %w", errHopeless, err)
	}
	return nil, fmt.Errorf("download: %w", err)
}
