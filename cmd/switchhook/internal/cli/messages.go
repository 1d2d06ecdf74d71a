package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// maxStdin bounds a text that is read from standard input, above what the daemon
// takes.
const maxStdin = 128 << 10

func (a *app) send() *cobra.Command {
	var out api.Outgoing
	var file fileFlags
	c := a.ask("send NAME TO [TEXT] [--file FILE] [--id ID]", "send a text or a file to a phone number", func(ctx context.Context, cl *client.Client, args []string) (err error) {
		if file.path == "" && (file.name != "" || file.mime != "") {
			return &usageError{"--as and --type are about the file of --file: name one"}
		}
		out.To = number(args[1])
		if out.ID == "" {
			out.ID = newMessageID()
		}
		if file.path == "" || len(args) > 2 {
			if out.Text, err = a.text(args[2:]); err != nil {
				return err
			}
		}
		var m record.Message
		if file.path != "" {
			m, err = a.sendFile(ctx, cl, args[0], out, file)
		} else {
			m, err = cl.Send(ctx, args[0], out)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], a.unsent(err, args[0], args[1], out.ID, file))
		}
		if a.json {
			return a.document(m)
		}
		return a.say("sent %s to %s; if the number has WhatsApp, switchhook events %s%s shows when it is delivered and read", m.ID, who(m.To), args[0], a.here())
	})
	c.Long = "Sends a text, or a file, to one person and waits until WhatsApp has taken it over. TO is a phone number in\n" +
		"international form, 8 to 15 digits; a +, spaces and dashes in it do not matter. Without TEXT, or with -, the text is\n" +
		"read from standard input. With --file TEXT is the caption, and there need not be one. JPEG and PNG are shown as\n" +
		"pictures, everything else as a document; 100 MiB at most. If it fails and the message may have been sent, the\n" +
		"error names the id to send it again with."
	c.Flags().StringVar(&out.ID, "id", "", "`id` of the message, to know it again; made up if not given")
	c.Flags().StringVar(&file.path, "file", "", "send this `file`; - is standard input")
	c.Flags().StringVar(&file.name, "as", "", "`name` that the recipient sees, the file's own if not given")
	c.Flags().StringVar(&file.mime, "type", "", "media `type` of the file, as in application/pdf; found out if not given")
	return c
}

// fileFlags say what file is sent, if any.
type fileFlags struct{ path, name, mime string }

func (a *app) sendFile(ctx context.Context, cl *client.Client, instance string, out api.Outgoing, f fileFlags) (record.Message, error) {
	about := api.OutgoingFile{To: out.To, Name: f.name, MIME: f.mime, Caption: out.Text, ID: out.ID}
	if f.path == "-" {
		return cl.SendFile(ctx, instance, about, a.In)
	}
	content, err := openFile(f.path)
	if err != nil {
		return record.Message{}, err
	}
	defer content.Close()
	if about.Name == "" {
		about.Name = filepath.Base(f.path)
	}
	return cl.SendFile(ctx, instance, about, content)
}

// openFile opens a file that can be sent: it is looked at before the daemon is
// asked.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case st.IsDir():
		err = fmt.Errorf("%s is a directory: name a file", path)
	case st.Mode().IsRegular() && st.Size() == 0:
		err = fmt.Errorf("%s is empty", path)
	case st.Size() > instance.MaxFile:
		err = fmt.Errorf("%s has %s: WhatsApp is sent files up to %s", path, size(st.Size()), size(instance.MaxFile))
	default:
		return f, nil
	}
	_ = f.Close() // it was not read
	return nil, err
}

// newMessageID makes an id of the form that WhatsApp's own clients use.
func newMessageID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("3EB0%X", b)
}

// unsent puts behind an error of a message that may have been sent how it is sent
// again without sending two.
func (a *app) unsent(err error, name, to, id string, file fileFlags) error {
	var none *client.UnreachedError
	var refused *client.Error
	var dial *net.OpError
	with := "--id " + id
	if file.path != "" {
		with = "--file " + quote(file.path) + " " + with
	}
	again := fmt.Sprintf("; it may have been sent: switchhook send %s %s %s%s, with the same text, sends it again under the same id", quote(name), quote(to), with, a.here())
	switch {
	case errors.As(err, &none) && (!errors.As(none.Err, &dial) || dial.Op != "dial"):
		return errors.New(none.Error() + again) // the daemon was there, and went
	case errors.As(err, &refused) && refused.Code == "send_failed", errors.Is(err, instance.ErrNotReady), errors.Is(err, instance.ErrRestarting):
		return errors.New(err.Error() + again)
	default:
		return err
	}
}

// text is the argument, or what standard input says up to its end.
func (a *app) text(args []string) (string, error) {
	if len(args) > 0 && args[0] != "-" {
		return args[0], nil
	}
	body, err := io.ReadAll(io.LimitReader(a.In, maxStdin))
	if err != nil {
		return "", fmt.Errorf("read the text from standard input: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(body), "\n"), "\r"), nil
}

func (a *app) media() *cobra.Command {
	var to string
	var force bool
	c := a.ask("media NAME SEQ [--to FILE] [--force]", "download the file that came with a message", func(ctx context.Context, cl *client.Client, args []string) error {
		seq, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return &usageError{fmt.Sprintf("%q is no number of an event: switchhook events %s%s shows them", args[1], args[0], a.here())}
		}
		if _, err := os.Lstat(to); err == nil && to != "-" && !force {
			return fmt.Errorf("%s exists already: name another file, or overwrite it with --force", to)
		}
		f, err := cl.Fetch(ctx, args[0], seq)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if to != "" {
			if err := a.save(ctx, cl, args[0], seq, to); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			f.Path = to
		}
		if a.json && to != "-" {
			return a.document(f)
		}
		if to == "-" {
			return nil
		}
		return a.say("%s (%s)", f.Path, size(f.Bytes))
	})
	c.Long = "Downloads the file that came with a message into the storage of the instance, unless it is there already,\n" +
		"and says where it is. SEQ is the number of the message.media event, or of the message.sent\n" +
		"of a file; switchhook events NAME shows it."
	c.Flags().StringVar(&to, "to", "", "write a copy to this `file`; - is standard output")
	c.Flags().BoolVar(&force, "force", false, "overwrite the file of --to")
	return c
}

// save writes a copy of a stored file: all of it, or none.
func (a *app) save(ctx context.Context, cl *client.Client, name string, seq uint64, to string) (err error) {
	if to == "-" {
		return cl.Media(ctx, name, seq, a.Out)
	}
	tmp, err := os.CreateTemp(filepath.Dir(to), ".switchhook-")
	if err != nil {
		return fileProblem(to, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	err = errors.Join(cl.Media(ctx, name, seq, tmp), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), to)
}

// who is a JID for people: the number masked, as everywhere.
func who(jid string) string {
	user, server, _ := strings.Cut(jid, "@")
	switch server {
	case "", "s.whatsapp.net":
		return mask(user)
	case "lid":
		return "hidden " + mask(user)
	case "g.us":
		return "group " + mask(user)
	}
	return mask(user) + "@" + server
}
