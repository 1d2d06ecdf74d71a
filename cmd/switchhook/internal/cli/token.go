package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

func (a *app) instanceToken() *cobra.Command {
	return group("token", "the token of GREEN-API's clients", a.rotateToken())
}

func (a *app) rotateToken() *cobra.Command {
	var file string
	c := a.on("rotate NAME [--api-token-file F]", "replace its apiTokenInstance at once: the old one is worth nothing any more", func(ctx context.Context, cl *client.Client, name string) error {
		token, err := readToken(file)
		if err != nil {
			return err
		}
		e, err := cl.RotateToken(ctx, name, token)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(e)
		}
		return a.table(
			[]string{"instance", e.Name + " (" + e.ID + ")"},
			[]string{"id instance", strconv.FormatInt(e.IDInstance, 10)},
			[]string{"api token", e.APIToken},
		)
	})
	c.Flags().StringVar(&file, "api-token-file", "", "take the token in this `file` (default: a new one)")
	return c
}

// readToken reads the token that a file holds; empty without a file.
func readToken(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	return readSecret("--api-token-file", "the apiTokenInstance", file)
}
