// Command gen writes docs/events.md: go generate ./internal/eventsdoc.
package main

import (
	"context"

	"github.com/switchhook/switchhook/internal/eventsdoc"
	"github.com/switchhook/switchhook/internal/gendoc"
)

func main() {
	gendoc.Main(func() ([]byte, error) { return eventsdoc.Render(context.Background()) })
}
