package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

func (a *app) instance() *cobra.Command {
	return group("instance", "the instances: one is one WhatsApp connection",
		a.add(), a.list(), a.show(), a.set(),
		a.act("close NAME", "close the connection and keep the session", (*client.Client).Close),
		a.act("restore NAME", "bring the connection of a saved session back", (*client.Client).Restore),
		a.act("disconnect NAME", "log out: the session is dropped, a new code is needed", (*client.Client).Disconnect),
		a.act("reboot NAME", "take the connection down and dial anew", (*client.Client).Reboot),
		a.act("save NAME", "save the session now", (*client.Client).Save),
		a.act("clear NAME", "erase what is stored for it; the link stays", (*client.Client).Clear),
		a.ownPicture(), a.ownName(), a.ownAbout(), a.contact(), a.delete(), a.export(), a.importFile(), a.unfence(), a.instanceToken(),
	)
}

// ask makes a command that needs the daemon.
func (a *app) ask(use, short string, run func(ctx context.Context, cl *client.Client, args []string) error) *cobra.Command {
	return command(use, short, func(c *cobra.Command, args []string) error {
		cl, err := a.client(c)
		if err != nil {
			return err
		}
		defer cl.CloseIdle()
		return run(c.Context(), cl, args)
	})
}

// on makes a command about one instance, the first argument. Its errors name
// the instance.
func (a *app) on(use, short string, run func(ctx context.Context, cl *client.Client, name string) error) *cobra.Command {
	return a.ask(use, short, func(ctx context.Context, cl *client.Client, args []string) error {
		if err := run(ctx, cl, args[0]); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	})
}

func (a *app) add() *cobra.Command {
	var spec api.AddSpec
	var token string
	c := a.on("add NAME [--webhook URL] [--tenant NAME] [--id-instance N] [--api-token-file F]", "make an instance", func(ctx context.Context, cl *client.Client, name string) error {
		spec.Name = name
		var err error
		if spec.APIToken, err = readToken(token); err != nil {
			return err
		}
		e, err := cl.Add(ctx, spec)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(e)
		}
		return a.table(
			[]string{"instance", e.Name + " (" + e.ID + ")"},
			[]string{"wid", e.WID},
			[]string{"id instance", strconv.FormatInt(e.IDInstance, 10)},
			[]string{"api token", e.APIToken},
			[]string{"webhook", orNone(e.Webhook)},
			[]string{"webhook secret", e.WebhookSecret},
			[]string{"next", "switchhook link " + e.Name + a.here()},
		)
	})
	c.Flags().StringVar(&spec.Webhook, "webhook", "", "`address` its PostBacks go to")
	c.Flags().StringVar(&spec.Tenant, "tenant", "", "`name` of the tenant whose it is; it stays so (default: the tenant default, which is always there)")
	c.Flags().Int64Var(&spec.IDInstance, "id-instance", 0, "keep this `number` as GREEN-API's idInstance (default: a new one)")
	c.Flags().StringVar(&token, "api-token-file", "", "keep the apiTokenInstance in this `file` (default: a new one)")
	return c
}

func (a *app) list() *cobra.Command {
	return a.ask("list", "show all instances", func(ctx context.Context, cl *client.Client, _ []string) error {
		all, err := cl.List(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(all)
		}
		if len(all) == 0 {
			return a.say("There is no instance yet: switchhook instance add NAME%s makes one.", a.here())
		}
		rows := [][]string{{"NAME", "ID", "STATE", "PHONE", "SINCE", "PENDING", "CAUSE"}}
		for _, e := range all {
			rows = append(rows, []string{
				e.Name, e.ID, state(e), mask(e.Phone), moment(e.Since), strconv.Itoa(e.Pending), string(e.Cause),
			})
		}
		return a.table(rows...)
	})
}

func (a *app) show() *cobra.Command {
	return a.on("show NAME", "show everything about one instance", func(ctx context.Context, cl *client.Client, name string) error {
		e, err := cl.Find(ctx, name)
		if err != nil {
			return err
		}
		return a.whole(e)
	})
}

// act makes a command that changes the connection and shows how it then is.
func (a *app) act(use, short string, run func(*client.Client, context.Context, string) (api.Entry, error)) *cobra.Command {
	return a.on(use, short, func(ctx context.Context, cl *client.Client, name string) error {
		e, err := run(cl, ctx, name)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(e)
		}
		return a.say("%s is in state %s", e.Name, state(e))
	})
}

func (a *app) set() *cobra.Command {
	var webhook, agent, version string
	var bulk bool
	const use = "set NAME [--webhook URL] [--user-agent TEXT] [--api-version 1.0|1.1] [--bulk]"
	var c *cobra.Command
	c = a.on(use, "change its configuration", func(ctx context.Context, cl *client.Client, name string) error {
		var ch api.Change
		for flag, field := range map[string]func(){
			"webhook":     func() { ch.Webhook = &webhook },
			"user-agent":  func() { ch.UserAgent = &agent },
			"api-version": func() { ch.APIVersion = &version },
			"bulk":        func() { ch.CanBulk = &bulk },
		} {
			if c.Flags().Changed(flag) {
				field()
			}
		}
		if ch == (api.Change{}) {
			return usage(c, "nothing to set")
		}
		e, err := cl.Configure(ctx, name, ch)
		if err != nil {
			return err
		}
		return a.whole(e)
	})
	c.Flags().StringVar(&webhook, "webhook", "", "`address` its PostBacks go to; empty for none")
	c.Flags().StringVar(&agent, "user-agent", "", "browser that WhatsApp is told of, as `text`")
	c.Flags().StringVar(&version, "api-version", "", "`version` of the PostBacks, 1.0 or 1.1")
	c.Flags().BoolVar(&bulk, "bulk", false, "take several events in one PostBack; --bulk=false for one each")
	return c
}

func (a *app) delete() *cobra.Command {
	return a.on("delete NAME", "log out, stop it, and erase it once its last events are delivered", func(ctx context.Context, cl *client.Client, name string) error {
		d, err := cl.Delete(ctx, name)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(d)
		}
		return a.say("%s (%s) is deleted; its last events are still delivered", d.Name, d.ID)
	})
}

// whole prints all there is to know of an instance.
func (a *app) whole(e api.Entry) error {
	if a.json {
		return a.document(e)
	}
	rows := [][]string{
		{"instance", e.Name + " (" + e.ID + ")"},
		{"tenant", cmp.Or(e.Tenant, record.DefaultTenant)},
		{"state", state(e)},
		{"since", moment(e.Since)},
		{"cause", orNone(string(e.Cause))},
		{"hint", orNone(e.Hint)},
		{"retry at", orNone(moment(e.RetryAt))},
		{"phone", orNone(mask(e.Phone))},
		{"account's name", orNone(e.PushName)},
		{"can be restored", yesNo(e.CanRestore)},
	}
	rows = append(rows, profile(e.Profile)...)
	return a.table(append(rows,
		[]string{"wid", e.WID},
		[]string{"id instance", strconv.FormatInt(e.IDInstance, 10)},
		[]string{"api token", e.APIToken},
		[]string{"webhook", orNone(e.Webhook)},
		[]string{"webhook secret", e.WebhookSecret},
		[]string{"pending", strconv.Itoa(e.Pending)},
		[]string{"delivery error", orNone(e.LastError)},
		[]string{"next delivery", orNone(moment(e.NextTry))},
		[]string{"messages", fmt.Sprintf("%d received, %d sent since the daemon started", e.Messages.Received, e.Messages.Sent)},
		[]string{"contacts, chats", fmt.Sprintf("%d, %d", e.Stats.Contacts, e.Stats.Chats)},
		[]string{"traffic", size(e.Stats.ReceivedBytes) + " received, " + size(e.Stats.SentBytes) + " sent"},
		[]string{"stored", fmt.Sprintf("%d files, %s", e.Storage.Files, size(e.Storage.Bytes))},
		[]string{"storage trouble", orNone(e.StorageTrouble)},
		[]string{"events", strconv.FormatUint(e.Seq, 10)},
		[]string{"created", moment(e.CreatedAt)},
	)...)
}

func state(e api.Entry) string {
	s := fmt.Sprintf("%d %s", e.State, e.StateName)
	if !e.ExportedAt.IsZero() {
		s += ", exported"
	}
	if e.Deleting {
		s += ", being deleted"
	}
	return s
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
