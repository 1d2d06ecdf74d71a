package fsm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

// TestStateNames pins what reaches disks and other people's software
// (WIRE.md §1.1).
func TestStateNames(t *testing.T) {
	want := []struct {
		code fsm.State
		name string
		live bool
	}{
		{0, "noConnection", false},
		{1, "webSocketOpenining", true},
		{2, "webSocketOpen", true},
		{3, "waitForQRAuthentication", true},
		{4, "Starting", true},
		{10, "WhatsAppAuthenticated", true},
		{11, "WhatsAppAuthenticatedConnectionClosed", false},
		{13, "WhatsAppNotAuthenticated", false},
	}
	if len(fsm.States()) != len(want) {
		t.Fatalf("%d states, want %d", len(fsm.States()), len(want))
	}
	for i, w := range want {
		s := fsm.States()[i]
		if s != w.code || s.String() != w.name || s.Live() != w.live || !s.Valid() {
			t.Errorf("state %d: code %d, name %s, live %t, valid %t; want %+v", i, s, s, s.Live(), s.Valid(), w)
		}
	}
	for code := range 256 {
		s := fsm.State(code)
		if s.Valid() == slices.Contains(fsm.States(), s) {
			continue
		}
		t.Errorf("Valid(%d) is %t", code, s.Valid())
	}
	if s := fsm.State(5); s.String() != "unknown state 5" || s.Live() {
		t.Errorf("5 is %q, live %t", s, s.Live())
	}
}

// TestListsAreComplete reads the constants from the source: a new one that a
// list forgets would be missing from the diagrams and the tests.
func TestListsAreComplete(t *testing.T) {
	var causes, events []string
	for _, c := range fsm.Causes() {
		causes = append(causes, string(c))
	}
	for _, e := range fsm.Events() {
		events = append(events, string(e))
	}
	if got := constants(t, "cause.go", "Cause"); !slices.Equal(got, causes) {
		t.Errorf("Causes() is %v, the constants are %v", causes, got)
	}
	if got := constants(t, "event.go", "Event"); !slices.Equal(got, events) {
		t.Errorf("Events() is %v, the constants are %v", events, got)
	}
}

func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
			v, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, v)
		}
		return true
	})
	return out
}

// TestCauses holds DESIGN.md: what fights another client or deepens a lock is
// never dialled again by itself, and whoever must act is told how.
func TestCauses(t *testing.T) {
	stay := []fsm.Cause{
		fsm.CauseOperator, fsm.CauseStreamReplaced, fsm.CauseLoggedOut, fsm.CauseTemporaryBan,
		fsm.CauseClientOutdated, fsm.CauseConnectRefused, fsm.CausePairingFailed,
		fsm.CauseQRTimeout, fsm.CauseLogoutUnconfirmed,
	}
	quiet := []fsm.Cause{fsm.CauseOperator, fsm.CauseQRTimeout}
	for _, c := range fsm.Causes() {
		if c.Retries() == slices.Contains(stay, c) {
			t.Errorf("%s: retries %t", c, c.Retries())
		}
		if !c.Retries() && c.Hint() == "" && !slices.Contains(quiet, c) {
			t.Errorf("%s waits for a person and tells nobody what to do", c)
		}
	}
	if fsm.Cause("unheard of").Hint() != "" {
		t.Error("an unknown cause has a hint")
	}
}
