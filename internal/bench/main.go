package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// roles are what this program can be. All but the scenarios are the other
// processes of one.
var roles = map[string]func(ctx context.Context, args []string) error{
	"connections": connections,
	"messages":    messages,
	"postback":    postback,
	"engine":      runEngine,
	"receiver":    runReceiver,
	"sandbox":     serveSandbox,
	"bare":        runBare,
}

// scenarios are the roles for people.
var scenarios = []string{"connections", "messages", "postback"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 || roles[os.Args[1]] == nil {
		return errors.New("name a scenario: " + strings.Join(slices.Sorted(slices.Values(scenarios)), ", "))
	}
	return roles[os.Args[1]](ctx, os.Args[2:])
}
