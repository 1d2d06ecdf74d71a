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
		s, err := cl.Type(ctx, name, number(phone))
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
	const use = "message NAME [TEXT] [--from DIGITS] [--image FILE] [--react ID | --edit ID | --delete ID | --call]"
	c := a.ask(use, "let a virtual phone write to the account of the instance", func(ctx context.Context, cl *client.Client, args []string) (err error) {
		needed := image == "" && l.React == "" && l.Delete == "" && !l.Call
		if len(args) > 1 || needed {
			if l.Text, err = a.text(args[1:]); err != nil {
				return err
			}
		}
		if image != "" {
			if l.Image, err = picture(image); err != nil {
				return err
			}
		}
		l.From = number(l.From)
		w, err := cl.Write(ctx, args[0], l)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if a.json {
			return a.document(w)
		}
		if !w.Taken {
			return a.say("the phone %s wrote %s; the sandbox keeps it until %s takes it", mask(w.From), w.ID, args[0])
		}
		return a.say("the phone %s wrote %s, and %s has taken it", mask(w.From), w.ID, args[0])
	})
	c.Long = "Lets a virtual phone of the sandbox write to the account of an instance. A text that is missing, or -, is\n" +
		"read from standard input. With --image TEXT is the caption, with --react the emoji (none takes the reaction\n" +
		"back), with --edit the new text."
	c.Flags().StringVar(&l.From, "from", "", "`digits` of the phone that writes")
	c.Flags().StringVar(&l.Name, "name", "", "what the phone calls itself, as `text`")
	c.Flags().StringVar(&image, "image", "", "JPEG or PNG `file` to send")
	c.Flags().StringVar(&l.React, "react", "", "`id` of the message to react to")
	c.Flags().StringVar(&l.Edit, "edit", "", "`id` of the message to change")
	c.Flags().StringVar(&l.Delete, "delete", "", "`id` of the message to delete for everyone")
	c.Flags().BoolVar(&l.Call, "call", false, "call instead of writing")
	return c
}

func (a *app) behave() *cobra.Command {
	var b api.Behaviour
	const use = "behave [PHONE] [--receipts none|delivered|read] [--downloads 404|410|slow] [--uploads 403|500|507|hang|mute|cut|babble|lost|nowhere] [--portraits hidden|refused|unacceptable|silent] [--profiles refused|unacceptable|silent|untold|keyless] [--refuse N] [--silent]"
	c := a.ask(use, "say how a virtual phone takes messages from now on", func(ctx context.Context, cl *client.Client, args []string) error {
		whose := "every phone that was told nothing of its own"
		if len(args) > 0 {
			b.Phone = number(args[0])
			whose = "the phone " + mask(b.Phone)
		}
		if err := cl.Behave(ctx, b); err != nil {
			return err
		}
		if a.json {
			return a.document(b)
		}
		if b == (api.Behaviour{Phone: b.Phone}) {
			return a.say("%s takes messages as usual from now on: delivered, not read", whose)
		}
		return a.say("%s takes messages so from now on", whose)
	})
	c.Long = "Says how a virtual phone takes messages from now on; without PHONE, every phone that was told nothing of its own.\n" +
		"What no flag says is as usual, so without flags all is. A phone that there is not yet is made."
	c.Flags().StringVar(&b.Receipts, "receipts", "", "`which` receipts it sends: none, delivered (if not given) or read")
	c.Flags().StringVar(&b.Downloads, "downloads", "", "`what` happens to downloads of its files: 404, 410 or slow; they work if not given")
	c.Flags().StringVar(&b.Uploads, "uploads", "", "`what` happens to uploads by instances of its account: 403, 500, 507, hang, mute, cut, babble, lost or nowhere; they work if not given")
	c.Flags().StringVar(&b.Portraits, "portraits", "", "`what` happens to its account's own picture: hidden from others, refused as one too many,\nunacceptable whatever it is, or silent: nothing about it is answered")
	c.Flags().StringVar(&b.Profiles, "profiles", "", "`what` happens to its account's own name and about text: refused as one too many, unacceptable\nwhatever it is, silent: a new one is never answered, untold: instances do not hear what others\nchange, or keyless: the phone shares no key to the settings")
	c.Flags().IntVar(&b.RefuseWith, "refuse", 0, "`error` that the network refuses messages to it with")
	c.Flags().BoolVar(&b.Silent, "silent", false, "let the network never answer a message to it")
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
		phone := number(args[0])
		all, err := cl.Inbox(ctx, phone)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(all)
		}
		if len(all) == 0 {
			return a.say("The phone %s has received nothing.", mask(phone))
		}
		rows := [][]string{{"TIME", "FROM", "ID", "TYPE", "TEXT"}}
		for _, m := range all {
			rows = append(rows, []string{moment(m.At), mask(m.From), m.ID, m.Type, inboxText(m)})
		}
		return a.table(rows...)
	})
}

// inboxText is what a phone has received, with what is known of its file.
func inboxText(m api.Received) string {
	if m.MIME == "" {
		return quoted(m.Text)
	}
	text := m.MIME + ", " + size(m.Bytes)
	if m.FileName != "" {
		text += ", " + quoted(m.FileName)
	}
	if m.Text != "" {
		text += ": " + quoted(m.Text)
	}
	return text
}
