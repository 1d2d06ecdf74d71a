// Command gen writes docs/faults.md: go generate ./whatsapp/faultbook.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp/faultbook"
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
	var about []faultbook.About
	for _, k := range sandbox.FaultKinds() {
		about = append(about, faultbook.About{Fault: string(k.Kind), What: k.About})
	}
	if err := os.WriteFile(out, faultbook.Render(about), 0o644); err != nil { //nolint:gosec // a document for everyone
		return fmt.Errorf("write the faults: %w", err)
	}
	return nil
}
