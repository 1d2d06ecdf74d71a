package configs

import (
	"fmt"
	"strings"
	"time"
)

// Validate reports every value that is outside its bounds or contradicts
// another, as an [*Error]. It does no I/O.
func (c Config) Validate() error {
	var problems []Problem
	for _, f := range c.findings() {
		p := Problem{Text: f.text}
		if len(f.keys) == 1 {
			p.Key = f.keys[0]
		}
		problems = append(problems, p)
	}
	return report(problems)
}

// finding is what is wrong with one key, or with several together; then the
// text names them itself.
type finding struct {
	keys []string
	text string
}

func about(key, format string, args ...any) finding {
	return finding{keys: []string{key}, text: fmt.Sprintf(format, args...)}
}

func (c Config) findings() []finding {
	var all []finding
	check := func(key string, err error) {
		if err != nil {
			all = append(all, about(key, "%s", err))
		}
	}
	if c.DataDir == "" {
		all = append(all, about("data_dir", "is empty and no home directory is known: set it"))
	}
	check("listen", checkAddress(c.Listen))
	check("public_url", optional(c.PublicURL, checkPublicURL))
	check("network", checkChoice(string(c.Network), c.Network.choices()))
	check("sandbox.listen", checkLoopback(c.Sandbox.Listen))
	check("sandbox.url", optional(c.Sandbox.URL, checkSandboxURL))
	check("log.format", checkChoice(string(c.Log.Format), c.Log.Format.choices()))
	check("admin.token", optional(c.Admin.Token, checkToken))
	check("webhook.proxy", optional(c.Webhook.Proxy, checkProxy))
	check("whatsapp.version", optional(c.WhatsApp.Version, checkVersion))
	check("whatsapp.proxy", optional(c.WhatsApp.Proxy, checkProxy))
	check("store.key", optional(c.Store.Key, checkStoreKey))
	check("store.key_credential", optional(c.Store.KeyCredential, checkCredential))
	all = append(all, c.NATS.findings()...)
	all = append(all, c.Webhook.findings()...)
	all = append(all, c.Store.findings()...)
	all = append(all, c.positive()...)
	return append(all, c.relations()...)
}

// positive checks the durations, numbers and sizes.
func (c Config) positive() []finding {
	var all []finding
	for _, k := range keys {
		switch v := k.in(&c).Interface().(type) {
		case time.Duration:
			if v <= 0 {
				all = append(all, about(k.path, "must be longer than 0"))
			}
		case []time.Duration:
			for _, d := range v {
				if d <= 0 {
					all = append(all, about(k.path, "each entry must be longer than 0"))
					break
				}
			}
		case int:
			if v < 1 {
				all = append(all, about(k.path, "must be at least 1"))
			}
		case Size:
			if v < MiB {
				all = append(all, about(k.path, "must be at least 1MiB"))
			}
		}
	}
	return all
}

// relations checks the keys that bound each other.
func (c Config) relations() []finding {
	var all []finding
	if n := c.Connection; n.RetryMin > n.RetryMax {
		all = append(all, finding{
			keys: []string{"connection.retry_min", "connection.retry_max"},
			text: fmt.Sprintf("connection.retry_min (%s) is longer than connection.retry_max (%s): lower one or raise the other", short(n.RetryMin), short(n.RetryMax)),
		})
	}
	if w := c.Webhook; w.PerEndpoint > w.MaxInFlight {
		all = append(all, finding{
			keys: []string{"webhook.per_endpoint", "webhook.max_in_flight"},
			text: fmt.Sprintf("webhook.per_endpoint (%d) is more than webhook.max_in_flight (%d): lower one or raise the other", w.PerEndpoint, w.MaxInFlight),
		})
	}
	if f := c.Files; f.PerInstance > f.Total {
		all = append(all, finding{
			keys: []string{"files.per_instance", "files.total"},
			text: fmt.Sprintf("files.per_instance (%s) is more than files.total (%s): lower one or raise the other", f.PerInstance, f.Total),
		})
	}
	if len(c.Webhook.Schedule) == 0 {
		all = append(all, about("webhook.schedule", "is empty: give at least one wait, as in [1h]"))
	}
	return all
}

func (w *Webhook) findings() []finding {
	switch {
	case w.ClientCertFile != "" && w.ClientKeyFile == "":
		return []finding{about("webhook.client_cert_file", "needs webhook.client_key_file beside it")}
	case w.ClientKeyFile != "" && w.ClientCertFile == "":
		return []finding{about("webhook.client_key_file", "needs webhook.client_cert_file beside it")}
	}
	return nil
}

func (s *Store) findings() []finding {
	var set []string
	for _, k := range []struct {
		path string
		set  bool
	}{
		{"store.key", s.Key != ""},
		{"store.key_file", s.KeyFile != ""},
		{"store.key_credential", s.KeyCredential != ""},
	} {
		if k.set {
			set = append(set, k.path)
		}
	}
	if len(set) < 2 {
		return nil
	}
	return []finding{{
		keys: set,
		text: strings.Join(set, " and ") + " are set: keep the one that holds the key of the database",
	}}
}

func (n *NATS) findings() []finding {
	var all []finding
	if err := checkAddress(n.Listen); err != nil {
		all = append(all, about("nats.listen", "%s", err))
	}
	if err := optional(n.URL, checkServers); err != nil {
		all = append(all, about("nats.url", "%s", err))
	}
	if n.Password != "" && n.User == "" {
		all = append(all, about("nats.password", "needs nats.user beside it"))
	}
	var logins []string
	for _, k := range []struct {
		path       string
		set, login bool
	}{
		{"nats.user", n.User != "", true},
		{"nats.token", n.Token != "", true},
		{"nats.credentials_file", n.CredentialsFile != "", true},
		{"nats.ca_file", n.CAFile != "", false},
	} {
		if k.set && n.URL == "" {
			all = append(all, about(k.path, "is for an external server: set nats.url too, or remove this; the embedded server makes its own credentials"))
		}
		if k.set && k.login {
			logins = append(logins, k.path)
		}
	}
	if len(logins) > 1 {
		all = append(all, finding{
			keys: logins,
			text: strings.Join(logins, " and ") + " are set: keep the one that the server wants",
		})
	}
	return all
}
