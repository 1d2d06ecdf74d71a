package bus

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// credentials are the passwords of the embedded server's users, and the port it
// was found at: what a subscriber has been told stays true over a restart.
type credentials struct {
	Daemon string `json:"daemon"`
	Reader string `json:"reader"`
	Port   int    `json:"port,omitempty"`
}

const credentialsFile = "credentials.json"

// openCredentials reads the credentials, or makes and keeps new ones. Delete
// the file to have new ones at the next start.
func openCredentials(dir string) (credentials, error) {
	path := filepath.Join(dir, credentialsFile)
	var c credentials
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c = credentials{Daemon: rand.Text(), Reader: rand.Text()}
		return c, c.keep(dir)
	case err != nil:
		return c, fmt.Errorf("read the nats credentials: %w", err)
	}
	if err := json.Unmarshal(data, &c); err != nil || c.Daemon == "" || c.Reader == "" {
		return c, fmt.Errorf("the nats credentials in %s are damaged: delete the file for new ones", path)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return c, fmt.Errorf("keep the nats credentials: %w", err)
	}
	return c, nil
}

// keep writes the credentials.
func (c credentials) keep(dir string) error {
	data, err := json.Marshal(c)
	if err == nil {
		err = replaceFile(filepath.Join(dir, credentialsFile), data)
	}
	if err != nil {
		return fmt.Errorf("keep the nats credentials: %w", err)
	}
	return nil
}

// redact checks a list of broker addresses and returns it without credentials.
// Its errors hold none either.
func redact(list string) (string, error) {
	var out []string
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		u, err := url.Parse(one)
		if err != nil || u.Hostname() == "" {
			return "", errors.New("nats.url: not an address like nats://host:4222")
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return "", fmt.Errorf("nats.url: the scheme %s is none of nats, tls, ws, wss", u.Scheme)
		}
		out = append(out, u.Scheme+"://"+u.Host)
	}
	return strings.Join(out, ","), nil
}
