package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

func (a *app) tenant() *cobra.Command {
	return group("tenant", "the tenants: one owns instances, the access keys of CAMS's clients and an app of Tencent Chat's",
		a.addTenant(), a.listTenants(), a.showTenant(), a.setTenant(), a.deleteTenant(),
		a.tenantNumber(), a.tenantKey(), a.tenantSecret(), a.tenantCodes(), a.tenantAccounts())
}

// onTenant makes a command about one tenant, the first argument. example is a command
// line without the program's name.
func (a *app) onTenant(use, short, about, example string, run func(ctx context.Context, cl *client.Client, args []string) error) *cobra.Command {
	c := a.ask(use, short, func(ctx context.Context, cl *client.Client, args []string) error {
		if err := run(ctx, cl, args); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	})
	c.Long = about
	c.Example = "  switchhook " + example
	return c
}

func (a *app) addTenant() *cobra.Command {
	var spec api.TenantSpec
	c := a.onTenant("add NAME [--space-id ID]", "make a tenant with an access key and an app",
		"Makes a tenant with an access key, for CAMS's clients, and an app, for Tencent Chat's. The secret of the one and the\n"+
			"secret key of the other are shown here and never again. Until it has a phone number, by an instance that is paired\n"+
			"or by switchhook tenant number add, its key may make no message QR codes.",
		"tenant add acme", func(ctx context.Context, cl *client.Client, args []string) error {
			spec.Name = args[0]
			t, err := cl.AddTenant(ctx, spec)
			if err != nil || a.json {
				return a.either(t, err)
			}
			err = a.table(
				[]string{"tenant", t.Name + " (" + t.Tenant.ID + ")"},
				[]string{"space id", t.SpaceID},
				[]string{"access key id", t.NewKey.ID},
				[]string{"access key secret", t.Secret},
				[]string{"sdkappid", strconv.FormatInt(t.App, 10)},
				[]string{"secret key", t.SecretKey},
				[]string{"next", "switchhook instance add NAME --tenant " + t.Name + a.here()},
				[]string{"or", "switchhook tenant number add " + t.Name + " DIGITS" + a.here()},
			)
			if err != nil {
				return err
			}
			return a.say("Keep the access key secret and the secret key: they are not shown again.")
		})
	c.Flags().StringVar(&spec.SpaceID, "space-id", "", "keep this `id` as CAMS's CustSpaceId (default: a new one)")
	return c
}

func (a *app) listTenants() *cobra.Command {
	c := a.ask("list", "show all tenants", func(ctx context.Context, cl *client.Client, _ []string) error {
		all, err := cl.Tenants(ctx)
		if err != nil || a.json {
			return a.either(all, err)
		}
		rows := [][]string{{"TENANT", "ID", "SPACE ID", "INSTANCES", "NUMBERS", "KEYS", "CODES", "SUBSCRIBED"}}
		for _, t := range all {
			rows = append(rows, []string{
				t.Name, t.ID, t.SpaceID, strconv.Itoa(len(t.Instances)), strconv.Itoa(len(t.Numbers)),
				strconv.Itoa(len(t.Keys)), strconv.Itoa(t.QRDLs), yesNo(t.Subscribed),
			})
		}
		return a.table(rows...)
	})
	c.Long = "Shows all tenants. There is always the tenant default: it has the instances that were put under no other."
	c.Example = "  switchhook tenant list"
	return c
}

func (a *app) showTenant() *cobra.Command {
	return a.onTenant("show NAME", "show everything about one tenant but secrets",
		"Shows a tenant with its instances, its keys and the phone numbers that these may use. NAME may be its id. With --json\n"+
			"numbers are whole.",
		"tenant show acme", func(ctx context.Context, cl *client.Client, args []string) error {
			t, err := cl.Tenant(ctx, args[0])
			if err != nil {
				return err
			}
			return a.wholeTenant(ctx, cl, t)
		})
}

func (a *app) setTenant() *cobra.Command {
	var space string
	var subscribed bool
	var of appSettings
	var c *cobra.Command
	c = a.onTenant("set NAME [--subscribed=false] [--admins ID,…] [--callback URL] …", "change its configuration",
		"Changes a tenant. While it is not subscribed all calls of its keys are refused; its links go on working. The callback\n"+
			"is an endpoint, @NAME/callback: switchhook endpoint shows its health and sets its timeout and schedule.",
		"tenant set acme --admins administrator,backend --custom vip=admin,level=readonly", func(ctx context.Context, cl *client.Client, args []string) error {
			var ch api.TenantChange
			put(c.Flags().Changed("space-id"), &ch.SpaceID, space)
			put(c.Flags().Changed("subscribed"), &ch.Subscribed, subscribed)
			if err := of.change(c, &ch); err != nil {
				return err
			}
			if ch == (api.TenantChange{}) {
				return usage(c, "nothing to set")
			}
			t, err := cl.ChangeTenant(ctx, args[0], ch)
			if err != nil {
				return err
			}
			return a.wholeTenant(ctx, cl, t)
		})
	c.Flags().StringVar(&space, "space-id", "", "`id` that is CAMS's CustSpaceId")
	c.Flags().BoolVar(&subscribed, "subscribed", true, "take calls of its keys; --subscribed=false refuses them")
	of.flags(c)
	return c
}

func (a *app) deleteTenant() *cobra.Command {
	return a.onTenant("delete NAME", "forget a tenant that has nothing any more",
		"Forgets a tenant with its access keys. It is refused while the tenant has instances, endpoints or message QR codes.",
		"tenant delete acme", func(ctx context.Context, cl *client.Client, args []string) error {
			d, err := cl.DeleteTenant(ctx, args[0])
			if err != nil || a.json {
				return a.either(d, err)
			}
			return a.say("%s (%s) is deleted; its keys sign no more", d.Name, d.ID)
		})
}

func (a *app) tenantNumber() *cobra.Command {
	const about = "DIGITS is a phone number in international form; a +, and, in quotes, spaces and dashes do not\n" +
		"matter."
	return group("number", "the phone numbers that are a tenant's without an instance",
		a.onTenant("add NAME DIGITS", "let its keys use a phone number",
			"Registers a phone number with a tenant, whose keys may make message QR codes for it then. The number of an instance\n"+
				"of the tenant's that is paired needs no registering.\n"+about,
			"tenant number add acme 5511999990000", func(ctx context.Context, cl *client.Client, args []string) error {
				digits := number(args[1])
				t, err := cl.AddNumber(ctx, args[0], digits)
				if err != nil || a.json {
					return a.either(t, err)
				}
				return a.say("%s is a number of %s", mask(digits), t.Name)
			}),
		a.onTenant("remove NAME DIGITS", "take a registered phone number back",
			"Takes a phone number back that was registered with a tenant. Its message QR codes stay, and their links work.\n"+about,
			"tenant number remove acme 5511999990000", func(ctx context.Context, cl *client.Client, args []string) error {
				digits := number(args[1])
				t, err := cl.RemoveNumber(ctx, args[0], digits)
				if err != nil || a.json {
					return a.either(t, err)
				}
				for _, n := range t.Numbers {
					if n.Number == digits {
						return a.say("%s is not registered with %s, but it is the number of its instance %s", mask(digits), t.Name, n.Instance)
					}
				}
				return a.say("%s is no number of %s", mask(digits), t.Name)
			}))
}

// wholeTenant prints all there is to know of a tenant.
func (a *app) wholeTenant(ctx context.Context, cl *client.Client, t api.Tenant) error {
	if a.json {
		return a.document(t)
	}
	called, err := calledBack(ctx, cl, t)
	if err != nil {
		return err
	}
	rows := [][]string{
		{"tenant", t.Name + " (" + t.ID + ")"},
		{"space id", t.SpaceID},
		{"subscribed", yesNo(t.Subscribed)},
		{"instances", orNone(strings.Join(t.Instances, ", "))},
	}
	for _, n := range t.Numbers {
		rows = append(rows, []string{"number", mask(n.Number) + whence(n)})
	}
	for _, k := range t.Keys {
		rows = append(rows, []string{"key", k.ID + ", " + keyState(k, time.Now()) + denied(k)})
	}
	return a.table(append(rows,
		[]string{"sdkappid", strconv.FormatInt(t.App, 10)},
		[]string{"admins", strings.Join(t.Admins, ", ")},
		[]string{"custom fields", customFields(t.Custom)},
		[]string{"callback", called},
		[]string{"message QR codes", strconv.Itoa(t.QRDLs)},
		[]string{"events", fmt.Sprintf("%d: switchhook events %s%s shows them", t.Seq, t.ID, a.here())},
		[]string{"created", moment(t.CreatedAt)},
	)...)
}

// whence is why a number is the tenant's.
func whence(n api.Number) string {
	switch {
	case n.Instance == "":
		return ", registered"
	case n.Registered:
		return ", of the instance " + n.Instance + ", and registered"
	default:
		return ", of the instance " + n.Instance
	}
}
