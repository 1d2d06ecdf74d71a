package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// maxFile bounds the configuration file: the sample has a hundredth of it.
const maxFile = 1 << 20

// Load makes a configuration from the defaults, the file at path and the
// environment env, written as os.Environ does. With an empty path there is no
// file. The result is valid; a file that it names (a token, credentials,
// certificates) exists, and admin.token_file has been read.
//
// An error about what is written is an [*Error]; a file that cannot be read at
// all gives the os error, wrapped.
func Load(path string, env []string) (Config, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return Config{}, fmt.Errorf("read configuration: %w", err)
		}
	}
	l := newLoader(path)
	l.file(data)
	l.environ(env)
	l.finish()
	l.files()
	return l.result()
}

// parse is Load without the disk.
func parse(name string, data []byte, env []string) (Config, error) {
	l := newLoader(name)
	l.file(data)
	l.environ(env)
	l.finish()
	return l.result()
}

// loader fills a Config and remembers where each value came from.
type loader struct {
	config   Config
	name     string             // of the file
	origin   map[string]Problem // by key: where it was set; Text is empty
	failed   map[string]bool    // keys whose value could not be used
	problems []Problem
}

func newLoader(name string) *loader {
	return &loader{
		config: Default(),
		name:   name,
		origin: make(map[string]Problem),
		failed: make(map[string]bool),
	}
}

func (l *loader) result() (Config, error) {
	if err := report(l.problems); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// environ applies the variables, in the order of their names.
func (l *loader) environ(env []string) {
	values := make(map[string]string) // of a name given twice the last counts, as for os/exec
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, EnvPrefix) && !foreign(name, value) {
			values[name] = value
		}
	}
	for _, k := range keys {
		value, ok := values[k.env]
		if !ok {
			continue
		}
		delete(values, k.env)
		delete(l.failed, k.path)
		l.origin[k.path] = Problem{Variable: k.env}
		if err := setVariable(k.in(&l.config), value); err != nil {
			l.failed[k.path] = true
			l.problems = append(l.problems, Problem{Variable: k.env, Key: k.path, Text: err.Error()})
		}
	}
	for name := range values {
		l.problems = append(l.problems, Problem{Variable: display(name), Text: unknownVariable(name)})
	}
}

func unknownVariable(name string) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.env)
	}
	if len(name) > maxName {
		return "is not a variable of Switchhook: unset it"
	}
	best, _ := nearest(name, names)
	return "is not a variable of Switchhook: unset it; the nearest name is " + best
}

// maxName bounds the names that a suggestion is looked for.
const maxName = 100

// commandLine are the variables that the command line reads as flags.
var commandLine = []string{"SWITCHHOOK_CONFIG", "SWITCHHOOK_DATA", "SWITCHHOOK_URL", "SWITCHHOOK_TOKEN"}

// kubernetes matches what Kubernetes puts into every pod of a namespace with a
// service called switchhook or switchhook-anything.
var kubernetes = regexp.MustCompile(`^SWITCHHOOK_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$`)

// foreign reports whether a variable is none of the configuration's business:
// the command line's, the tests' (SWITCHHOOK_TEST_…) or Kubernetes'.
func foreign(name, value string) bool {
	if slices.Contains(commandLine, name) || strings.HasPrefix(name, EnvPrefix+"TEST_") || kubernetes.MatchString(name) {
		return true
	}
	// Kubernetes' SWITCHHOOK_NATS_PORT holds tcp://10.0.0.1:4222. With 4222 in
	// it, it was written by someone who looks for nats.listen.
	return strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// finish fills in what stands for something else and checks the whole.
func (l *loader) finish() {
	if l.config.DataDir == "" {
		l.config.DataDir = DefaultDataDir()
	}
	l.config.PublicURL = strings.TrimRight(l.config.PublicURL, "/")
	for _, f := range l.config.findings() {
		if !slices.ContainsFunc(f.keys, func(k string) bool { return l.failed[k] }) {
			l.add(f)
		}
	}
}

// files reads the files that the configuration names.
func (l *loader) files() {
	c := &l.config
	if err := l.token(); err != nil {
		l.add(about("admin.token_file", "%s: %s", quote(c.Admin.TokenFile), reason(err)))
	}
	for _, f := range []struct{ key, path string }{
		{"nats.credentials_file", c.NATS.CredentialsFile},
		{"nats.ca_file", c.NATS.CAFile},
		{"webhook.ca_file", c.Webhook.CAFile},
		{"webhook.client_cert_file", c.Webhook.ClientCertFile},
		{"webhook.client_key_file", c.Webhook.ClientKeyFile},
	} {
		if f.path == "" {
			continue
		}
		if _, err := readFile(f.path); err != nil {
			l.add(about(f.key, "%s: %s", quote(f.path), reason(err)))
		}
	}
}

// token reads admin.token_file into admin.token.
func (l *loader) token() error {
	admin := &l.config.Admin
	switch {
	case admin.TokenFile == "":
		return nil
	case admin.Token != "":
		l.add(finding{
			keys: []string{"admin.token_file", "admin.token"},
			text: "admin.token and admin.token_file are both set: remove one",
		})
		return nil
	}
	data, err := readFile(admin.TokenFile)
	if err != nil {
		return err
	}
	admin.Token = Secret(strings.TrimSpace(string(data)))
	return checkToken(admin.Token)
}

// add makes a problem of a finding, at the place where the first of its keys
// that was set at all was set.
func (l *loader) add(f finding) {
	p := Problem{}
	for _, k := range f.keys {
		if from, ok := l.origin[k]; ok {
			p = from
			break
		}
	}
	p.Text = f.text
	if len(f.keys) == 1 {
		p.Key = f.keys[0]
	}
	l.problems = append(l.problems, p)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, errors.New("larger than 1MiB: is it the right file?")
	}
	return data, nil
}

// reason is an error without the path, which the message names already.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
