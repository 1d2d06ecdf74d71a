package configs

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
)

// DefaultDataDir is where the daemon keeps its data when it was told nothing,
// by the platform's convention: /var/lib/switchhook for root; for a user
// $XDG_STATE_HOME/switchhook, by default ~/.local/state/switchhook. macOS has
// ~/Library/Application Support/Switchhook and Windows %LocalAppData%\Switchhook.
// It is empty when no home directory is known.
func DefaultDataDir() string {
	return dataDir(runtime.GOOS, os.Geteuid(), os.Getenv, homeDir)
}

func dataDir(goos string, euid int, env func(string) string, home func() string) string {
	switch goos {
	case "windows":
		return below(env("LocalAppData"), "Switchhook")
	case "darwin":
		return below(home(), "Library", "Application Support", "Switchhook")
	}
	if euid == 0 {
		return "/var/lib/switchhook"
	}
	// The specification says to ignore a path that is not absolute.
	if state := env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return below(state, "switchhook")
	}
	return below(home(), ".local", "state", "switchhook")
}

// homeDir asks the user database when $HOME is unset, as it is for services.
func homeDir() string {
	if dir, err := os.UserHomeDir(); err == nil {
		return dir
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// below joins elem to base, and is empty if base is: a data directory must not
// depend on the working directory.
func below(base string, elem ...string) string {
	if base == "" {
		return ""
	}
	return filepath.Join(append([]string{base}, elem...)...)
}
