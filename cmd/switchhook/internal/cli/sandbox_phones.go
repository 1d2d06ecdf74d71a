package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// maxImage bounds a picture that a virtual phone sends: a request has 1 MiB at most.
const maxImage = 700 << 10

func (a *app) typeCode() *cobra.Command {
	var phone string
	c := a.on("type NAME [--phone DIGITS]", "let a virtual phone type the code that link --phone shows", func(ctx context.Context, cl *client.Client, name string) error {
		s, err := cl.Type(ctx, name, phone)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(s)
		}
		return a.say("the phone %s typed the code of %s", mask(s.Phone), s.Name)
	})
	c.Flags().StringVar(&phone, "phone", "", "`digits` of another phone than the one that was asked for")
	return c
}

func (a *app) letter() *cobra.Command {
	var l api.Letter
	var image string
	const use = "message NAME [TEXT] [--from DIGITS] [--image FILE] [--reply ID]"
	c := a.ask(use, "let a virtual phone write to the account of the instance", func(ctx context.Context, cl *client.Client, args []string) (err error) {
		if len(args) > 1 || image == "" {
			if l.Text, err = a.text(args[1:]); err != nil {
				return err
			}
		}
		if image != "" {
			if l.Image, err = picture(image); err != nil {
				return err
			}
		}
		w, err := cl.Write(ctx, args[0], l)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(w)
		}
		return a.say("the phone %s wrote %s to %s", mask(w.From), w.ID, args[0])
	})
	c.Long = "Lets a virtual phone of the sandbox write to the account of an instance. Without TEXT and without an image,\n" +
		"or with -, the text is read from standard input; with an image, TEXT is its caption."
	c.Flags().StringVar(&l.From, "from", "", "`digits` of the phone that writes")
	c.Flags().StringVar(&image, "image", "", "JPEG or PNG `file` to send")
	c.Flags().StringVar(&l.Reply, "reply", "", "`id` of the message that it answers")
	return c
}

func picture(name string) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxImage {
		return nil, fmt.Errorf("%s has %s: the sandbox takes pictures up to %s", name, size(st.Size()), size(maxImage))
	}
	return os.ReadFile(name)
}

func (a *app) inbox() *cobra.Command {
	return a.ask("inbox PHONE", "show what a virtual phone has received", func(ctx context.Context, cl *client.Client, args []string) error {
		all, err := cl.Inbox(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.document(all)
		}
		if len(all) == 0 {
			return a.say("The phone %s has received nothing.", mask(args[0]))
		}
		rows := [][]string{{"TIME", "FROM", "ID", "TYPE", "TEXT"}}
		for _, m := range all {
			rows = append(rows, []string{moment(m.At), mask(m.From), m.ID, m.Type, quoted(m.Text)})
		}
		return a.table(rows...)
	})
}
