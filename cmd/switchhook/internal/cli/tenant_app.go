package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// Who may write a custom field.
const (
	byAdmins = "admin"
	byNobody = "readonly"
)

// appSettings are the flags of tenant set about its app.
type appSettings struct {
	admins, custom []string
	callback       string
}

func (s *appSettings) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&s.admins, "admins", nil, "`identifiers` that may call as Tencent Chat's clients, instead of those before")
	f.StringSliceVar(&s.custom, "custom", nil, "its custom profile `fields`, instead of those before, each NAME=admin or NAME=readonly; none if empty")
	f.StringVar(&s.callback, "callback", "", "`URL` that is told of changed profiles as Tencent Chat tells it; none if empty")
}

// change adds what the flags that were given say.
func (s *appSettings) change(c *cobra.Command, ch *api.TenantChange) error {
	given := c.Flags().Changed
	put(given("admins"), &ch.Admins, some(s.admins))
	put(given("callback"), &ch.Callback, s.callback)
	if !given("custom") {
		return nil
	}
	fields := []record.CustomField{}
	for _, text := range s.custom {
		name, writer, _ := strings.Cut(text, "=")
		if name == "" || writer != byAdmins && writer != byNobody {
			return usage(c, "--custom takes NAME=admin or NAME=readonly, with commas in between, and not %q", text)
		}
		fields = append(fields, record.CustomField{Name: name, Admin: writer == byAdmins})
	}
	ch.Custom = &fields
	return nil
}

func (a *app) tenantSecret() *cobra.Command {
	return group("secret", "the secret key that UserSigs of Tencent Chat's clients are signed with",
		a.onTenant("rotate NAME", "make another one and show it",
			"Makes another secret key of a tenant's app and shows it, here and never again. UserSigs that were signed with the one\n"+
				"before are refused at once.",
			"tenant secret rotate acme", func(ctx context.Context, cl *client.Client, args []string) error {
				s, err := cl.RotateAppSecret(ctx, args[0])
				if err != nil || a.json {
					return a.either(s, err)
				}
				return a.once(
					[]string{"tenant", args[0]},
					[]string{"sdkappid", strconv.FormatInt(s.App, 10)},
					[]string{"secret key", s.SecretKey},
				)
			}))
}

// customFields are those of an app, as --custom takes them.
func customFields(fields []record.CustomField) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name + "=" + byNobody
		if f.Admin {
			out[i] = f.Name + "=" + byAdmins
		}
	}
	return orNone(strings.Join(out, ", "))
}

// calledBack is where the callbacks of a tenant go. What of the address may be secret is
// not shown.
func calledBack(ctx context.Context, cl *client.Client, t api.Tenant) (string, error) {
	if t.Callback == "" {
		return orNone(""), nil
	}
	e, err := cl.Endpoint(ctx, t.Callback)
	switch {
	case errors.Is(err, api.ErrNoEndpoint): // it was removed since
		return orNone(""), nil
	case err != nil:
		return "", err
	}
	out := discreetURL(value(e.URL)) + " (" + t.Callback + ")"
	if e.State != "ok" {
		out += ", " + e.State
	}
	return out, nil
}
