package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is what [Load] and [Config.Validate] return: everything that is wrong
// with a configuration, in the order of the file, then of the environment.
type Error struct {
	Problems []Problem
}

// Problem is one thing that is wrong, and its remedy. It never shows a secret.
type Problem struct {
	File     string // where the value stands: a file
	Line     int    // and its line, from 1; 0: not known
	Variable string // or an environment variable
	Key      string // as in nats.url; empty where Text names the keys
	Text     string
}

func (p Problem) String() string {
	var b strings.Builder
	switch {
	case p.Variable != "":
		return p.Variable + ": " + p.Text
	case p.Line > 0:
		b.WriteString(p.File + ":" + strconv.Itoa(p.Line) + ": ")
	case p.File != "":
		b.WriteString(p.File + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d problems", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// report makes an error of problems, or nil of none.
func report(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Variable, b.Variable),
		)
	})
	return &Error{Problems: problems}
}

func rank(p Problem) int {
	switch {
	case p.File != "":
		return 0
	case p.Variable != "":
		return 1
	}
	return 2
}

// quote shows a value in a message: quoted, and cut if it is long.
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}
