// Command chat is an example of a client of the Tencent Chat dialect. SDKAPPID and
// SECRET_KEY say which app it is; the secret key stands in the environment so that it does
// not stand in the list of processes.
//
//	go run . usersig [-life 1h] [IDENTIFIER]
//
// prints a UserSig, of "administrator" where no identifier is given.
//
//	go run . walk
//
// makes the account ACCOUNT at CHAT_URL, names it NICK, reads it back, and does some
// things that are refused. It prints what it sees as one line of JSON for each step.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// admin is who may call for an app unless its operator says otherwise.
const admin = "administrator"

// errUsage is a command line or an environment that says too little.
var errUsage = errors.New("usage: usersig [-life 1h] [IDENTIFIER], or walk; with SDKAPPID and SECRET_KEY " +
	"(as switchhook tenant add shows them), for walk also CHAT_URL, ACCOUNT and NICK in the environment")

func main() {
	err := run(context.Background(), os.Stdout, os.Getenv, os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, env func(string) string, args []string) error {
	app, err := strconv.ParseInt(env("SDKAPPID"), 10, 64)
	if err != nil || env("SECRET_KEY") == "" || len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "usersig":
		flags := flag.NewFlagSet("usersig", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		life := flags.Duration("life", time.Hour, "how long it is good")
		if err := flags.Parse(args[1:]); err != nil || flags.NArg() > 1 || *life < time.Second {
			return errUsage
		}
		identifier := admin
		if flags.NArg() == 1 {
			identifier = flags.Arg(0)
		}
		sig, err := userSig(app, env("SECRET_KEY"), identifier, time.Now(), *life)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, sig)
		return err
	case "walk":
		c := client{url: env("CHAT_URL"), app: app, key: env("SECRET_KEY"), identifier: admin}
		if len(args) > 1 || c.url == "" || env("ACCOUNT") == "" || env("NICK") == "" {
			return errUsage
		}
		return walk(ctx, out, c, env("ACCOUNT"), env("NICK"))
	default:
		return errUsage
	}
}
