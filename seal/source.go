package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Source says where the operator's key comes from. At most one of Value, File
// and Credential is set; with none, it is the file Default.
type Source struct {
	Value          string // the key itself, from the environment; a secret
	File           string
	Credential     string // a file in CredentialsDir
	CredentialsDir string // $CREDENTIALS_DIRECTORY, which systemd sets
	Default        string
}

// Found is a key and where it came from.
type Found struct {
	Key  Key
	From string // for people: "the file /…", "the environment"
	// File is the path of a key file that the daemon may replace; empty for a
	// key that somebody else provides.
	File string
}

// MissingError says that no key is where it was looked for. Nothing sealed can
// be read without it.
type MissingError struct {
	From string
	Err  error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no key in %s", e.From)
}

// Unwrap answers what the system said.
func (e *MissingError) Unwrap() error { return e.Err }

// Find reads the key. One that is not there is a [*MissingError].
func (s Source) Find() (Found, error) {
	switch {
	case s.Value != "":
		key, err := ParseKey(s.Value)
		if err != nil {
			return Found{}, fmt.Errorf("store.key (SWITCHHOOK_STORE_KEY): %w", err)
		}
		return Found{Key: key, From: "store.key (SWITCHHOOK_STORE_KEY)"}, nil
	case s.Credential != "":
		return s.credential()
	case s.File != "":
		return file(s.File, "the file "+s.File+" (store.key_file)")
	default:
		return file(s.Default, "the file "+s.Default)
	}
}

func (s Source) credential() (Found, error) {
	from := "the systemd credential " + s.Credential + " (store.key_credential)"
	if s.CredentialsDir == "" {
		return Found{}, &MissingError{from, errors.New("CREDENTIALS_DIRECTORY is not set")}
	}
	// systemd lets the service's user in by an access list, whose mask shows as
	// the group's bits.
	key, err := readFile(filepath.Join(s.CredentialsDir, s.Credential), 0o007)
	if errors.Is(err, fs.ErrNotExist) {
		return Found{}, &MissingError{from, err}
	}
	return Found{Key: key, From: from}, err
}

func file(path, from string) (Found, error) {
	key, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Found{}, &MissingError{from, err}
	}
	return Found{Key: key, From: from, File: path}, err
}
