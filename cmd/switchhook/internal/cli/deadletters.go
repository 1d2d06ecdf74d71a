package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

func (a *app) deadLetters() *cobra.Command {
	var look client.DeadLook
	c := a.ask("deadletters [NAME] [--endpoint REF]", "show which events were given up, and why", func(ctx context.Context, cl *client.Client, args []string) error {
		if len(args) > 0 {
			look.Instance = args[0]
		}
		all := []api.PlacedLetter{}
		look.Limit = api.MaxDeadLetters
		for {
			some, err := cl.DeadLetters(ctx, look)
			if err != nil {
				return err
			}
			all = append(all, some...)
			if len(some) < api.MaxDeadLetters {
				break
			}
			look.After = some[len(some)-1].Place
		}
		if a.json {
			return a.document(all)
		}
		if len(all) == 0 {
			return a.say("No event was given up.")
		}
		rows := [][]string{{"ENDPOINT", "INSTANCE", "EVENTS", "FROM", "GIVEN UP", "TRIES", "REASON"}}
		for _, d := range all {
			run := strconv.FormatUint(d.From, 10)
			if d.To != d.From {
				run += "-" + strconv.FormatUint(d.To, 10)
			}
			rows = append(rows, []string{
				d.Ref(), streamName(d.StreamName, d.Stream), run, orDash(moment(d.EventAt)), moment(d.At), strconv.Itoa(d.Attempts), clip(d.Reason, 32),
			})
		}
		if err := a.table(rows...); err != nil {
			return err
		}
		for _, d := range all {
			if d.Last == nil || len(all) > few {
				continue
			}
			if err := a.tries(d.Ref()+"  ", []record.Try{*d.Last}, 100); err != nil {
				return err
			}
		}
		d := all[0]
		return a.say("For example, switchhook replay %s --from %d --to %d --endpoint %s%s delivers the first of them after all.",
			streamName(d.StreamName, d.Stream), d.From, d.To, quote(d.Ref()), a.here())
	})
	c.Long = "Shows which events were given up, of all instances or of NAME, which may be daemon: their numbers, when the first of\n" +
		"them happened, and why they were given up. When they are few, the last\n" +
		"failed try of each is shown, too; --json has it always. A replay that delivers them makes them disappear here.\n" + refHelp
	c.Example = "  switchhook deadletters shop --endpoint shop/crm"
	c.Flags().StringVar(&look.Endpoint, "endpoint", "", "only those of this endpoint, a `REF`")
	c.AddCommand(a.deleteDeadLetters())
	return c
}

func (a *app) deleteDeadLetters() *cobra.Command {
	var ref string
	var from, to uint64
	var c *cobra.Command
	c = a.ask("delete [NAME] [--endpoint REF] [--from SEQ] [--to SEQ]", "forget events that were given up", func(ctx context.Context, cl *client.Client, args []string) error {
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		if name == "" && ref == "" {
			return usage(c, "NAME or --endpoint is missing")
		}
		n, err := cl.DeleteDeadLetters(ctx, name, ref, from, to)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(api.DeletedLetters{Deleted: n})
		}
		return a.say("%s deleted", counted(n, "dead letter"))
	})
	c.Long = "Forgets events that were given up: those of NAME, which may be daemon, of an endpoint, or of both, all of them or those\n" +
		"wholly from one number to another. The events themselves stay in the log for as long as they would.\n" + refHelp
	c.Example = "  switchhook deadletters delete shop --endpoint shop/crm --to 1200"
	c.Flags().StringVar(&ref, "endpoint", "", "only those of this endpoint, a `REF`")
	c.Flags().Uint64Var(&from, "from", 0, "only those from this `event` on")
	c.Flags().Uint64Var(&to, "to", 0, "only those up to this `event`")
	return c
}
