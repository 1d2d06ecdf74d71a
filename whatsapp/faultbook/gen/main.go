// Command gen writes docs/faults.md: go generate ./whatsapp/faultbook.
package main

import (
	"github.com/switchhook/switchhook/internal/gendoc"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp/faultbook"
)

func main() {
	gendoc.Main(func() ([]byte, error) {
		var about []faultbook.About
		for _, k := range sandbox.FaultKinds() {
			about = append(about, faultbook.About{Fault: string(k.Kind), What: k.About})
		}
		return faultbook.Render(about), nil
	})
}
