package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// tenantAccounts lists the accounts that Tencent Chat's clients know. What their profiles
// say is shown with --json only.
func (a *app) tenantAccounts() *cobra.Command {
	return a.onTenant("accounts NAME", "show the accounts that Tencent Chat's clients have set up",
		"Shows the accounts of a tenant that were imported or have a profile, and how far what WhatsApp is to have of it\n"+
			"has come: nick is the account's name, signature its about text, image its picture. With --json all fields are there.\n"+
			"The events of an account are read by its id: switchhook events ID.",
		"tenant accounts acme", func(ctx context.Context, cl *client.Client, args []string) error {
			all, err := cl.TenantAccounts(ctx, args[0])
			if err != nil || a.json {
				return a.either(all, err)
			}
			if len(all) == 0 {
				return a.say("%s has no account: portrait_set makes one for an instance of its, account_import any other.", args[0])
			}
			rows := [][]string{{"USER ID", "ID", "INSTANCE", "IMPORTED", "FIELDS", "WHATSAPP"}}
			for _, acc := range all {
				rows = append(rows, []string{
					plain(acc.UserID), acc.ID, orNone(acc.Instance), yesNo(acc.Imported), strconv.Itoa(len(acc.Fields)), orNone(wishes(acc.Wishes)),
				})
			}
			return a.table(rows...)
		})
}

// wishes says on one line how far a profile has come.
func wishes(all []api.Wish) string {
	out := make([]string, 0, len(all))
	for _, w := range all {
		out = append(out, wish(w))
	}
	return strings.Join(out, ", ")
}

// profile says the same with a row for each field.
func profile(all []api.Wish) [][]string {
	if len(all) == 0 {
		return [][]string{{"profile", orNone("")}}
	}
	rows := make([][]string, 0, len(all))
	for _, w := range all {
		rows = append(rows, []string{"profile", wish(w)})
	}
	return rows
}

func wish(w api.Wish) string {
	text := tagName(w.Tag) + " " + string(w.State)
	if w.Problem == "" {
		return text
	}
	text += " (" + w.Problem
	if !w.NextTry.IsZero() {
		text += "; next try " + moment(w.NextTry)
	}
	return text + ")"
}

// tagName is what people call a field.
func tagName(tag string) string {
	switch name := strings.TrimPrefix(tag, "Tag_Profile_IM_"); name {
	case "SelfSignature":
		return "signature"
	default:
		return strings.ToLower(name)
	}
}
