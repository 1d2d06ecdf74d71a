package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
)

// actionHelp says what ACTION is.
const actionHelp = "ACTION is one of cams:CreatePhoneMessageQrdl, cams:UpdatePhoneMessageQrdl, cams:ListPhoneMessageQrdl and\n" +
	"cams:DeletePhoneMessageQrdl, with or without cams:, or cams:* for all."

func (a *app) tenantKey() *cobra.Command {
	return group("key", "the access keys that CAMS's clients sign with",
		a.listAccessKeys(), a.addAccessKey(), a.rotateAccessKey(),
		a.switchAccessKey("disable NAME KEY", "let it sign no more until it is enabled", true),
		a.switchAccessKey("enable NAME KEY", "let it sign again", false),
		a.restrictAccessKey("deny NAME KEY ACTION...", "forbid it operations",
			"Forbids an access key operations, beside those that it is forbidden already.", deny),
		a.restrictAccessKey("allow NAME KEY ACTION...", "take a denial back",
			"Takes denials back. Operations that are not denied are allowed.", allow),
		a.deleteAccessKey())
}

// onKey makes a command about one access key of a tenant, the first two arguments.
func (a *app) onKey(use, short, about, example string, run func(ctx context.Context, cl *client.Client, tenant, key string, more []string) error) *cobra.Command {
	return a.onTenant(use, short, about, example, func(ctx context.Context, cl *client.Client, args []string) error {
		err := run(ctx, cl, args[0], args[1], args[2:])
		if errors.Is(err, api.ErrNoKey) {
			return fmt.Errorf("%s: %w: switchhook tenant key list %s%s shows which there are", args[1], err, args[0], a.here())
		}
		return err
	})
}

func (a *app) listAccessKeys() *cobra.Command {
	return a.onTenant("list NAME", "show its access keys",
		"Shows the access keys of a tenant, without their secrets.",
		"tenant key list acme", func(ctx context.Context, cl *client.Client, args []string) error {
			t, err := cl.Tenant(ctx, args[0])
			if err != nil || a.json {
				return a.either(t.Keys, err)
			}
			if len(t.Keys) == 0 {
				return a.say("%s has no access key: switchhook tenant key add %s%s makes one.", t.Name, t.Name, a.here())
			}
			rows := [][]string{{"KEY", "STATE", "CREATED", "DENIED"}}
			for _, k := range t.Keys {
				rows = append(rows, []string{k.ID, keyState(k, time.Now()), moment(k.CreatedAt), strings.Join(k.Deny, ", ")})
			}
			return a.table(rows...)
		})
}

func (a *app) addAccessKey() *cobra.Command {
	return a.onTenant("add NAME", "make a further access key",
		"Makes a further access key. Its secret is shown here and never again.",
		"tenant key add acme", func(ctx context.Context, cl *client.Client, args []string) error {
			k, err := cl.AddKey(ctx, args[0])
			if err != nil || a.json {
				return a.either(k, err)
			}
			return a.once(newKey(args[0], k)...)
		})
}

func (a *app) rotateAccessKey() *cobra.Command {
	var grace time.Duration
	c := a.onKey("rotate NAME KEY [--grace DURATION]", "make a key in its place and show it",
		"Makes an access key that may what the given one may, and shows its secret, which is never shown again. The given one\n"+
			"signs for the time of --grace yet, so that clients can be changed meanwhile.",
		"tenant key rotate acme LTAI5tExample --grace 72h",
		func(ctx context.Context, cl *client.Client, tenant, key string, _ []string) error {
			k, err := cl.RotateAccessKey(ctx, tenant, key, grace)
			if err != nil || a.json {
				return a.either(k, err)
			}
			return a.once(append(newKey(tenant, k), []string{"the one before", key + ", " + a.before(ctx, cl, tenant, key)})...)
		})
	c.Flags().DurationVar(&grace, "grace", 24*time.Hour, "`duration` that the one before signs yet, at most 720h; 0s for no more")
	return c
}

// before is how a key is that another was made in place of. It may have been disabled, or
// rotated before with less grace. That it cannot be asked is no reason to lose a secret.
func (a *app) before(ctx context.Context, cl *client.Client, tenant, key string) string {
	t, err := cl.Tenant(ctx, tenant)
	i := slices.IndexFunc(t.Keys, func(k api.AccessKey) bool { return k.ID == key })
	if err != nil || i < 0 {
		return fmt.Sprintf("see switchhook tenant key list %s%s", tenant, a.here())
	}
	return keyState(t.Keys[i], time.Now())
}

// once prints rows that hold the secret of a new key.
func (a *app) once(rows ...[]string) error {
	if err := a.table(rows...); err != nil {
		return err
	}
	return a.say("Keep the secret: it is not shown again.")
}

// newKey is a key as it is shown once.
func newKey(tenant string, k api.NewKey) [][]string {
	rows := [][]string{
		{"tenant", tenant},
		{"access key id", k.ID},
		{"access key secret", k.Secret},
	}
	if len(k.Deny) > 0 {
		rows = append(rows, []string{"denied", strings.Join(k.Deny, ", ")})
	}
	return rows
}

func (a *app) switchAccessKey(use, short string, disabled bool) *cobra.Command {
	verb, about := "enable", "Lets an access key that was disabled sign again. One that has ended stays so."
	if disabled {
		verb, about = "disable", "Refuses all calls that an access key has signed, until it is enabled."
	}
	return a.onKey(use, short, about, "tenant key "+verb+" acme LTAI5tExample",
		func(ctx context.Context, cl *client.Client, tenant, key string, _ []string) error {
			k, name, err := changedKey(ctx, cl, tenant, key, api.KeyChange{Disabled: &disabled})
			if err == nil && !disabled && keyState(k, time.Now()) == ended {
				return fmt.Errorf("%s was rotated and its grace is over: use the key that came in its place, or switchhook tenant key add %s%s makes one",
					key, name, a.here())
			}
			return a.sayKey(k, name, err)
		})
}

// restrictAccessKey makes a command that changes what a key is denied.
func (a *app) restrictAccessKey(use, short, about string, change func(now, by []string) ([]string, error)) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	var c *cobra.Command
	c = a.onKey(use, short, about+"\n"+actionHelp, "tenant key "+verb+" acme LTAI5tExample UpdatePhoneMessageQrdl",
		func(ctx context.Context, cl *client.Client, tenant, key string, more []string) error {
			var actions []string
			for _, text := range more {
				action, err := api.ParseAction(text)
				if err != nil {
					return usage(c, "%v", err)
				}
				actions = append(actions, action)
			}
			t, err := cl.Tenant(ctx, tenant)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(t.Keys, func(k api.AccessKey) bool { return k.ID == key })
			if i < 0 {
				return api.ErrNoKey
			}
			next, err := change(t.Keys[i].Deny, actions)
			if err != nil {
				return err
			}
			k, name, err := changedKey(ctx, cl, tenant, key, api.KeyChange{Deny: &next})
			return a.sayKey(k, name, err)
		})
	return c
}

// deny is what is denied with further actions.
func deny(now, by []string) ([]string, error) {
	next := some(now)
	for _, action := range by {
		if !slices.Contains(next, action) {
			next = append(next, action)
		}
	}
	return next, nil
}

// allow is what is denied without those actions.
func allow(now, by []string) ([]string, error) {
	next := []string{}
	for _, action := range now {
		if !slices.Contains(by, action) {
			next = append(next, action)
		}
	}
	if all := api.Actions[len(api.Actions)-1]; slices.Contains(next, all) {
		return nil, errors.New("it is denied " + all + ": allow that, and deny what it may not do")
	}
	return next, nil
}

// changedKey changes a key and answers it as it then is, with the tenant's name.
func changedKey(ctx context.Context, cl *client.Client, tenant, key string, ch api.KeyChange) (api.AccessKey, string, error) {
	t, err := cl.ChangeKey(ctx, tenant, key, ch)
	if err != nil {
		return api.AccessKey{}, "", err
	}
	for _, k := range t.Keys {
		if k.ID == key {
			return k, t.Name, nil
		}
	}
	return api.AccessKey{}, "", api.ErrNoKey // deleted meanwhile
}

// sayKey says how a key is.
func (a *app) sayKey(k api.AccessKey, tenant string, err error) error {
	if err != nil || a.json {
		return a.either(k, err)
	}
	return a.say("%s of %s is %s%s", k.ID, tenant, keyState(k, time.Now()), denied(k))
}

func (a *app) deleteAccessKey() *cobra.Command {
	return a.onKey("delete NAME KEY", "forget an access key",
		"Forgets an access key at once. To give clients time switchhook tenant key rotate makes another in its place.",
		"tenant key delete acme LTAI5tExample", func(ctx context.Context, cl *client.Client, tenant, key string, _ []string) error {
			t, err := cl.DeleteKey(ctx, tenant, key)
			if err != nil || a.json {
				return a.either(t, err)
			}
			return a.say("%s is deleted; %s has %s", key, t.Name, counted(len(t.Keys), "key"))
		})
}

// ended is the state of a key whose grace is over.
const ended = "ended"

// keyState is whether a key signs at a moment, for people.
func keyState(k api.AccessKey, now time.Time) string {
	switch {
	case !k.Until.IsZero() && !now.Before(k.Until):
		return ended
	case k.Disabled:
		return "disabled"
	case !k.Until.IsZero():
		return "active until " + moment(k.Until)
	default:
		return "active"
	}
}

// denied is what a key may not do, behind something else.
func denied(k api.AccessKey) string {
	if len(k.Deny) == 0 {
		return ""
	}
	return ", denied " + strings.Join(k.Deny, ", ")
}
