package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) key() *cobra.Command {
	return group("key", "the key that the database is sealed with", a.newKey(), a.rotateKey(), a.showKey())
}

func (a *app) newKey() *cobra.Command {
	c := command("new FILE", "make a key, as a file that only you may read", func(_ *cobra.Command, args []string) error {
		id, err := a.NewKey(args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.document(struct {
				Key  string `json:"key"`
				File string `json:"file"`
			}{id, args[0]})
		}
		return a.say("made the key %s in %s: keep a copy elsewhere, without it nothing in the database can be read", id, args[0])
	})
	c.Long = "Makes 32 random bytes, written in base64 into a new file of mode 0600. The daemon takes it by store.key_file, as a\n" +
		"systemd credential (store.key_credential) or in SWITCHHOOK_STORE_KEY; switchhook key rotate --to changes to it."
	return c
}

func (a *app) showKey() *cobra.Command {
	return a.ask("show", "say which key opens the database, by its id", func(ctx context.Context, cl *client.Client, _ []string) error {
		k, err := cl.Keys(ctx)
		if err != nil {
			return err
		}
		return a.keys(k)
	})
}

func (a *app) rotateKey() *cobra.Command {
	var to string
	var data bool
	c := a.ask("rotate [--to FILE] [--data-key]", "change the key of the database", func(ctx context.Context, cl *client.Client, _ []string) error {
		switch {
		case data && to != "":
			return errors.New("--to and --data-key are two things: do one after the other")
		case data:
			k, err := cl.RotateDataKey(ctx)
			if err != nil || a.json {
				return a.either(k, err)
			}
			return a.say("everything is being sealed by a new data key, in the background; the old one goes at the daemon's next start")
		}
		text := ""
		if to != "" {
			var err error
			if text, err = a.ReadKey(to); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no file %s: switchhook key new %s makes one with a new key", to, quote(to))
			}
			if err != nil {
				return err
			}
		}
		k, err := cl.RotateKey(ctx, text)
		if err != nil || a.json {
			return a.either(k, err)
		}
		return a.rotated(k)
	})
	c.Long = "Changes the key that the database is sealed with, while the daemon runs. Where the daemon has a key file of its own\n" +
		"(store.key in the data directory, or store.key_file) it makes a key and replaces the file; the old key stays beside it,\n" +
		"as backups made before need it: move it to where they are, or remove it.\n\n" +
		"Where the key is a systemd credential or a variable, make one with switchhook key new, give it with --to, then put it\n" +
		"into the credential or variable and restart the daemon. Until then the database opens with both.\n\n" +
		"--data-key seals everything anew under another data key, for when memory or an unsealed copy may have leaked."
	c.Flags().StringVar(&to, "to", "", "change to the key in this `file`, as switchhook key new makes it")
	c.Flags().BoolVar(&data, "data-key", false, "seal everything anew, under another data key")
	return c
}

// either prints what was answered as JSON, unless it was an error.
func (a *app) either(v any, err error) error {
	if err != nil {
		return err
	}
	return a.document(v)
}

// rotated says what the rotation has done, and what is left to the operator.
func (a *app) rotated(k api.Keys) error {
	newest := k.Opens[len(k.Opens)-1]
	if len(k.Opens) > 1 {
		return a.say("the database opens with the key %s and with the new key %s.\nNow put the new key where the daemon takes it from (%s) and restart it: then only the new one opens it.", k.InUse, newest, k.From)
	}
	return a.say("only the new key %s opens the database.\nThe old one is in %s: backups made before need it. Move it to where they are, or remove it.", newest, k.Kept)
}

func (a *app) keys(k api.Keys) error {
	if a.json {
		return a.document(k)
	}
	state := "everything is sealed by the present data key"
	if !k.Settled {
		state = "values are being sealed by a new data key, or wait for a restart to drop the old one"
	}
	return a.table(
		[]string{"in use", k.InUse},
		[]string{"from", k.From},
		[]string{"opens with", strings.Join(k.Opens, " ")},
		[]string{"data key", state},
	)
}
