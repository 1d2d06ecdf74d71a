package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// few is how many failed tries are shown without being asked for.
const few = 5

func (a *app) deliveries() *cobra.Command {
	var failures bool
	var c *cobra.Command
	c = a.ask("deliveries [NAME] [--failures]", "show how far the deliveries of an instance have come", func(ctx context.Context, cl *client.Client, args []string) error {
		if len(args) > 0 {
			lanes, err := cl.Deliveries(ctx, args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], a.orOfTenant(ctx, cl, args[0], "deliveries %s%s shows those of its events", err))
			}
			return a.lanes(args[0], lanes, failures)
		}
		if failures {
			return usage(c, "--failures needs the NAME of an instance")
		}
		lanes, total, err := cl.AllDeliveries(ctx)
		if err != nil {
			return err
		}
		if err := a.lanes("", lanes, false); err != nil || a.json || total == len(lanes) {
			return err
		}
		return a.say("These are the %d of %d that need attention most: switchhook deliveries NAME%s shows those of an instance.", len(lanes), total, a.here())
	})
	c.Long = "Shows how far the deliveries of an instance have come, for each of its endpoints, and the replays under way. NAME may\n" +
		"be daemon, or a tenant's id. Without it, it shows the deliveries of all, those in trouble first. When few tries have\n" +
		"failed, they are shown, too."
	c.Example = "  switchhook deliveries shop --failures"
	c.Flags().BoolVar(&failures, "failures", false, "show all failed tries that are kept, with the beginning of each answer")
	return c
}

// lanes prints deliveries of one instance, or of all.
func (a *app) lanes(of string, lanes []api.Lane, failures bool) error {
	if a.json {
		return a.document(lanes)
	}
	if len(lanes) == 0 {
		return a.say("There is no endpoint that events are delivered to: switchhook endpoint add REF URL%s makes one.", a.here())
	}
	rows := [][]string{{"INSTANCE", "ENDPOINT", "STATE", "DONE", "OF", "PENDING", "TRIES", "NEXT TRY", "ERROR"}}
	tried := 0
	for _, l := range lanes {
		end, state := l.Head, l.State
		if l.Replay != "" {
			end, state = l.Until, "replay "+l.Replay+", "+l.State
		}
		rows = append(rows, []string{
			streamName(l.StreamName, l.Stream), l.Ref(), state, strconv.FormatUint(l.Acked, 10), strconv.FormatUint(end, 10),
			strconv.FormatUint(l.Pending, 10), strconv.Itoa(l.Attempts), orDash(moment(l.NextAt)), clip(bare(l.LastError), 32),
		})
		tried += len(l.Tries)
	}
	if of != "" { // the first column says what was asked for
		for i := range rows {
			rows[i] = rows[i][1:]
		}
	}
	if err := a.table(rows...); err != nil {
		return err
	}
	if tried > few && !failures {
		return a.say("%d tries have failed: switchhook deliveries %s --failures%s shows them.", tried, quote(of), a.here())
	}
	most := 100
	if failures {
		most = 1 << 10
	}
	for _, l := range lanes {
		if err := a.tries(l.Ref()+"  ", l.Tries, most); err != nil {
			return err
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// bare is an error of a try without the address that it begins with: a table has
// the endpoint's name beside it.
func bare(text string) string {
	if _, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(text, "post to ") {
		return rest
	}
	return text
}
