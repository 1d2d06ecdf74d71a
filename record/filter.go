package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/fsm"
)

// Filter chooses among the events of an endpoint's streams. The zero value lets
// every event through.
type Filter struct {
	// Kinds are kinds of events, or their beginnings followed by an asterisk, such
	// as "message.*". None: all kinds.
	Kinds []string `json:"kinds,omitempty"`
	// States lets a transition through only if it leads to one of these. None: all.
	// Other kinds of events have no state and pass.
	States []fsm.State `json:"states,omitempty"`
}

// Lets reports whether an event passes the filter.
func (f *Filter) Lets(ev *Event) bool {
	if len(f.States) > 0 && ev.Transition != nil && !slices.Contains(f.States, ev.Transition.To) {
		return false
	}
	return len(f.Kinds) == 0 || slices.ContainsFunc(f.Kinds, func(p string) bool { return matches(p, ev.Kind) })
}

// Check answers what is wrong with a filter that somebody has written: a kind
// that no event has, a beginning that no kind has, a state that there is not.
func (f *Filter) Check() error {
	kinds := Kinds()
	for _, pattern := range f.Kinds {
		if !slices.ContainsFunc(kinds, func(k Kind) bool { return matches(pattern, k) }) {
			return fmt.Errorf("no event is of the kind %q: the kinds are %s; the beginning of some is written as message.*", pattern, join(kinds))
		}
	}
	for _, s := range f.States {
		if !s.Valid() {
			return fmt.Errorf("%d is no state: the states are %s", s, join(codes(fsm.States())))
		}
	}
	return nil
}

// matches reports whether a kind is a pattern's.
func matches(pattern string, kind Kind) bool {
	begin, open := strings.CutSuffix(pattern, "*")
	return string(kind) == pattern || open && strings.HasPrefix(string(kind), begin)
}

func codes(states []fsm.State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = strconv.Itoa(int(s))
	}
	return out
}

func join[T ~string](list []T) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}
