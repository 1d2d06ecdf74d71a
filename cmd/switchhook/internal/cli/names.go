package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) ownName() *cobra.Command {
	c := a.ask("name NAME TEXT", "set the name that its account shows", func(ctx context.Context, cl *client.Client, args []string) error {
		e, err := cl.SetName(ctx, args[0], args[1])
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(e)
		}
		return a.say("the account of %s is called %s", e.Name, quoted(e.PushName))
	})
	c.Long = "Sets the name that others see of the account, of 1 to 25 characters. NAME is the instance's, which stays."
	return c
}

func (a *app) ownAbout() *cobra.Command {
	var none bool
	var c *cobra.Command
	c = a.ask("about NAME [TEXT] [--none]", "set what its account says about itself", func(ctx context.Context, cl *client.Client, args []string) error {
		text := ""
		switch given := len(args) > 1 && args[1] != ""; {
		case given && none:
			return usage(c, "--none takes the text away: leave TEXT out")
		case given:
			text = args[1]
		case !none:
			return usage(c, "TEXT is missing, or --none")
		}
		e, err := cl.SetAbout(ctx, args[0], text)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", args[0], err)
		case a.json:
			return a.document(e)
		case none:
			return a.say("the account of %s says nothing about itself", e.Name)
		}
		return a.say("the account of %s says about itself %s", e.Name, quoted(text))
	})
	c.Long = "Sets what others read about the account, of at most 139 characters."
	c.Flags().BoolVar(&none, "none", false, "take the text away")
	return c
}

func (a *app) phoneProfile() *cobra.Command {
	return a.ask("profile PHONE", "show what the account of a virtual phone says of itself", func(ctx context.Context, cl *client.Client, args []string) error {
		p, err := cl.Profile(ctx, number(args[0]))
		if err != nil {
			return err
		}
		return a.shownProfile(p)
	})
}

func (a *app) rename() *cobra.Command {
	return a.ask("name PHONE TEXT", "let the owner of a virtual phone change the name of its account", func(ctx context.Context, cl *client.Client, args []string) error {
		p, err := cl.Rename(ctx, number(args[0]), args[1])
		if err != nil {
			return err
		}
		return a.shownProfile(p)
	})
}

func (a *app) shownProfile(p api.PhoneProfile) error {
	if a.json {
		return a.document(p)
	}
	return a.table(
		[]string{"phone", mask(p.Phone)},
		[]string{"name", orNone(p.Name)},
		[]string{"shown to others", orNone(p.Announced)},
		[]string{"about", orNone(p.About)},
	)
}
