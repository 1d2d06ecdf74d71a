// Command gen writes the description of the state machine that docs/ holds:
// go generate ./fsm.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/switchhook/switchhook/fsm/internal/statesdoc"
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
	if err := os.WriteFile(out, statesdoc.Render(), 0o644); err != nil { //nolint:gosec // a document for everyone
		return fmt.Errorf("write the states: %w", err)
	}
	return nil
}
