package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// faultFlags are the flags of a fault, by the option that a kind must heed.
var faultFlags = map[string]string{"no-gap": "no_gap", "times": "times", "later": "later", "expire": "expire", "code": "code"}

func (a *app) fault() *cobra.Command {
	var spec api.FaultSpec
	var expire time.Duration
	var network bool
	const use = "fault NAME KIND [--times N] [--later] [--no-gap] [--expire D] [--code N]"
	var c *cobra.Command
	c = a.ask(use, "let something go wrong", func(ctx context.Context, cl *client.Client, args []string) error {
		name, kind := "", args[len(args)-1]
		if !network {
			name = args[0]
		}
		spec.Kind, spec.Expire = kind, int(expire/time.Second)
		if err := a.heeded(c, kind); err != nil {
			return err
		}
		f, err := cl.Play(ctx, name, spec)
		switch {
		case err != nil && network:
			return err
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case a.json:
			return a.document(f)
		case network:
			return a.say("played %s on the whole network", f.Kind)
		}
		return a.say("played %s on %s", f.Kind, f.Name)
	})
	c.Args = func(c *cobra.Command, args []string) error {
		if network {
			return expect(c, args, []string{"KIND"}, 0)
		}
		return expect(c, args, []string{"NAME", "KIND"}, 0)
	}
	var kinds strings.Builder
	for _, k := range a.Faults {
		fmt.Fprintf(&kinds, "\n  %-19s %s", k.Name, k.What)
		if len(k.Options) > 0 {
			fmt.Fprintf(&kinds, " [%s]", strings.ReplaceAll(strings.Join(k.Options, ", "), "_", "-"))
		}
	}
	c.Long = "Lets something go wrong with the connection of an instance in the sandbox or, with --network and without NAME,\n" +
		"with those of everybody. KIND is one of the following, with the flags that it heeds:\n" + kinds.String()
	c.Flags().IntVar(&spec.Times, "times", 0, "strike so many attempts, 1 if not given; -1 strikes all until the fault heal")
	c.Flags().BoolVar(&spec.Later, "later", false, "leave the present connection alone and wait for the next attempt")
	c.Flags().BoolVar(&spec.NoGap, "no-gap", false, "leave no time between the last word and the end of the socket")
	c.Flags().DurationVar(&expire, "expire", 0, "how `long` a ban lasts, as in 90s; an hour if not given, negative: it does not say")
	c.Flags().IntVar(&spec.Code, "code", 0, "`reason` of a ban, 101 if not given")
	c.Flags().BoolVar(&network, "network", false, "befall the whole network instead of one instance")
	return c
}

// heeded refuses a flag that the kind would pass over.
func (a *app) heeded(c *cobra.Command, kind string) error {
	i := slices.IndexFunc(a.Faults, func(k api.FaultKind) bool { return k.Name == kind })
	if i < 0 || a.Faults[i].Options == nil {
		return nil // the daemon knows
	}
	for flag, option := range faultFlags {
		if c.Flags().Changed(flag) && !slices.Contains(a.Faults[i].Options, option) {
			return usage(c, "%s does not heed --%s", kind, flag)
		}
	}
	return nil
}
