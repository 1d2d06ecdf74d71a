package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
)

const (
	// maxSend bounds a request that carries a file, in base64.
	maxSend = maxMediaSize/3*4 + 1<<20
	// mailPage is how much mail goes into one answer to a Client.
	mailPage = 20_000
)

type (
	receivedRequest struct {
		Phone string `json:"phone"`
	}
	receivedAnswer struct {
		Messages []ReceivedMessage `json:"messages"`
	}
	behaveRequest struct {
		Phone     string    `json:"phone,omitempty"`
		Behaviour Behaviour `json:"behaviour"`
	}
	historyRequest struct {
		Phone   string      `json:"phone"`
		History HistorySpec `json:"history"`
	}
	mailAnswer struct {
		Mail []MailStatus `json:"mail"`
	}
)

// messageAPI adds what [Control] says of messages to the control API.
func (n *Network) messageAPI(mux *http.ServeMux) {
	mux.Handle(apiPath+"send", methodUpTo(maxSend, http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var spec SendSpec
		if err := readBody(body, &spec); err != nil {
			return nil, err
		}
		return n.Send(ctx, spec)
	}))
	mux.Handle(apiPath+"mail", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var q MailQuery
		if err := readBody(body, &q); err != nil {
			return nil, err
		}
		mail, err := n.Mail(ctx, q)
		return mailAnswer{mail}, err
	}))
	mux.Handle(apiPath+"received", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r receivedRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		messages, err := n.Received(ctx, r.Phone)
		return receivedAnswer{messages}, err
	}))
	mux.Handle(apiPath+"behave", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r behaveRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return struct{}{}, n.Behave(ctx, r.Phone, r.Behaviour)
	}))
	mux.Handle(apiPath+"history", methodUpTo(maxSend, http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r historyRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return n.SyncHistory(ctx, r.Phone, r.History)
	}))
}

// Send is [Network.Send].
func (c *Client) Send(ctx context.Context, spec SendSpec) (Sent, error) {
	var sent Sent
	err := c.call(ctx, http.MethodPost, "send", spec, &sent)
	return sent, err
}

// Mail is [Network.Mail]. A long answer comes in several pieces, between which the
// mail may change.
func (c *Client) Mail(ctx context.Context, q MailQuery) ([]MailStatus, error) {
	var all []MailStatus
	wanted := q.Limit
	for {
		q.Limit = mailPage
		if wanted > 0 {
			q.Limit = min(mailPage, wanted-len(all))
		}
		var answer mailAnswer
		if err := c.call(ctx, http.MethodPost, "mail", q, &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Mail...)
		if len(answer.Mail) < q.Limit || len(all) == wanted {
			return all, nil
		}
		q.After = all[len(all)-1].Serial
	}
}

// Received is [Network.Received].
func (c *Client) Received(ctx context.Context, digits string) ([]ReceivedMessage, error) {
	var answer receivedAnswer
	err := c.call(ctx, http.MethodPost, "received", receivedRequest{Phone: digits}, &answer)
	return answer.Messages, err
}

// Behave is [Network.Behave].
func (c *Client) Behave(ctx context.Context, digits string, how Behaviour) error {
	var nothing struct{}
	return c.call(ctx, http.MethodPost, "behave", behaveRequest{Phone: digits, Behaviour: how}, &nothing)
}

// SyncHistory is [Network.SyncHistory].
func (c *Client) SyncHistory(ctx context.Context, digits string, spec HistorySpec) (Sent, error) {
	var sent Sent
	err := c.call(ctx, http.MethodPost, "history", historyRequest{Phone: digits, History: spec}, &sent)
	return sent, err
}
