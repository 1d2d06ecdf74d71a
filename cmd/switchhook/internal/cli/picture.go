package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) ownPicture() *cobra.Command {
	c := a.ask("picture NAME [FILE]", "show or set the picture of its account", func(ctx context.Context, cl *client.Client, args []string) (err error) {
		var p api.OwnPicture
		said := "was set"
		if len(args) == 1 {
			p, err = cl.Picture(ctx, args[0])
		} else {
			said = "is set"
			p, err = a.upload(ctx, cl, args[0], args[1])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(p)
		}
		return a.table(
			[]string{"picture", fmt.Sprintf("%s, %s %s", size(p.Bytes), said, moment(p.At))},
			[]string{"address", p.URL},
			[]string{"thumbnail", p.ThumbURL},
		)
	})
	c.Long = "Makes a JPEG file of at most 10 MiB the picture that the account shows to others: the middle of it, in a square of\n" +
		"640 pixels at most, upright and without metadata. Without FILE it shows what was last set here; - is standard input.\n" +
		"Whoever has its address sees the picture. Where public_url is set, the address is below it. What was set on the phone\n" +
		"is not shown."
	return c
}

// upload sends a file.
func (a *app) upload(ctx context.Context, cl *client.Client, name, file string) (p api.OwnPicture, err error) {
	if file == "-" {
		return cl.SetPicture(ctx, name, io.LimitReader(a.In, api.MaxPicture+1))
	}
	f, err := os.Open(file)
	if err != nil {
		return p, fileProblem(file, err)
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return p, fileProblem(file, err)
	case st.IsDir():
		return p, fileProblem(file, errors.New("is a directory"))
	case st.Size() > api.MaxPicture:
		return p, fmt.Errorf("%s has %s: a picture may have %s", file, size(st.Size()), size(api.MaxPicture))
	}
	return cl.SetPicture(ctx, name, io.LimitReader(f, api.MaxPicture+1))
}

func (a *app) contact() *cobra.Command {
	c := a.ask("contact NAME WHO", "ask WhatsApp whether somebody has it, and for their picture", func(ctx context.Context, cl *client.Client, args []string) error {
		found, err := cl.Contact(ctx, args[0], number(args[1]))
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(found)
		}
		return a.table(
			[]string{"contact", who(found.JID)},
			[]string{"has WhatsApp", yesNo(found.Exists)},
			[]string{"picture", orNone(found.PictureURL)},
		)
	})
	c.Long = "Asks WhatsApp, with the account of the instance, about a phone number in international form, or a JID. The address\n" +
		"of the picture is WhatsApp's own and works for some days. Accounts that ask after many numbers get locked."
	return c
}
