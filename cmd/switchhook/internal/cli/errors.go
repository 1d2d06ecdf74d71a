package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
)

// usageError is a command line that means nothing.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(c *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...) + ": see " + c.CommandPath() + " --help"}
}

// flagProblem says what is wrong with a flag, in words and not in a parser's.
func flagProblem(err error) error {
	var parser *strconv.NumError
	if !errors.As(err, &parser) {
		return err
	}
	takes := "a whole number"
	if parser.Func == "ParseBool" {
		takes = "true or false"
	}
	return errors.New(strings.TrimSuffix(err.Error(), parser.Error()) + "it takes " + takes)
}

// fileProblem is an error about a file, by the name that it was given: the
// system's own names a file beside it, or the call that failed.
func fileProblem(path string, err error) error {
	if wrapped := (*fs.PathError)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// explain puts the remedy behind an error of the daemon's client.
func (a *app) explain(err error) error {
	var none *client.UnreachedError
	var refused *client.Error
	switch {
	case errors.As(err, &none):
		return a.unreached(none)
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w: give it with --token or SWITCHHOOK_TOKEN", err)
	case errors.Is(err, instance.ErrNotFound):
		return fmt.Errorf("%w: switchhook instance list%s shows which there are", err, a.here())
	case errors.Is(err, api.ErrNoEndpoint):
		return fmt.Errorf("%w: switchhook endpoint list%s shows which there are", err, a.here())
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	}
	return err
}

// unreached says what to do when no daemon answers.
func (a *app) unreached(err *client.UnreachedError) error {
	switch {
	case a.address() != "":
		return fmt.Errorf("no daemon answers at %s (%w): check --url or SWITCHHOOK_URL, or start one there with switchhook serve", err.Where, err.Err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the daemon on %s belongs to another user: run this as that user or as root", err.Where)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the daemon on %s does not answer: see its log", err.Where)
	}
	return fmt.Errorf("no daemon runs on %s: start it with switchhook serve%s, or name another with --data or --url", filepath.Dir(err.Where), a.here())
}

// address is the daemon's URL, empty when its socket is to be used. Flags come
// before the environment.
func (a *app) address() string {
	if a.url != "" || a.data != "" {
		return a.url
	}
	return a.Getenv("SWITCHHOOK_URL")
}

// dataDir is the data directory that was named, or the default.
func (a *app) dataDir() string {
	if dir := a.namedDataDir(); dir != "" {
		return dir
	}
	return a.DefaultDataDir()
}

// namedDataDir is the data directory that was named, empty if none was.
func (a *app) namedDataDir() string {
	if a.data != "" {
		return a.data
	}
	if dir := a.Getenv("SWITCHHOOK_DATA"); dir != "" {
		return dir
	}
	return a.Getenv("SWITCHHOOK_DATA_DIR") // the daemon's own name for it
}

// here is how a further command reaches the same daemon.
func (a *app) here() string {
	switch {
	case a.url != "":
		return " --url " + quote(a.url)
	case a.data != "":
		return " --data " + quote(a.data)
	default:
		return ""
	}
}

// quote writes a word as a shell reads it.
func quote(word string) string {
	if !strings.ContainsAny(word, " '\"$&;|<>()*?[]\\`!#~\t\n") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// client makes a client of the daemon that was named.
func (a *app) client(c *cobra.Command) (*client.Client, error) {
	if a.url != "" && a.data != "" {
		return nil, usage(c, "--data and --url name two daemons: give one of them")
	}
	if address := a.address(); address != "" {
		token := a.token
		if token == "" {
			token = a.Getenv("SWITCHHOOK_TOKEN")
		}
		cl, err := client.HTTP(address, token)
		if err != nil {
			return nil, usage(c, "--url: %v", err)
		}
		return cl, nil
	}
	dir := a.dataDir()
	if dir == "" {
		return nil, errors.New("no home directory is known to look for a daemon in: name its data directory with --data")
	}
	return client.Unix(filepath.Join(dir, api.SocketName)), nil
}
