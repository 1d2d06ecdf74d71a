package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

func (a *app) sandbox() *cobra.Command {
	return group("sandbox", "an imitation of WhatsApp on this machine: its server, its phones, its accidents",
		a.sandboxServe(), a.scan(), a.typeCode(), a.letter(), a.behave(), a.inbox(), a.phoneProfile(), a.rename(), a.fault())
}

func (a *app) sandboxServe() *cobra.Command {
	o := SandboxOptions{}
	c := command("serve [--listen ADDR] [--data DIR]", "run a sandbox as a process of its own", func(c *cobra.Command, _ []string) error {
		o.DataDir, o.Out, o.Log = a.dataDir(), a.Out, a.Err
		if o.DataDir == "" {
			return errors.New("no home directory is known: name a data directory with --data")
		}
		return a.SandboxServe(c.Context(), o)
	})
	c.Long = "Runs a sandbox as a process of its own, for daemons with network: sandbox and sandbox.url.\n" +
		"serve --sandbox has one inside the daemon and does not need this."
	c.Flags().StringVar(&o.Listen, "listen", "127.0.0.1:8090", "loopback `address` to listen on")
	return c
}

func (a *app) scan() *cobra.Command {
	var phone string
	c := a.on("scan NAME [--phone DIGITS]", "let a virtual phone scan the code that the instance shows", func(ctx context.Context, cl *client.Client, name string) error {
		s, err := cl.Scan(ctx, name, number(phone))
		if err != nil {
			return err
		}
		if a.json {
			return a.document(s)
		}
		return a.say("the phone %s scanned the code of %s", mask(s.Phone), s.Name)
	})
	c.Flags().StringVar(&phone, "phone", "", "`digits` of the phone's number; made up if not given")
	return c
}
