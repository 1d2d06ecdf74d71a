package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) serve() *cobra.Command {
	var o ServeOptions
	c := command("serve [--config F] [--data DIR] [--listen ADDR] [--sandbox]", "run the daemon", func(c *cobra.Command, _ []string) error {
		if o.ConfigFile == "" {
			o.ConfigFile = a.Getenv("SWITCHHOOK_CONFIG")
		}
		o.DataDir, o.Log = a.namedDataDir(), a.Err
		return a.Serve(c.Context(), o)
	})
	c.Long = "Runs the daemon until it is interrupted. What no flag says comes from the configuration file, then the\n" +
		"environment, then the defaults; switchhook config sample prints them."
	c.Flags().StringVar(&o.ConfigFile, "config", "", "configuration `file`, also SWITCHHOOK_CONFIG")
	c.Flags().StringVar(&o.Listen, "listen", "", "`address` of the HTTP listener; port 0 takes a free one")
	c.Flags().BoolVar(&o.Sandbox, "sandbox", false, "connect to a sandbox inside the daemon instead of WhatsApp")
	return c
}

func (a *app) demo() *cobra.Command {
	var o DemoOptions
	c := command("demo [--stay]", "watch a connection live, in the sandbox, in under 30 seconds", func(c *cobra.Command, _ []string) error {
		if !a.json {
			o.Out, o.Colour = a.Out, a.colour()
			return a.Demo(c.Context(), o)
		}
		o.Out = a.Err
		if err := a.Demo(c.Context(), o); err != nil {
			return err
		}
		return a.document(struct {
			OK bool `json:"ok"`
		}{true})
	})
	c.Flags().BoolVar(&o.Stay, "stay", false, "leave the daemon running afterwards, until interrupted")
	return c
}

// colour reports whether standard output is a terminal that wants colours.
func (a *app) colour() bool {
	_, _, terminal := a.Terminal()
	return terminal && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}
