package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) pauseEndpoint() *cobra.Command {
	var reason string
	c := a.onEndpoint("pause REF [--reason TEXT]", "send it nothing until it is resumed",
		"Sends an endpoint nothing until it is resumed. What waits longer than the endpoint's horizon becomes a dead letter\nmeanwhile.",
		"endpoint pause shop/crm --reason 'moves on Sunday'",
		func(ctx context.Context, cl *client.Client, ref string) error {
			e, err := cl.PauseEndpoint(ctx, ref, reason)
			return a.acted(e, err)
		})
	c.Flags().StringVar(&reason, "reason", "", "what to show as the reason, as `text`")
	return c
}

func (a *app) resumeEndpoint() *cobra.Command {
	return a.onEndpoint("resume REF", "send again, also after its receiver answered 410 Gone",
		"Lets an endpoint that was paused, or that its receiver has disabled by the answer 410, be sent to again; all that\nwaits is tried at once.",
		"endpoint resume shop/crm", func(ctx context.Context, cl *client.Client, ref string) error {
			e, err := cl.ResumeEndpoint(ctx, ref)
			return a.acted(e, err)
		})
}

func (a *app) retryEndpoint() *cobra.Command {
	return a.onEndpoint("retry REF", "try what waits now, not at its time",
		"Tries what waits for an endpoint now: to be used when the receiver is well again and the next try is far off.",
		"endpoint retry shop/crm", func(ctx context.Context, cl *client.Client, ref string) error {
			e, err := cl.RetryEndpoint(ctx, ref)
			return a.acted(e, err)
		})
}

// acted says how an endpoint is after a command.
func (a *app) acted(e api.Endpoint, err error) error {
	switch {
	case err != nil:
		return err
	case a.json:
		return a.document(discreet(e))
	case e.Reason != "":
		return a.say("%s is %s (%s), %d waiting", e.Ref(), e.State, e.Reason, e.Pending)
	default:
		return a.say("%s is %s, %d waiting", e.Ref(), e.State, e.Pending)
	}
}

func (a *app) testEndpoint() *cobra.Command {
	return a.onEndpoint("test REF", "send a test event and say what came of it",
		"Sends an endpoint.test event at once, beside what waits, and does not repeat it. It fails if the event is not taken.",
		"endpoint test shop/crm", func(ctx context.Context, cl *client.Client, ref string) error {
			t, err := cl.TestEndpoint(ctx, ref)
			if err != nil {
				return err
			}
			if a.json {
				if err := a.document(t); err != nil {
					return err
				}
			}
			took := t.Took.Round(time.Millisecond)
			switch {
			case !t.Delivered:
				return errors.New("not delivered after " + took.String() + ": " + orNone(t.Error) + answered(t.Answer, 200))
			case a.json:
				return nil
			default:
				return a.say("delivered to %s: %d in %s%s", ref, t.Status, took, answered(t.Answer, 200))
			}
		})
}

// answered is the beginning of a receiver's answer, behind something else.
func answered(text string, most int) string {
	if text == "" {
		return ""
	}
	return ", it answered " + quoted(clip(text, most))
}

func (a *app) skipEvent() *cobra.Command {
	var name, replay string
	c := a.onEndpoint("skip REF [--instance NAME] [--replay ID]", "give up the event it is stuck with and go on",
		"Gives up the event, or the bulk of events, that an endpoint is stuck with: it becomes a dead letter and the next one\nis tried. An endpoint of a tenant or of the daemon needs --instance, which may be daemon. With --replay it is the event\nthat a replay is stuck with; switchhook deliveries shows its id.",
		"endpoint skip @acme/audit --instance shop", func(ctx context.Context, cl *client.Client, ref string) error {
			d, err := cl.SkipEvent(ctx, ref, name, replay)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(d)
			}
			return a.say("%s of %s given up for %s; switchhook replay %s --from %d --to %d --endpoint %s%s delivers it after all",
				events(d.From, d.To), streamName(d.StreamName, d.Stream), ref, streamName(d.StreamName, d.Stream), d.From, d.To, quote(ref), a.here())
		})
	c.Flags().StringVar(&name, "instance", "", "`name` or id of the instance whose event it is, or daemon")
	c.Flags().StringVar(&replay, "replay", "", "`id` of the replay that is stuck")
	return c
}

func events(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("event %d", from)
	}
	return fmt.Sprintf("events %d to %d", from, to)
}

func (a *app) rotateSecret() *cobra.Command {
	var secret string
	var keep time.Duration
	var c *cobra.Command
	c = a.onEndpoint("rotate-secret REF [--secret S] [--keep DURATION]", "give it a new signing secret and show it",
		"Gives an endpoint a new signing secret and shows it. The ones before sign as well for the time of --keep, so that the\nreceiver can be changed meanwhile.",
		"endpoint rotate-secret shop/crm --keep 72h", func(ctx context.Context, cl *client.Client, ref string) error {
			given, err := a.secretText(secret)
			if err != nil {
				return err
			}
			r := api.Rotation{Secret: given}
			if c.Flags().Changed("keep") {
				span := api.Span(keep)
				r.Keep = &span
			}
			e, err := cl.RotateSecret(ctx, ref, r)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(e)
			}
			rows := [][]string{{"endpoint", e.Ref() + " (" + e.ID + ")"}, {"secret", e.Secrets[0].Secret}}
			for _, s := range e.Secrets[1:] {
				rows = append(rows, []string{"the one before", "signs until " + moment(s.Until)})
			}
			return a.table(rows...)
		})
	c.Flags().StringVar(&secret, "secret", "", "the new `secret`, whsec_ and base64; - reads it from standard input; made up if not given")
	c.Flags().DurationVar(&keep, "keep", 24*time.Hour, "`duration` that the ones before sign, too; 0s for no more")
	return c
}
