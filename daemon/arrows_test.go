package daemon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the table of ARCHITECTURE.md: which rooms of ours each room's
// code, tests aside, may know.
var mayImport = map[string][]string{
	"fsm":                    {},
	"fsm/gen":                {"fsm", "fsm/internal/statesdoc", "internal/gendoc"},
	"fsm/internal/statesdoc": {"fsm"},
	"record":                 {"fsm"},
	"record/recordtest":      {"fsm", "record"},
	"instance":               {"fsm", "record"},
	"whatsapp":               {"fsm", "record", "instance", "whatsapp/devicestore"},
	"whatsapp/devicestore":   {"record"},
	"sandbox":                {},
	"store":                  {"fsm", "record"},
	"files":                  {"record"},
	"picture":                {},
	"seal":                   {},
	"outbox":                 {"fsm", "record"},
	"queue":                  {"record"},
	"webhook":                {"fsm", "record", "outbox"},
	"bus":                    {"fsm", "record"},
	"web":                    {},
	"configs":                {},
	"schemas":                {},
	"internal/eventsdoc":     {"record", "record/recordtest", "fsm", "outbox", "webhook", "api/witi", "api/greenapi/notify", "api/tencent/callback"},
	"api":                    {"fsm", "record", "instance", "web", "api/witi", "api/greenapi", "api/cams", "api/tencent", "api/qrcode", "api/internal/linkpage", "api/internal/reply"},
	"api/internal/linkpage":  {},
	"api/greenapi":           {"fsm", "record", "instance", "api/qrcode", "api/internal/rates", "api/internal/reply"},
	"api/cams":               {"record", "instance", "api/internal/rates", "api/internal/reply"},
	"api/tencent":            {"record", "instance", "api/internal/rates", "api/internal/reply"},
	"api/witi":               {"fsm", "record", "instance", "api/qrcode", "api/internal/reply"},
	"api/greenapi/notify":    {"record", "api/greenapi", "api/internal/reply"},
	"api/tencent/callback":   {"record", "api/internal/reply"},
	"api/client":             {"api", "instance", "fsm", "record"},
	"api/qrcode":             {"record"},
	"api/internal/rates":     {},
	"api/internal/reply":     {},
}

// clientLibrary is what only whatsapp may import: the client itself. Its codings are
// the sandbox's, too. The benchmark measures it alone, beside us.
const clientLibrary = "go.mau.fi/whatsmeow"

func TestArrows(t *testing.T) {
	const module = "github.com/switchhook/switchhook/"
	root := ".."
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		room := path.Dir(filepath.ToSlash(rel))
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			target, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if target == clientLibrary && room != "whatsapp" && room != "internal/bench" {
				t.Errorf("%s imports %s: only whatsapp may", rel, target)
			}
			ours, ok := strings.CutPrefix(target, module)
			allowed, bound := mayImport[room]
			if ok && bound && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s: the arrow is not in ARCHITECTURE.md", rel, ours)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
