// Package cli is the command line: flags, commands, what they print and their
// exit codes. Everything that runs long is handed in as [Commands]; everything
// else asks the running daemon over its admin API.
//
// Standard output holds what was asked for, and with --json one JSON document
// of it; standard error holds the rest. An error is one line that names the
// remedy. A phone number is printed whole in JSON only; to people its last four
// digits tell which it is.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
)

// Commands is what the command line starts but does not do itself.
type Commands struct {
	Serve        func(ctx context.Context, o ServeOptions) error
	Demo         func(ctx context.Context, o DemoOptions) error
	SandboxServe func(ctx context.Context, o SandboxOptions) error

	ConfigSample func() []byte
	ConfigCheck  func(file string) error // an empty file: environment and defaults only

	NewKey      func(file string) (id string, err error)
	ReadKey     func(file string) (text string, err error)
	CheckExport func(file, passphrase string) error // opens all of it
	Examine     func(file string) (Database, error)
	Restore     func(backup, dataDir string) (RestoredDatabase, error)

	DefaultDataDir func() string
	Faults         []api.FaultKind
	Version        string
}

// ServeOptions are the flags of serve; what is empty is left to the
// configuration.
type ServeOptions struct {
	ConfigFile string
	DataDir    string
	Listen     string
	Sandbox    bool
	Log        io.Writer
}

// DemoOptions are the flags of demo.
type DemoOptions struct {
	Stay   bool
	Out    io.Writer
	Colour bool // Out is a terminal that wants colours
}

// SandboxOptions are the flags of sandbox serve.
type SandboxOptions struct {
	DataDir string // never empty
	Listen  string
	Out     io.Writer
	Log     io.Writer
}

// Env is the world outside.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
	// Terminal answers the size of Out in characters; ok is false if it is not a
	// terminal.
	Terminal func() (columns, rows int, ok bool)
	// AskSecret asks for a text without showing it; nil without a terminal.
	AskSecret func(prompt string) (string, error)
}

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// Run runs one command line, without the program's name, until it is done or
// ctx ends, and answers the exit code.
func Run(ctx context.Context, args []string, commands Commands, env Env) int {
	a := &app{Commands: commands, Env: env}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(env.Err, "switchhook: %v\n", a.explain(err))
	if wrong := (*usageError)(nil); errors.As(err, &wrong) {
		return exitUsage
	}
	return exitError
}

// app is one run of the program.
type app struct {
	Commands
	Env

	data, url, token string // flags
	json             bool
}

func (a *app) root() *cobra.Command {
	root := group("switchhook", "keeps WhatsApp connections alive and tells other systems about them",
		a.serve(), a.demo(), a.instance(), a.tenant(), a.link(), a.send(), a.media(), a.events(),
		a.endpoint(), a.deliveries(), a.deadLetters(), a.replay(), a.sandbox(), a.nats(),
		a.backup(), a.restore(), a.key(), a.config(), a.version())
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, "%v", flagProblem(err)) })
	root.SetHelpFunc(help(root.HelpFunc()))

	flags := root.PersistentFlags()
	flags.StringVar(&a.data, "data", "", "the daemon's data `directory`, also SWITCHHOOK_DATA (default "+a.DefaultDataDir()+")")
	flags.StringVar(&a.url, "url", "", "ask the daemon at this `address` instead, also SWITCHHOOK_URL")
	flags.StringVar(&a.token, "token", "", "admin `token` for --url, better as SWITCHHOOK_TOKEN")
	flags.BoolVar(&a.json, "json", false, "print one JSON document")
	return root
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:                   use,
		Short:                 short,
		DisableFlagsInUseLine: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(c, "there is no command %q", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(commands...)
	return c
}

// command makes a command with as many arguments as its use line has words in
// capitals; a bracketed one may be left out, and one with dots may be several.
func command(use, short string, run func(c *cobra.Command, args []string) error) *cobra.Command {
	want, more := placeholders(use)
	return &cobra.Command{
		Use:                   use,
		Short:                 short,
		DisableFlagsInUseLine: true,
		Args:                  func(c *cobra.Command, args []string) error { return expect(c, args, want, more) },
		RunE:                  run,
	}
}

// expect refuses arguments that are not those wanted and at most so many more. Where the
// last one wanted ends in dots there may be any number more.
func expect(c *cobra.Command, args, want []string, more int) error {
	several := false
	for i, name := range want {
		name, several = strings.CutSuffix(name, "...")
		if i >= len(args) || args[i] == "" {
			return usage(c, "%s is missing", name)
		}
	}
	if most := len(want) + more; len(args) > most && !several {
		return usage(c, "%q is one argument too many", args[most])
	}
	return nil
}
