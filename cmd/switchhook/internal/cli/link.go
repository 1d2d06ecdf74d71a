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
	var phone string
	c := a.on("link NAME [--phone DIGITS]", "show a code in the terminal, renewed until a phone has taken it", func(ctx context.Context, cl *client.Client, name string) error {
		phone = number(phone)
		l := linker{app: a, cl: cl, out: a.Out, draws: a.colour(), phone: phone}
		if a.json {
			l.out, l.draws = a.Err, false
		}
		return l.run(ctx, name)
	})
	c.Long = "Shows a QR code in the terminal and renews it until a phone has scanned it and the connection stands.\n" +
		"With --phone it shows eight characters to type on that phone instead.\n" +
		"With --json the code goes to standard error."
	c.Flags().StringVar(&phone, "phone", "", "`number` of a phone to type a code on, in international form: 8 to 15 digits")
	return c
}

// linker pairs one instance.
type linker struct {
	*app
	cl    *client.Client
	out   io.Writer
	draws bool   // out is a terminal: colours, and the code is renewed in place
	phone string // digits of the phone to type a code on; empty: it scans one

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
	if l.entry, err = l.cl.Find(ctx, name); err != nil {
		return err
	}
	l.how = l.instructions(sys.Network == "sandbox")
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

// instructions say what to do with the code.
func (l *linker) instructions(sandbox bool) string {
	take, command := "scan", "scan"
	if l.phone != "" {
		take, command = "take", "type"
	}
	switch {
	case sandbox:
		return "This is the sandbox, not WhatsApp: no real phone can " + take + " this code.\n" +
			"In another terminal: switchhook sandbox " + command + " " + l.entry.Name + l.here()
	case l.phone != "":
		return "Type it on the phone " + mask(l.phone) + ": Settings, Linked devices, Link a device,\n" +
			"Link with phone number instead. Ctrl-C stops."
	}
	return "On the phone: Settings, Linked devices, Link a device. Ctrl-C stops."
}

// code is the one that is valid now, and for how many seconds.
func (l *linker) code(ctx context.Context) (text string, ttl int, err error) {
	if l.phone != "" {
		code, err := l.cl.LinkPhone(ctx, l.entry.ID, l.phone)
		return code.Code, code.TTL, err
	}
	code, err := l.cl.Code(ctx, l.entry.ID)
	return code.Text, code.TTL, err
}

// offer shows the code that is valid now and answers how long to wait for news.
func (l *linker) offer(ctx context.Context) (time.Duration, error) {
	const patience = 10 * time.Second
	if l.scanned {
		return patience, nil
	}
	code, ttl, err := l.code(ctx)
	switch {
	case errors.Is(err, instance.ErrSavedSession) && l.entry.CanRestore:
		where := l.entry.Name + l.here()
		return 0, fmt.Errorf("a saved session exists: bring it back with switchhook instance restore %s, or drop it with switchhook instance disconnect %s", where, where)
	case errors.Is(err, instance.ErrSavedSession), errors.Is(err, instance.ErrEstablished), errors.Is(err, instance.ErrNotReady):
		return patience, nil // a scan that we have yet to hear of, or the code is late: the events tell
	case err != nil:
		return 0, err
	}
	if code != l.shown {
		if err := l.draw(code); err != nil {
			return 0, err
		}
	}
	return time.Duration(max(ttl, 1)) * time.Second, nil
}

// draw puts the code on the screen, in the place of the one before.
func (l *linker) draw(text string) error {
	picture, width := l.boxed(text), 0
	if l.phone == "" {
		sym, err := qrcode.New(text)
		if err != nil {
			return err
		}
		picture, width = sym.HalfBlocks(l.draws), sym.Columns()
	}
	var b strings.Builder
	columns, rows, terminal := l.Terminal()
	if l.draws && l.lines > 0 && l.lines < rows {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", l.lines)
	}
	body := picture + l.how + "\n"
	if terminal && columns < width {
		body += fmt.Sprintf("The window is %d columns wide and the code %d: make it wider.\n", columns, width)
	}
	l.shown, l.lines = text, strings.Count(body, "\n")
	b.WriteString(body)
	_, err := io.WriteString(l.out, b.String())
	return err
}

// boxed makes a code to type stand out.
func (l *linker) boxed(text string) string {
	line := strings.Repeat("═", len(text)+6)
	if l.draws {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	return "\n    ╔" + line + "╗\n    ║   " + text + "   ║\n    ╚" + line + "╝\n\n"
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
			done := "Scanned"
			if l.phone != "" {
				done = "Typed"
			}
			_, err = fmt.Fprintln(l.out, done+". Logging in …")
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
