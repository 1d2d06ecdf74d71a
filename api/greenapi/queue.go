package greenapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// The bounds of receiveNotification.
const (
	minReceive = 5 * time.Second // and what is waited where nobody says how long
	maxReceive = 60 * time.Second

	maxPolls     = 8192 // requests that wait at once, over all instances
	maxPollsEach = 8    // of one instance
)

// answerTime is how long an answer may take to be written.
const answerTime = 30 * time.Second

// received is a notification with its receipt.
type received struct {
	Receipt int64           `json:"receiptId"`
	Body    json.RawMessage `json:"body"`
}

// receiveNotification waits for a notification and leaves it in the queue. Nothing is
// null: a client loops while it is told something.
func receiveNotification(r *request) (any, error) {
	wait, err := receiveTimeout(r.http.URL.Query().Get("receiveTimeout"))
	if err != nil {
		return nil, err
	}
	done, err := r.polls.take(r.green.ID)
	if err != nil {
		return nil, err
	}
	defer done()
	r.within(wait + answerTime)
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	defer context.AfterFunc(r.cfg.Stop, cancel)()
	receipt, body, ok, err := r.cfg.Instances.ReceiveNotification(ctx, r.id, wait)
	switch {
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case r.cfg.Stop.Err() != nil && !ok, err == nil && !ok:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return received{receipt, body}, nil
}

// receiveTimeout reads how long to wait. What is too little or too much is brought
// into bounds.
func receiveTimeout(s string) (time.Duration, error) {
	if s == "" {
		return minReceive, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0, invalid("receiveTimeout", "must be a number of seconds, 5 to 60")
	}
	return min(max(time.Duration(n)*time.Second, minReceive), maxReceive), nil
}

func deleteNotification(r *request) (any, error) {
	var receipt int64
	err := strconv.ErrSyntax
	if len(r.rest) == 1 {
		receipt, err = strconv.ParseInt(r.rest[0], 10, 64)
	}
	if err != nil {
		return nil, &failure{status: http.StatusBadRequest, message: "Parameter receiptId must be a Number"}
	}
	gone, err := r.cfg.Instances.DeleteNotification(r.ctx, r.id, receipt)
	return struct {
		Result bool `json:"result"`
	}{gone}, err
}
