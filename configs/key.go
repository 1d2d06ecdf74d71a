package configs

import (
	"reflect"
	"strings"
)

// EnvPrefix begins the name of every environment variable.
const EnvPrefix = "SWITCHHOOK_"

// key is one value of the configuration.
type key struct {
	path  string // as in the file: nats.url
	env   string // as in the environment: SWITCHHOOK_NATS_URL
	index []int  // of its field in Config, for reflect
}

// keys are all keys, in the order of Config; sections are the paths that hold
// keys, the root being "".
var keys, sections = func() ([]key, map[string]bool) {
	var list []key
	groups := map[string]bool{"": true}
	var walk func(t reflect.Type, path string, index []int)
	walk = func(t reflect.Type, path string, index []int) {
		for f := range t.Fields() {
			at := join(path, f.Tag.Get("yaml"))
			here := append(append([]int(nil), index...), f.Index...)
			if f.Type.Kind() == reflect.Struct {
				groups[at] = true
				walk(f.Type, at, here)
				continue
			}
			env := EnvPrefix + strings.ToUpper(strings.ReplaceAll(at, ".", "_"))
			list = append(list, key{path: at, env: env, index: here})
		}
	}
	walk(reflect.TypeFor[Config](), "", nil)
	return list, groups
}()

func findKey(path string) (key, bool) {
	for _, k := range keys {
		if k.path == path {
			return k, true
		}
	}
	return key{}, false
}

// in is the key's field in c, settable.
func (k key) in(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().FieldByIndex(k.index) }

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

// children are the names directly below a section.
func children(section string) []string {
	var names []string
	for _, k := range keys {
		rest := k.path
		if section != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(k.path, section+"."); !ok {
				continue
			}
		}
		name, _, _ := strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	return names
}

// nearest is the candidate with the fewest edits from word, and their number.
func nearest(word string, candidates []string) (best string, edits int) {
	for _, c := range candidates {
		if d := distance(word, c); best == "" || d < edits {
			best, edits = c, d
		}
	}
	return best, edits
}

// distance counts the insertions, deletions and substitutions that turn a into
// b (Levenshtein), by bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
