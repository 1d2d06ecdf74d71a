// Command switchhook is the daemon and its command line; switchhook help lists
// what it can do.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)       // so that a second signal ends the process at once
	cobra.EnableCommandSorting = false // help lists the commands as they are used
	return cli.Run(ctx, os.Args[1:], commands(), cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Terminal: terminal, AskSecret: asker(),
	})
}

// asker asks on the terminal, nil when standard input is none.
func asker() func(string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func(prompt string) (string, error) {
		_, _ = fmt.Fprint(os.Stderr, prompt)
		secret, err := term.ReadPassword(fd)
		_, _ = fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		return string(secret), nil
	}
}

func terminal() (columns, rows int, ok bool) {
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) {
		return 0, 0, false
	}
	columns, rows, err := term.GetSize(fd)
	return columns, rows, err == nil
}
