package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// placeholders are the words of a use line that stand for arguments: those in
// capitals outside of brackets, but for a flag's value. more is how many of them stand alone in brackets.
func placeholders(use string) (want []string, more int) {
	plain, options, _ := strings.Cut(use, " [")
	words := strings.Fields(plain)
	for i, word := range words[1:] {
		if word == strings.ToUpper(word) && !strings.HasPrefix(words[i], "--") {
			want = append(want, word)
		}
	}
	for option := range strings.SplitSeq(options, "[") {
		word := strings.TrimRight(option, "] ")
		if word != "" && word == strings.ToUpper(word) && !strings.ContainsAny(word, "- ") {
			more++
		}
	}
	return want, more
}

// column is how wide the use lines are in the list of all commands; a longer
// one has its purpose on the next line.
const column = 59

// help lists, at the root, every command with its arguments; elsewhere it is
// what it was.
func help(usual func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(c *cobra.Command, args []string) {
		if c.HasParent() {
			usual(c, args)
			return
		}
		var b strings.Builder
		fmt.Fprintf(&b, "Switchhook %s.\n\nCommands:\n", c.Short)
		for _, line := range lines(c, "") {
			if len(line[0]) > column {
				fmt.Fprintf(&b, "  %s\n  %-*s  %s\n", line[0], column, "", line[1])
				continue
			}
			fmt.Fprintf(&b, "  %-*s  %s\n", column, line[0], line[1])
		}
		b.WriteString("\nNAME is an instance's name or id, or a tenant's where it says tenant, REF an endpoint, as INSTANCE/NAME, @TENANT/NAME, or /NAME for the whole daemon's. More on one of them: switchhook COMMAND --help\n\nFlags of all commands:\n")
		b.WriteString(c.PersistentFlags().FlagUsages())
		c.Print(b.String())
	}
}

// lines are the use line and the purpose of every command below c.
func lines(c *cobra.Command, above string) (out [][2]string) {
	for _, sub := range c.Commands() {
		switch {
		case sub.Hidden || sub.Name() == "completion" || sub.Name() == "help":
		case sub.HasSubCommands():
			if strings.Contains(sub.Use, " ") { // it does something by itself, too
				out = append(out, [2]string{above + sub.Use, sub.Short})
			}
			out = append(out, lines(sub, above+sub.Name()+" ")...)
		default:
			out = append(out, [2]string{above + sub.Use, sub.Short})
		}
	}
	return out
}
