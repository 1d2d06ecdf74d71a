// Command gen writes the description of the state machine that docs/ holds:
// go generate ./fsm.
package main

import (
	"github.com/switchhook/switchhook/fsm/internal/statesdoc"
	"github.com/switchhook/switchhook/internal/gendoc"
)

func main() {
	gendoc.Main(func() ([]byte, error) { return statesdoc.Render(), nil })
}
