package cli

import (
	"context"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

func (a *app) nats() *cobra.Command {
	return group("nats", "the events on NATS",
		a.ask("info", "say how to subscribe, with credentials", func(ctx context.Context, cl *client.Client, _ []string) error {
			n, err := cl.NATS(ctx)
			if err != nil {
				return err
			}
			if a.json {
				return a.document(n)
			}
			return a.table(
				[]string{"url", n.URL},
				[]string{"user", orNone(n.User)},
				[]string{"password", orNone(n.Password)},
				[]string{"stream", n.Stream},
				[]string{"subjects", strings.Join(n.Subjects, " ")},
				[]string{"connected", yesNo(n.Connected)},
				[]string{"behind", n.Behind.Round(time.Millisecond).String()},
				[]string{"last error", orNone(n.LastError)},
			)
		}))
}

func (a *app) config() *cobra.Command {
	sample := command("sample", "print the configuration file with every key and its default", func(*cobra.Command, []string) error {
		text := string(a.ConfigSample())
		if a.json {
			return a.document(struct {
				Sample string `json:"sample"`
			}{text})
		}
		_, err := a.Out.Write([]byte(text))
		return err
	})
	check := command("check [FILE]", "say whether a configuration is good, with the line of what is not", func(_ *cobra.Command, args []string) error {
		file := a.Getenv("SWITCHHOOK_CONFIG")
		if len(args) > 0 {
			file = args[0]
		}
		if err := a.ConfigCheck(file); err != nil {
			return err
		}
		if a.json {
			return a.document(struct {
				OK   bool   `json:"ok"`
				File string `json:"file"`
			}{true, file})
		}
		if file == "" {
			return a.say("the environment and the defaults are good")
		}
		return a.say("%s is good", file)
	})
	return group("config", "the daemon's configuration", sample, check)
}

func (a *app) version() *cobra.Command {
	return command("version", "say which version this is", func(*cobra.Command, []string) error {
		if a.json {
			return a.document(struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH})
		}
		return a.say("switchhook %s (%s, %s/%s)", a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	})
}
