// Package gendoc is the main function of commands that write a document which
// code describes.
package gendoc

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

// Main writes what render answers to the file that -out names. It ends the
// process with status 1 if it cannot.
func Main(render func() ([]byte, error)) {
	out := flag.String("out", "", "the file to write")
	flag.Parse()
	if err := write(*out, render); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(out string, render func() ([]byte, error)) error {
	if out == "" {
		return errors.New("say where to write: -out <file>")
	}
	doc, err := render()
	if err != nil {
		return err
	}
	return os.WriteFile(out, doc, 0o644) //nolint:gosec // a document for everyone
}
