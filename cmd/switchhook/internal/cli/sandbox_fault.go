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

// faultFlags are the flags of a fault, with the option that a kind must heed for
// each.
var faultFlags = []struct{ flag, option string }{
	{"times", "times"}, {"later", "later"}, {"no-gap", "no_gap"}, {"expire", "expire"}, {"code", "ban_reason"},
}

const faultHelp = `Lets something go wrong with the connection of an instance in the sandbox or, with --network and without NAME,
with those of everybody. Faults of the dial befall whoever dials next, whatever NAME is: at a dial nobody has said who
it is. An instance that has no account and shows no code has nothing that a fault could befall: use --network.

heal NAME calls off what was laid for NAME, dial faults included, and heal --network everything that was laid for anybody.
With --times -1 a fault strikes until then.

KIND is one of the following, with the flags that it heeds:
`

func (a *app) fault() *cobra.Command {
	var spec api.FaultSpec
	var expire time.Duration
	var network bool
	const use = "fault NAME KIND [--times N] [--later] [--no-gap] [--expire D] [--code N] | fault --network KIND"
	var c *cobra.Command
	c = a.ask(use, "let something go wrong", func(ctx context.Context, cl *client.Client, args []string) error {
		name, kind := "", args[len(args)-1]
		if !network {
			name = args[0]
		}
		spec.Kind, spec.Expire = kind, seconds(expire)
		if err := a.heeded(c, spec); err != nil {
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
	c.Long = faultHelp + a.faultKinds()
	c.Flags().IntVar(&spec.Times, "times", 0, "strike so many attempts, 1 if not given; -1 strikes all until heal, for the same NAME or with --network")
	c.Flags().BoolVar(&spec.Later, "later", false, "leave the present connection alone and wait for the next attempt")
	c.Flags().BoolVar(&spec.NoGap, "no-gap", false, "leave no time between the last word and the end of the socket")
	c.Flags().DurationVar(&expire, "expire", 0, "how `long` a ban lasts, as in 90s; an hour if not given, negative: it does not say")
	c.Flags().IntVar(&spec.Code, "code", 0, "`reason` of a ban, 101 if not given")
	c.Flags().BoolVar(&network, "network", false, "befall the whole network instead of one instance")
	return c
}

// faultKinds lists the kinds with the flags that each heeds.
func (a *app) faultKinds() string {
	var b strings.Builder
	for _, k := range a.Faults {
		fmt.Fprintf(&b, "\n  %-19s %s", k.Name, k.What)
		var flags []string
		for _, f := range faultFlags {
			if slices.Contains(k.Options, f.option) {
				flags = append(flags, "--"+f.flag)
			}
		}
		if flags != nil {
			fmt.Fprintf(&b, " [%s]", strings.Join(flags, ", "))
		}
	}
	return b.String()
}

// seconds are a ban's, of which WhatsApp counts whole ones: what is shorter lasts
// one.
func seconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int((d + time.Second - 1) / time.Second)
}

// heeded refuses a flag that the kind would pass over, and a value that means
// nothing.
func (a *app) heeded(c *cobra.Command, spec api.FaultSpec) error {
	changed := c.Flags().Changed
	i := slices.IndexFunc(a.Faults, func(k api.FaultKind) bool { return k.Name == spec.Kind })
	for _, f := range faultFlags {
		if i >= 0 && changed(f.flag) && !slices.Contains(a.Faults[i].Options, f.option) {
			return usage(c, "%s does not heed --%s", spec.Kind, f.flag)
		}
	}
	switch {
	case changed("times") && spec.Times < 1 && spec.Times != -1:
		return usage(c, "--times must be 1 or more, or -1 for all attempts until heal")
	case changed("expire") && spec.Expire == 0:
		return usage(c, "--expire must be longer than nothing, or negative for a ban that does not say")
	case changed("code") && spec.Code < 1:
		return usage(c, "--code must be the number of a reason, such as 101")
	}
	return nil // an unknown kind is the daemon's to refuse
}
