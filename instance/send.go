package instance

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

const (
	maxText    = 64 << 10 // bytes; WhatsApp's own limit is of the same order
	maxSending = 32       // messages on their way at once; WhatsApp takes them one after another
)

// Send sends a text to one person and answers what was sent once WhatsApp has
// taken it over and that is recorded as message.sent. Whether it was delivered
// and read follows as message.receipt. It fails with an [*InvalidError],
// [ErrNotConnected], [ErrBusy] or [ErrUnavailable], and nothing was sent; with a
// [*SendError] or [ErrNotReady] it may have been.
func (i *Instance) Send(ctx context.Context, t Text) (record.Message, error) {
	switch {
	case t.To == "":
		return record.Message{}, &InvalidError{"to", "must be a phone number in international form, or a JID"}
	case t.Body == "":
		return record.Message{}, &InvalidError{"text", "must not be empty"}
	case len(t.Body) > maxText || !utf8.ValidString(t.Body):
		return record.Message{}, &InvalidError{"text", "must be UTF-8 of at most 65536 bytes"}
	case len(t.ID) > 128:
		return record.Message{}, &InvalidError{"id", "must have at most 128 bytes; leave it out to have one made"}
	}
	r, err := i.ask(ctx, func(c *command) {
		switch {
		case !i.canSend():
			i.answer(c, ErrNotConnected)
		case i.sending >= maxSending:
			i.answer(c, ErrBusy)
		default:
			conn := i.try.conn
			i.launch(c, func(ctx context.Context) (record.Message, error) { return conn.SendText(ctx, t) })
		}
	})
	return r.message, err
}

// canSend reports whether there is a connection to send on.
func (i *Instance) canSend() bool {
	return i.rec.State == fsm.Authenticated && i.try != nil && !i.try.closed && i.logout == nil
}

// launch sends a message beside the loop and answers the command.
func (i *Instance) launch(c *command, send Sending) {
	i.sending++
	ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Command)
	i.child(func() {
		defer cancel()
		m, err := send(ctx)
		i.post(mail{then: func(ctx context.Context) { i.sent(ctx, c, m, err) }})
	})
}

// sent records a message that WhatsApp has taken over, whatever has become of the
// connection since.
func (i *Instance) sent(ctx context.Context, c *command, m record.Message, err error) {
	i.sending--
	if err != nil {
		if invalid := (*InvalidError)(nil); !errors.As(err, &invalid) {
			err = &SendError{err}
		}
		i.answer(c, err)
		return
	}
	recorded := false
	i.must(ctx, func() error {
		err := i.store(i.current(), nil, record.Event{
			Stream: i.id, Kind: record.MessageSent, At: time.Now().UTC(), Name: i.rec.Name, Message: &m,
		})
		recorded = err == nil
		return err
	})
	if !recorded {
		i.answer(c, ErrNotReady)
		return
	}
	c.reply <- result{info: i.info(), message: withoutKey(m)}
}

// withoutKey is a message as callers get it: the key of its file is for the log.
func withoutKey(m record.Message) record.Message {
	if m.Media != nil {
		media := *m.Media
		media.Ref = nil
		m.Media = &media
	}
	return m
}

// lastWords is how long a stop waits for messages on their way; uploads end with it. It is less than
// goodbye: they have to be stored.
const lastWords = time.Second

// lastTexts lets WhatsApp answer for the messages, and the picture, that are on their
// way when the instance is to stop: what it has taken over could not be recorded later. New
// commands are refused meanwhile.
func (i *Instance) lastTexts(ctx context.Context) {
	limit := time.NewTimer(lastWords)
	defer limit.Stop()
	for (i.sending > 0 || i.picturing) && !i.deleted && i.broken == nil {
		if len(i.backlog) > 0 {
			m := i.backlog[0]
			i.backlog = i.backlog[1:]
			i.handle(ctx, m)
			continue
		}
		select {
		case m := <-i.mailbox:
			if m.cmd != nil {
				i.answer(m.cmd, ErrStopping)
				continue
			}
			i.handle(ctx, m)
		case <-limit.C:
			return
		}
	}
}

// ErrTextRefused in a [SendError] says that WhatsApp has refused the message: it was
// not sent.
var ErrTextRefused = errors.New("WhatsApp refused the message")

// SendError says that WhatsApp has not confirmed a message. It may have been sent,
// unless it is an [ErrTextRefused] or an [ErrNotUploaded].
type SendError struct{ Err error }

func (e *SendError) Error() string {
	if errors.Is(e.Err, ErrTextRefused) || errors.Is(e.Err, ErrNotUploaded) {
		return e.Err.Error()
	}
	return "WhatsApp did not confirm the message: " + e.Err.Error()
}

func (e *SendError) Unwrap() error { return e.Err }
