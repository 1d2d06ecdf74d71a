package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func (a *app) events() *cobra.Command {
	var after uint64
	var follow bool
	c := a.on("events NAME [--follow] [--after N]", "show its event log", func(ctx context.Context, cl *client.Client, name string) error {
		show := a.history
		if follow {
			show = a.follow
		}
		return a.orOfTenant(ctx, cl, name, "events %s%s shows its events", show(ctx, cl, name, after))
	})
	c.Long = "Shows the events of an instance, oldest first, with what was written in messages. With --json they are one array; with --json and --follow\n" +
		"each is one object on a line of its own. NAME may be daemon, for the daemon's own events,\n" +
		"or a tenant's id, for those of its message QR codes, or an account's, for those of its profile."
	c.Example = "  switchhook events shop --follow"
	c.Flags().BoolVar(&follow, "follow", false, "wait for further events until interrupted")
	c.Flags().Uint64Var(&after, "after", 0, "only events behind this `number`")
	return c
}

// history prints what there is.
func (a *app) history(ctx context.Context, cl *client.Client, name string, after uint64) error {
	all := []json.RawMessage{}
	for {
		events, err := cl.Events(ctx, name, client.Look{After: after, Limit: api.MaxEvents})
		if err != nil {
			return err
		}
		for _, ev := range events {
			if err := a.printGap(after, ev.Seq); err != nil {
				return err
			}
			after = ev.Seq
			if a.json {
				all = append(all, ev.Raw)
			} else if err := a.printEvent(ev); err != nil {
				return err
			}
		}
		if len(events) == 0 { // fewer than asked for may be as many as fit into an answer
			break
		}
	}
	if a.json {
		return a.document(all)
	}
	return nil
}

// follow prints what there is and what comes, until it is interrupted or the
// instance is no more.
func (a *app) follow(ctx context.Context, cl *client.Client, name string, after uint64) error {
	name, err := stream(ctx, cl, name)
	if err != nil {
		return err
	}
	for {
		events, err := cl.Events(ctx, name, client.Look{After: after, Limit: api.MaxEvents, Wait: 50 * time.Second})
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ev := range events {
			if err := a.printGap(after, ev.Seq); err != nil {
				return err
			}
			after = ev.Seq
			if err := a.printFollowed(ev); err != nil {
				return err
			}
			if ev.Type == record.InstanceDeleted {
				return nil
			}
		}
	}
}

// stream is the id of an instance, which stays when the name is given to another, or
// what names another stream.
func stream(ctx context.Context, cl *client.Client, name string) (string, error) {
	if name == record.DaemonStream {
		return name, nil
	}
	e, err := cl.Find(ctx, name)
	if errors.Is(err, instance.ErrNotFound) {
		if _, none := cl.Events(ctx, name, client.Look{Limit: 1}); none == nil {
			return name, nil // of a tenant, or of an account
		}
	}
	return e.ID, err
}

// orOfTenant says what to do when no instance was found, but a tenant of that name. instead
// is the command that does it, of the tenant's id and how the daemon is reached.
func (a *app) orOfTenant(ctx context.Context, cl *client.Client, name, instead string, err error) error {
	if !errors.Is(err, instance.ErrNotFound) {
		return err
	}
	if t, none := cl.Tenant(ctx, name); none == nil && t.ID != name {
		return fmt.Errorf("it is no instance, but a tenant: switchhook "+instead, t.ID, a.here())
	}
	return err
}

// printGap tells people which events the log has lost since; JSON has the numbers.
func (a *app) printGap(after, next uint64) error {
	if a.json || next == after+1 {
		return nil
	}
	return a.say("%6d  to %d: not in the log any more", after+1, next-1)
}

func (a *app) printFollowed(ev client.Event) error {
	if !a.json {
		return a.printEvent(ev)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, ev.Raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := a.Out.Write(line.Bytes())
	return err
}

// printEvent prints an event for people, on one line.
func (a *app) printEvent(ev client.Event) error {
	what := string(ev.Type)
	switch t := ev.Data.Transition; {
	case t != nil:
		what = fmt.Sprintf("%d → %d %s (%s)", t.From, t.To, t.To, t.Cause)
		if t.Hint != "" {
			what += ": " + t.Hint
		}
	case ev.Type == record.QRIssued:
		what = fmt.Sprintf("new code, valid %d s", ev.Data.TTL)
	case ev.Type == record.PairingCodeIssued:
		what = fmt.Sprintf("new code to type, valid %d s", ev.Data.TTL)
	case ev.Data.Message != nil:
		what = describe(ev.Type, ev.Data.Message)
	case ev.Type == record.PictureUpdated:
		what += pictured(ev)
	case ev.Type.OfTenant():
		what += coded(ev)
	case ev.Type.OfAccount():
		what += profiled(ev)
	case ev.Stream == record.DaemonStream:
		what += about(ev)
	}
	return a.say("%6d  %s  %s", ev.Seq, moment(ev.Time), what)
}
