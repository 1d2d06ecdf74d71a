// Command gen writes docs/events.md: go generate ./internal/eventsdoc.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/switchhook/switchhook/internal/eventsdoc"
)

func main() {
	out := flag.String("out", "", "the file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if out == "" {
		return fmt.Errorf("say where to write: -out <file>")
	}
	doc, err := eventsdoc.Render(context.Background())
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, doc, 0o644); err != nil { //nolint:gosec // a document for everyone
		return fmt.Errorf("write the events: %w", err)
	}
	return nil
}
