package files

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
)

// maxName bounds a file's name. Common file systems take 255 bytes.
const maxName = 120

// tempPrefix begins the names of files that are being written. No cleaned name
// begins with a dot.
const tempPrefix = ".writing-"

// Clean makes a safe name of any text: ASCII letters, digits, dots, dashes and
// underscores, at most 120 of them, not beginning with a dot or dash and not a name
// that Windows keeps for a device. A name that is all that stays as it is; another
// gets a mark of its own, so that two different names never become one. The
// extension stays.
func Clean(name string) string {
	if len(name) <= maxName && plain(name) && !reserved(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	mark := "-" + hex.EncodeToString(sum[:8])
	ext := path.Ext(name)
	stem := keep(strings.TrimSuffix(name, ext))
	if ext = keep(ext); ext != "" {
		ext = "." + ext[:min(len(ext), 12)]
	}
	stem = "file-" + stem
	return stem[:min(len(stem), maxName-len(mark)-len(ext))] + mark + ext
}

// keep is the text without what a clean name may not hold.
func keep(text string) string {
	return strings.Map(func(r rune) rune {
		if safe(r) && r != '.' {
			return r
		}
		return -1
	}, text)
}

func safe(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_'
}

// plain reports whether a name can be one element of a path on every system.
func plain(name string) bool {
	if name == "" || name[0] == '.' || name[0] == '-' || name[len(name)-1] == '.' || len(name) > maxName {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return !safe(r) }) < 0
}

// reserved reports whether Windows keeps the name for a device, with whatever
// extension.
func reserved(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	digit, ok := strings.CutPrefix(stem, "com")
	if !ok {
		digit, ok = strings.CutPrefix(stem, "lpt")
	}
	return ok && len(digit) == 1 && digit[0] >= '0' && digit[0] <= '9'
}
