package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/api/qrcode"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

func (a *app) link() *cobra.Command {
	c := a.on("link NAME", "show a QR code in the terminal, renewed until a phone has scanned it", func(ctx context.Context, cl *client.Client, name string) error {
		l := linker{app: a, cl: cl, out: a.Out, draws: a.colour()}
		if a.json {
			l.out, l.draws = a.Err, false
		}
		return l.run(ctx, name)
	})
	c.Long = "Shows a QR code in the terminal and renews it until a phone has scanned it and the connection stands.\n" +
		"With --json the code goes to standard error."
	return c
}

// linker pairs one instance.
type linker struct {
	*app
	cl    *client.Client
	out   io.Writer
	draws bool // out is a terminal: colours, and the code is renewed in place

	entry   api.Entry
	how     string // how to scan
	shown   string // the code on the screen
	lines   int    // of it
	scanned bool
}

// linked is the outcome as JSON.
type linked struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Linked bool   `json:"linked"`
	Phone  string `json:"phone"`
}

func (l *linker) run(ctx context.Context, name string) error {
	sys, err := l.cl.System(ctx)
	if err != nil {
		return err
	}
	l.how = "On the phone: Settings, Linked devices, Link a device. Ctrl-C stops."
	if l.entry, err = l.cl.Find(ctx, name); err != nil {
		return err
	}
	if sys.Network == "sandbox" {
		l.how = "This is the sandbox, not WhatsApp: no real phone can scan this code.\n" +
			"In another terminal: switchhook sandbox scan " + l.entry.Name + l.here()
	}
	if l.entry.State == fsm.Authenticated {
		return l.done(ctx)
	}
	after := l.entry.Seq
	for {
		wait, err := l.offer(ctx)
		if err != nil {
			return err
		}
		events, err := l.cl.Events(ctx, l.entry.ID, client.Look{After: after, Wait: wait})
		if err != nil {
			return err
		}
		for _, ev := range events {
			after = ev.Seq
			if over, err := l.see(ev); over || err != nil {
				if err == nil {
					err = l.done(ctx)
				}
				return err
			}
		}
	}
}

// offer shows the code that is valid now and answers how long to wait for news.
func (l *linker) offer(ctx context.Context) (time.Duration, error) {
	const patience = 10 * time.Second
	if l.scanned {
		return patience, nil
	}
	code, err := l.cl.Code(ctx, l.entry.ID)
	switch {
	case errors.Is(err, instance.ErrSavedSession) && l.entry.CanRestore:
		where := l.entry.Name + l.here()
		return 0, fmt.Errorf("a saved session exists: bring it back with switchhook instance restore %s, or drop it with switchhook instance disconnect %s", where, where)
	case errors.Is(err, instance.ErrSavedSession), errors.Is(err, instance.ErrEstablished), errors.Is(err, instance.ErrNotReady):
		return patience, nil // a scan that we have yet to hear of, or the code is late: the events tell
	case err != nil:
		return 0, err
	}
	if code.Text != l.shown {
		if err := l.draw(code.Text); err != nil {
			return 0, err
		}
	}
	return time.Duration(max(code.TTL, 1)) * time.Second, nil
}

// draw puts the code on the screen, in the place of the one before.
func (l *linker) draw(text string) error {
	sym, err := qrcode.New(text)
	if err != nil {
		return err
	}
	var b strings.Builder
	columns, rows, terminal := l.Terminal()
	if l.draws && l.lines > 0 && l.lines < rows {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", l.lines)
	}
	body := sym.HalfBlocks(l.draws) + l.how + "\n"
	if terminal && columns < sym.Columns() {
		body += fmt.Sprintf("The window is %d columns wide and the code %d: make it wider.\n", columns, sym.Columns())
	}
	l.shown, l.lines = text, strings.Count(body, "\n")
	b.WriteString(body)
	_, err = io.WriteString(l.out, b.String())
	return err
}

// see takes note of an event. over says that the connection stands.
func (l *linker) see(ev client.Event) (over bool, err error) {
	t := ev.Data.Transition
	if t == nil {
		return false, nil
	}
	switch t.To {
	case fsm.Authenticated:
		return true, nil
	case fsm.Starting:
		if t.Event == fsm.Scanned {
			l.scanned = true
			_, err = fmt.Fprintln(l.out, "Scanned. Logging in …")
		}
		return false, err
	case fsm.NotAuthenticated:
		return false, failed(t)
	case fsm.AuthenticatedClosed:
		// It comes back by itself if it has a time to.
		if info := ev.Data.Connection; info != nil && info.RetryAt.IsZero() {
			return false, failed(t)
		}
	case fsm.NoConnection:
		if l.scanned || t.Cause == fsm.CausePairingFailed || t.Cause == fsm.CauseOperator {
			return false, failed(t)
		}
	default:
	}
	return false, nil
}

func failed(t *fsm.Transition) error {
	return &instance.FailedError{State: t.To, Cause: t.Cause}
}

func (l *linker) done(ctx context.Context) error {
	e, err := l.cl.Find(ctx, l.entry.ID)
	if err != nil {
		return err
	}
	if l.json {
		return l.document(linked{ID: e.ID, Name: e.Name, Linked: true, Phone: e.Phone})
	}
	return l.say("%s is linked to %s", e.Name, mask(e.Phone))
}
