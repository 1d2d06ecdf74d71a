package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

func (a *app) export() *cobra.Command {
	var to, phrase string
	var force bool
	c := a.on("export NAME [--to FILE] [--passphrase-file F] [--force]", "stop it for good and write it into a sealed file, for another daemon", func(ctx context.Context, cl *client.Client, name string) error {
		path := to
		if path == "" {
			path = name + ".export"
		}
		secret, err := a.passphrase(phrase, true)
		if err != nil {
			return err
		}
		out, err := newOutFile(path, force)
		if err != nil {
			return err
		}
		defer out.discard()
		n, err := cl.Export(ctx, name, secret, out)
		if err == nil {
			err = out.keep(func(path string) error { return a.CheckExport(path, secret) })
		}
		if err != nil {
			return err
		}
		if a.json {
			return a.document(struct {
				Name  string `json:"name"`
				File  string `json:"file"`
				Bytes int64  `json:"bytes"`
			}{name, path, n})
		}
		return a.say("%s is in %s, sealed by the passphrase, and does not run here any more.\n"+
			"There: switchhook instance import %s, then switchhook instance restore %s. To take it back, export it there.\n"+
			"If the file is lost, export it again. Here it can be deleted once it runs there.", name, path, quote(path), quote(name))
	})
	c.Long = "Closes the connection, fences the instance so that it cannot connect here any more, and writes its session, keys and\n" +
		"configuration into a file sealed by a passphrase: whoever has both can read its messages and write in its name. The\n" +
		"file has its name only when it is whole and was opened with the passphrase once."
	c.Flags().StringVar(&to, "to", "", "`file` to write (default NAME.export)")
	c.Flags().StringVar(&phrase, "passphrase-file", "", "`file` whose one line is the passphrase, instead of asking for it")
	c.Flags().BoolVar(&force, "force", false, "overwrite the file")
	return c
}

func (a *app) importFile() *cobra.Command {
	var name, phrase string
	c := a.ask("import FILE [--name N] [--passphrase-file F]", "take over an instance that another daemon has exported", func(ctx context.Context, cl *client.Client, args []string) error {
		secret, err := a.passphrase(phrase, false)
		if err != nil {
			return err
		}
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("%w: give the file that switchhook instance export has written", fileProblem(args[0], err))
		}
		defer func() { _ = f.Close() }() // read only
		e, err := cl.Import(ctx, f, secret, name)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(e)
		}
		return a.say("%s (%s) is here, in state %s.\nConnect it with switchhook instance restore %s%s; remove %s, its keys are used up from then on.",
			e.Name, e.ID, state(e), quote(e.Name), a.here(), args[0])
	})
	c.Flags().StringVar(&name, "name", "", "its `name` here (default: the one it had)")
	c.Flags().StringVar(&phrase, "passphrase-file", "", "`file` whose one line is the passphrase, instead of asking for it")
	return c
}

func (a *app) unfence() *cobra.Command {
	var force bool
	c := a.on("unfence NAME --force", "let an exported instance run here although its file may be in use", func(ctx context.Context, cl *client.Client, name string) error {
		if !force {
			return errors.New("if the exported file was imported anywhere, two daemons will fight over the session and its keys break: " +
				"export it there and import that file here instead, or say --force if it was imported nowhere, or its daemon is gone for good")
		}
		e, err := cl.Unfence(ctx, name)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(e)
		}
		return a.say("%s may run here again: switchhook instance restore %s%s connects it. Destroy the exported file.", e.Name, quote(e.Name), a.here())
	})
	c.Flags().BoolVar(&force, "force", false, "yes, it runs nowhere else")
	return c
}
