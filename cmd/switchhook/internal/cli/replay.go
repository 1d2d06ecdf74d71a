package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) replay() *cobra.Command {
	var from, to string
	var spec api.ReplaySpec
	var c *cobra.Command
	c = a.on("replay NAME --from SEQ|TIME [--to SEQ|TIME] [--endpoint REF]", "deliver events of the log once more", func(ctx context.Context, cl *client.Client, name string) (err error) {
		if from == "" {
			return usage(c, "--from is missing")
		}
		now := time.Now()
		if spec.From, spec.FromTime, err = point(from, now); err != nil {
			return usage(c, "--from: %v", err)
		}
		if spec.To, spec.ToTime, err = point(to, now); err != nil {
			return usage(c, "--to: %v", err)
		}
		lanes, err := cl.Replay(ctx, name, spec)
		if err != nil {
			return a.orOfTenant(ctx, cl, name, "replay %s%s … delivers its events once more", err)
		}
		if a.json {
			return a.document(lanes)
		}
		for _, l := range lanes {
			if err := a.say("events %d to %d of %s go to %s once more, as far as its filter lets them through", l.Acked+1, l.Until, name, l.Ref()); err != nil {
				return err
			}
		}
		return a.say("switchhook deliveries %s%s shows how far they are", name, a.here())
	})
	c.Long = "Delivers events of an instance's log once more, to all of its endpoints or to one, beside the live ones and without\n" +
		"holding them up. Both ends are included; without --to it is what the log ends with now. NAME may be daemon. Receivers\n" +
		"see the same ids and numbers as the first time. A TIME is like 2026-05-01T12:00:00Z, or '2026-05-01 12:00:00' in\n" +
		"local time, or how long ago it is: 90m, 2h, 3d.\n" + refHelp
	c.Example = "  switchhook replay shop --from 2h\n" +
		"  switchhook replay shop --from 120 --to 140 --endpoint shop/crm"
	c.Flags().StringVar(&from, "from", "", "number or time of the first `event`")
	c.Flags().StringVar(&to, "to", "", "number or time of the last `event`")
	c.Flags().StringVar(&spec.Endpoint, "endpoint", "", "only to this endpoint, a `REF`")
	c.AddCommand(a.stopReplays())
	return c
}

func (a *app) stopReplays() *cobra.Command {
	var ref string
	c := a.ask("stop NAME [ID] [--endpoint REF]", "end replays of an instance that are under way", func(ctx context.Context, cl *client.Client, args []string) error {
		id := ""
		if len(args) > 1 {
			id = args[1]
		}
		lanes, err := cl.StopReplays(ctx, args[0], ref, id)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(lanes)
		}
		for _, l := range lanes {
			if err := a.say("replay %s of %s to %s stopped at event %d of %d", l.Replay, args[0], l.Ref(), l.Acked, l.Until); err != nil {
				return err
			}
		}
		return nil
	})
	c.Long = "Ends replays under way where they are: all of an instance, or those to one endpoint, or the one whose id switchhook\n" +
		"deliveries shows. Live events go on as before, and dead letters stay.\n" + refHelp
	c.Example = "  switchhook replay stop shop --endpoint shop/crm"
	c.Flags().StringVar(&ref, "endpoint", "", "only those to this endpoint, a `REF`")
	return c
}

// point reads the number of an event, or a moment; an empty text is neither.
func point(text string, now time.Time) (seq uint64, at time.Time, err error) {
	if text == "" {
		return 0, at, nil
	}
	if seq, err = strconv.ParseUint(text, 10, 64); err == nil {
		if seq == 0 {
			return 0, at, fmt.Errorf("the first event has the number 1")
		}
		return seq, at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err == nil {
		return 0, at, nil
	}
	if at, err = time.ParseInLocation(time.DateTime, text, time.Local); err == nil { //nolint:gosmopolitan // as the tables show it
		return 0, at, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return 0, now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return 0, now.Add(-d), nil
	}
	return 0, at, fmt.Errorf("%q is neither the number of an event nor a time such as 2026-05-01T12:00:00Z, '2026-05-01 12:00:00' or, so long ago, 2h", text)
}
