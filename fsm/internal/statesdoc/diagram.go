package statesdoc

import (
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/fsm"
)

// arrow gathers every row of the table that leads from one state to another.
type arrow struct {
	from, to fsm.State
	labels   []string
}

// arrows answers the table as a diagram draws it, in the order of the codes and,
// along one arrow, of the events.
func arrows() []arrow {
	var out []arrow
	for _, from := range fsm.States() {
		for _, to := range fsm.States() {
			a := arrow{from: from, to: to}
			for _, event := range fsm.Events() {
				for _, row := range fsm.Table() {
					if row.From == from && row.To == to && row.Event == event {
						a.labels = append(a.labels, label(row))
					}
				}
			}
			if len(a.labels) > 0 {
				out = append(out, a)
			}
		}
	}
	return out
}

func label(r fsm.Row) string {
	var notes []string
	switch r.Session {
	case fsm.With:
		notes = append(notes, "session")
	case fsm.Without:
		notes = append(notes, "no session")
	case fsm.Either:
	}
	if r.Makes {
		notes = append(notes, "session begins")
	}
	if r.Drops && r.Session != fsm.Without {
		notes = append(notes, "session ends")
	}
	if len(notes) == 0 {
		return string(r.Event)
	}
	return fmt.Sprintf("%s (%s)", r.Event, strings.Join(notes, ", "))
}

func mermaid(b *strings.Builder) {
	b.WriteString("\n## Diagram\n\n```mermaid\nstateDiagram-v2\n")
	b.WriteString("    direction TB\n")
	for _, s := range fsm.States() {
		fmt.Fprintf(b, "    s%d : %d %s\n", s, s, s)
	}
	fmt.Fprintf(b, "    [*] --> s%d\n", fsm.NoConnection)
	for _, a := range arrows() {
		fmt.Fprintf(b, "    s%d --> s%d : %s\n", a.from, a.to, strings.Join(a.labels, "<br/>"))
	}
	b.WriteString("```\n")
}

func dot(b *strings.Builder) {
	b.WriteString("\nThe same for Graphviz (`dot -Tsvg`):\n\n```dot\ndigraph states {\n")
	b.WriteString("    node [shape=box, style=rounded];\n")
	for _, s := range fsm.States() {
		fmt.Fprintf(b, "    s%d [label=\"%d\\n%s\"];\n", s, s, s)
	}
	for _, a := range arrows() {
		fmt.Fprintf(b, "    s%d -> s%d [label=\"%s\"];\n", a.from, a.to, strings.Join(a.labels, "\\n"))
	}
	b.WriteString("}\n```\n")
}
