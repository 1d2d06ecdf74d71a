package greenapi

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

// TestEveryConnectionHasOneState: each code, with and without a session, for each
// cause, is in one row of the table; a new code or cause is in none.
func TestEveryConnectionHasOneState(t *testing.T) {
	used := make(map[string]bool)
	for _, code := range fsm.States() {
		for _, session := range []bool{false, true} {
			for _, cause := range fsm.Causes() {
				var in []string
				for _, row := range stateTable() {
					if row.code == code && (row.session == fsm.Either || session == (row.session == fsm.With)) &&
						(row.causes == nil || slices.Contains(row.causes, cause)) {
						in = append(in, row.state)
					}
				}
				if len(in) != 1 {
					t.Errorf("%d, session %t, %s is in the rows %v", code, session, cause, in)
					continue
				}
				if got := State(code, cause, session); got != in[0] {
					t.Errorf("%d, session %t, %s is %s, the table says %s", code, session, cause, got, in[0])
				}
				used[in[0]] = true
			}
		}
	}
	for _, s := range []string{StateNotAuthorized, StateAuthorized, StateBlocked, StateSleepMode, StateStarting, StateYellowCard} {
		if !used[s] {
			t.Errorf("nothing is %s", s)
		}
	}
}

// TestCausesAreSortedAsTheyAct: what comes back by itself is starting, what does not
// is not.
func TestCausesAreSortedAsTheyAct(t *testing.T) {
	for _, cause := range fsm.Causes() {
		if got := State(fsm.AuthenticatedClosed, cause, true) == StateStarting; got != cause.Retries() {
			t.Errorf("%s comes back by itself: %t, and is called starting: %t", cause, cause.Retries(), got)
		}
	}
}

func TestStateOfWhatIsNew(t *testing.T) {
	for _, c := range []struct {
		code    fsm.State
		cause   fsm.Cause
		session bool
		want    string
	}{
		{fsm.NoConnection, "", false, StateNotAuthorized},
		{fsm.AuthenticatedClosed, "", true, StateStarting},
		{fsm.Authenticated, "", true, StateAuthorized},
		{fsm.Authenticated, fsm.CauseProgress, true, StateAuthorized},
		{7, fsm.CauseProgress, true, StateNotAuthorized},
		{fsm.NoConnection, fsm.CauseTemporaryBan, false, StateBlocked},
		{fsm.AuthenticatedClosed, fsm.CauseTemporaryBan, true, StateYellowCard},
		{fsm.AuthenticatedClosed, fsm.CauseStreamReplaced, true, StateSleepMode},
		{fsm.AuthenticatedClosed, fsm.CauseRestart, true, StateStarting},
		{fsm.NoConnection, fsm.CauseOperator, true, StateSleepMode},
	} {
		if got := State(c.code, c.cause, c.session); got != c.want {
			t.Errorf("%d, %q, session %t: %s, want %s", c.code, c.cause, c.session, got, c.want)
		}
	}
	if Status(fsm.Authenticated) != StatusOnline || Status(fsm.Starting) != StatusOffline || Status(fsm.AuthenticatedClosed) != StatusOffline {
		t.Error("online is 10 and nothing else")
	}
}

// statesDoc is the table as docs/greenapi.md has it.
func statesDoc() string {
	var b strings.Builder
	b.WriteString("| our state | a session | cause | GREEN-API's | which means |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range stateTable() {
		session := map[fsm.Session]string{fsm.Either: "either", fsm.With: "yes", fsm.Without: "no"}[row.session]
		cause := "any"
		if row.causes != nil {
			var names []string
			for _, c := range row.causes {
				names = append(names, "`"+string(c)+"`")
			}
			cause = strings.Join(names, ", ")
		}
		if len(row.causes) == len(fsm.Causes())-len(ban) {
			cause = "any but `temporary_ban`"
		}
		fmt.Fprintf(&b, "| %d `%s` | %s | %s | `%s` | %s |\n", row.code, row.code, session, cause, row.state, row.why)
	}
	return b.String()
}

func TestStatesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/greenapi.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := statesDoc(); !strings.Contains(string(doc), want) {
		t.Errorf("docs/greenapi.md does not have this table:\n%s", want)
	}
}

// TestMethodsAreDocumented: each method and each setting is in docs/greenapi.md.
func TestMethodsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/greenapi.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range methods {
		if !strings.Contains(string(doc), "`"+m.name+"`") {
			t.Errorf("the method %s is missing", m.name)
		}
	}
	for _, s := range settingTable {
		if !strings.Contains(string(doc), "`"+s.name+"`") {
			t.Errorf("the setting %s is missing", s.name)
		}
	}
}
