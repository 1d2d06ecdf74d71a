package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// refHelp says what REF is; it ends the help of every command about an endpoint.
const refHelp = "REF is INSTANCE/NAME for an endpoint of an instance, @TENANT/NAME for one of a tenant, /NAME for one of the whole\n" +
	"daemon; an id, or a name that only one endpoint has, will do."

func (a *app) endpoint() *cobra.Command {
	return group("endpoint", "the endpoints: where events are delivered to",
		a.addEndpoint(), a.listEndpoints(), a.showEndpoint(), a.setEndpoint(), a.removeEndpoint(),
		a.pauseEndpoint(), a.resumeEndpoint(), a.retryEndpoint(), a.testEndpoint(), a.skipEvent(), a.rotateSecret())
}

// onEndpoint makes a command about one endpoint. example is a command line
// without the program's name.
func (a *app) onEndpoint(use, short, about, example string, run func(ctx context.Context, cl *client.Client, ref string) error) *cobra.Command {
	c := a.on(use, short, run)
	if about != "" {
		about += "\n"
	}
	c.Long = about + refHelp
	c.Example = "  switchhook " + example
	return c
}

func (a *app) addEndpoint() *cobra.Command {
	var s settings
	var secret, after string
	var c *cobra.Command
	c = a.ask("add REF URL [--format F] [--kinds K,…] [--states N,…] [--bulk N] [--after SEQ]", "make an endpoint", func(ctx context.Context, cl *client.Client, args []string) error {
		of, name := api.ParseRef(args[0])
		if of == (api.Owner{}) || name == "" {
			return usage(c, "%q does not say whose endpoint it is: write INSTANCE/NAME, @TENANT/NAME, or /NAME for the whole daemon", args[0])
		}
		spec := api.EndpointSpec{Name: name, Instance: of.Instance, Tenant: of.Tenant}
		var err error
		if spec.EndpointChange, err = s.change(c, nil, a.text); err != nil {
			return err
		}
		spec.URL = &args[1]
		if spec.Secret, err = a.secretText(secret); err != nil {
			return err
		}
		if after != "" {
			seq, err := strconv.ParseUint(after, 10, 64)
			if err != nil {
				return usage(c, "--after takes the number of an event, 0 for all that the log holds")
			}
			spec.After = &seq
		}
		e, err := cl.AddEndpoint(ctx, spec)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(e)
		}
		if e.Begins > 0 {
			if err := a.say("The log begins with event %d: it gets the events from there on.", e.Begins); err != nil {
				return err
			}
		}
		return a.table(
			[]string{"endpoint", e.Ref() + " (" + e.ID + ")"},
			[]string{"format", format(e)},
			[]string{"secret", e.Secrets[0].Secret},
			[]string{"next", "switchhook endpoint test " + quote(e.Ref()) + a.here()},
		)
	})
	c.Long = "Makes an endpoint and shows the secret that signs what is sent to it. Deliveries begin with the next event, or\nbehind the one of --after. One of a tenant or of the daemon takes --after 0 only: all that the log holds.\n" + refHelp
	c.Example = "  switchhook endpoint add shop/crm https://crm.example.org/hook --kinds 'message.*'\n" +
		"  switchhook endpoint add @acme/audit https://audit.example.org/ --format cloudevents --bulk 100 --bulk-wait 1s\n" +
		"  switchhook endpoint add /alarms https://pager.example.org/ --kinds 'endpoint.*,daemon.*'"
	s.flags(c)
	c.Flags().StringVar(&secret, "secret", "", "signing `secret`, whsec_ and base64; - reads it from standard input; made up if not given")
	c.Flags().StringVar(&after, "after", "", "begin behind the event with this `number`; 0 begins with the oldest")
	return c
}

func (a *app) listEndpoints() *cobra.Command {
	var of api.Owner
	var c *cobra.Command
	c = a.ask("list [--instance NAME | --tenant NAME | --daemon]", "show the endpoints and how they do", func(ctx context.Context, cl *client.Client, _ []string) error {
		if of.Instance != "" && (of.Tenant != "" || of.Daemon) || of.Tenant != "" && of.Daemon {
			return usage(c, "--instance, --tenant and --daemon name several owners: give one of them")
		}
		all, err := cl.Endpoints(ctx, of)
		if err != nil {
			return err
		}
		if a.json {
			for i := range all {
				all[i] = discreet(all[i])
			}
			return a.document(all)
		}
		if len(all) == 0 {
			return a.say("There is no such endpoint: switchhook endpoint add REF URL%s makes one.", a.here())
		}
		rows := [][]string{{"ENDPOINT", "FORMAT", "STATE", "PENDING", "TO", "REASON"}}
		for _, e := range all {
			rows = append(rows, []string{
				e.Ref(), format(e), e.State, strconv.FormatUint(e.Pending, 10), origin(e.URL), clip(bare(e.Reason), 40),
			})
		}
		return a.table(rows...)
	})
	c.Long = "Shows the endpoints and how they do. What waits counts events that a filter does not let through, too."
	c.Example = "  switchhook endpoint list --instance shop"
	c.Flags().StringVar(&of.Instance, "instance", "", "only those of the instance of this `name` or id")
	c.Flags().StringVar(&of.Tenant, "tenant", "", "only those of the tenant of this `name` or id")
	c.Flags().BoolVar(&of.Daemon, "daemon", false, "only those of the whole daemon")
	return c
}

func (a *app) showEndpoint() *cobra.Command {
	var secrets bool
	c := a.onEndpoint("show REF [--secrets]", "show everything about one endpoint, with its last failed tries",
		"Shows everything about an endpoint. Its secrets, its token, the values of its headers and of its address's query are\nleft out without --secrets.",
		"endpoint show shop/crm", func(ctx context.Context, cl *client.Client, ref string) error {
			e, err := cl.Endpoint(ctx, ref)
			if err != nil {
				return err
			}
			return a.wholeEndpoint(e, secrets)
		})
	c.Flags().BoolVar(&secrets, "secrets", false, "show its secrets, too")
	return c
}

func (a *app) setEndpoint() *cobra.Command {
	var s settings
	var url string
	var c *cobra.Command
	c = a.onEndpoint("set REF [--url URL] [--format F] [--kinds K,…] [--states N,…] [--bulk N]", "change its configuration",
		"Changes an endpoint. What no flag says stays as it is; an empty value, or 0, is the default again. What waits is\ntried at once.",
		"endpoint set shop/crm --timeout 30s --kinds 'message.*,connection.changed'",
		func(ctx context.Context, cl *client.Client, ref string) error {
			was, err := cl.Endpoint(ctx, ref)
			if err != nil {
				return err
			}
			ch, err := s.change(c, was.Bulk, a.text)
			if err != nil {
				return err
			}
			if c.Flags().Changed("url") {
				ch.URL = &url
			}
			if ch == (api.EndpointChange{}) {
				return usage(c, "nothing to set")
			}
			e, err := cl.ChangeEndpoint(ctx, was.ID, ch)
			if err != nil {
				return err
			}
			return a.wholeEndpoint(e, false)
		})
	s.flags(c)
	c.Flags().StringVar(&url, "url", "", "`address` that events are delivered to")
	return c
}

func (a *app) removeEndpoint() *cobra.Command {
	return a.onEndpoint("remove REF", "forget an endpoint with all that waits for it",
		"Forgets an endpoint with all that waits for it and its dead letters. What is in the log stays there.",
		"endpoint remove shop/crm", func(ctx context.Context, cl *client.Client, ref string) error {
			r, err := cl.RemoveEndpoint(ctx, ref)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(r)
			}
			return a.say("%s (%s) is removed, with all that waited for it", ref, r.ID)
		})
}

// secretText is a secret as given, or what standard input says for -.
func (a *app) secretText(given string) (string, error) {
	if given != "-" {
		return given, nil
	}
	return a.text(nil)
}
