package record_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

func endpoint() record.Endpoint {
	return record.Endpoint{
		ID: "ep1", Name: "erp", Stream: "k3f9", Tenant: "acme", URL: "https://example.org", Format: "witi", Version: "1.1",
		Secrets: []string{"a", "b"}, Retiring: []record.Retiring{{Secret: "c", Until: moment}},
		Headers: map[string]string{"X-Key": "hunter2"}, Bearer: "t0ken",
		Filter:  record.Filter{Kinds: []string{"message.*"}, States: []fsm.State{fsm.Authenticated}},
		Bulk:    &record.Bulk{Most: 50, Wait: 500 * time.Millisecond},
		Timeout: time.Second, InFlight: 2, Schedule: []time.Duration{time.Second, time.Minute}, Horizon: time.Hour,
		Jitter: new(0), FollowRedirects: true, Disabled: "410 Gone", Gone: true, CreatedAt: moment,
	}
}

func lane() record.Lane {
	return record.Lane{
		Endpoint: "ep1", Stream: "k3f9", Acked: 7, Prev: 6, Replay: "r1", Until: 90, From: 5,
		Attempts: 2, Step: 3, FirstAt: moment, NextAt: moment.Add(time.Minute), LastError: "503", BatchTo: 9, Receipts: []int64{5121},
		Tries: []record.Try{try()},
	}
}

func try() record.Try {
	return record.Try{At: moment, Seq: 8, Status: 503, Error: "503", Took: time.Second, Answer: "busy"}
}

// A lane's end is a request to the store and nothing to be kept.
func TestEndedIsNotStored(t *testing.T) {
	l := lane()
	l.Ended = true
	b, err := json.Marshal(l)
	if err != nil || strings.Contains(strings.ToLower(string(b)), "ended") {
		t.Errorf("%s, %v", b, err)
	}
}

// What an endpoint leaves to the format or to the configuration takes no room.
func TestUnsetIsNotWritten(t *testing.T) {
	for _, v := range []any{record.Endpoint{}, record.Lane{}, record.DeadLetter{}, record.Try{}} {
		b, err := json.Marshal(v)
		if err != nil || strings.Contains(string(b), "filter") || strings.Contains(string(b), "jitter") ||
			strings.Contains(string(b), "next_at") || strings.Contains(string(b), "last") || strings.Contains(string(b), "bulk") {
			t.Errorf("%T: %s, %v", v, b, err)
		}
	}
}

func TestFilterLets(t *testing.T) {
	to := func(s fsm.State) *record.Event {
		return &record.Event{Kind: record.ConnectionChanged, Transition: &fsm.Transition{From: fsm.Starting, To: s}}
	}
	plain := func(k record.Kind) *record.Event { return &record.Event{Kind: k} }
	only := func(kinds ...string) record.Filter { return record.Filter{Kinds: kinds} }
	states := record.Filter{States: []fsm.State{fsm.Authenticated, fsm.NotAuthenticated}}
	both := record.Filter{Kinds: []string{"connection.changed", "message.*"}, States: []fsm.State{fsm.Authenticated}}
	for name, c := range map[string]struct {
		filter record.Filter
		event  *record.Event
		want   bool
	}{
		"zero lets all":                     {record.Filter{}, plain(record.MessageText), true},
		"zero lets transitions":             {record.Filter{}, to(fsm.Connecting), true},
		"the kind":                          {only("qr.issued"), plain(record.QRIssued), true},
		"another kind":                      {only("qr.issued"), plain(record.MessageText), false},
		"one of two":                        {only("qr.issued", "message.text"), plain(record.MessageText), true},
		"a beginning":                       {only("message.*"), plain(record.MessageText), true},
		"another beginning":                 {only("message.*"), plain(record.QRIssued), false},
		"a beginning within a word":         {only("message.re*"), plain(record.MessageReceipt), true},
		"a beginning without its asterisk":  {only("message."), plain(record.MessageText), false},
		"a kind is no beginning of another": {only("endpoint"), plain(record.EndpointTest), false},
		"of a tenant":                       {only("qrdl.*"), plain(record.QRDLScanned), true},
		"of an account":                     {only("profile.*"), plain(record.ProfileApplied), true},
		"about a tenant":                    {only("qrdl.*"), plain(record.TenantChanged), false},
		"everything":                        {only("*"), plain(record.DaemonStarted), true},
		"the state":                         {states, to(fsm.Authenticated), true},
		"another state":                     {states, to(fsm.Connecting), false},
		"no state":                          {states, plain(record.MessageText), true},
		"a transition without its record":   {states, plain(record.ConnectionChanged), true},
		"both":                              {both, to(fsm.Authenticated), true},
		"both, another state":               {both, to(fsm.Starting), false},
		"both, another kind":                {both, plain(record.QRIssued), false},
		"both, no state":                    {both, plain(record.MessageSent), true},
		"the state, another kind":           {record.Filter{Kinds: []string{"qr.issued"}, States: states.States}, to(fsm.Authenticated), false},
	} {
		if got := c.filter.Lets(c.event); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestFilterCheck(t *testing.T) {
	for name, c := range map[string]struct {
		filter record.Filter
		want   []string // what the error names; none: it is good
	}{
		"zero":              {record.Filter{}, nil},
		"kinds":             {record.Filter{Kinds: []string{"qr.issued", "message.*", "*", "endpoint.gave_up", "qrdl.*", "tenant.*", "qrdl.scanned", "profile.*", "profile.updated"}}, nil},
		"states":            {record.Filter{States: []fsm.State{fsm.NoConnection, fsm.NotAuthenticated}}, nil},
		"an unknown kind":   {record.Filter{Kinds: []string{"qr.issued", "qr.isued"}}, []string{`"qr.isued"`, "qr.issued", "message.text"}},
		"a kind's group":    {record.Filter{Kinds: []string{"message"}}, []string{`"message"`, "message.*"}},
		"nothing begins so": {record.Filter{Kinds: []string{"chat.*"}}, []string{`"chat.*"`}},
		"another asterisk":  {record.Filter{Kinds: []string{"*.text"}}, []string{`"*.text"`}},
		"another case":      {record.Filter{Kinds: []string{"Message.Text"}}, []string{`"Message.Text"`}},
		"empty":             {record.Filter{Kinds: []string{""}}, []string{`""`}},
		"an unknown state":  {record.Filter{States: []fsm.State{fsm.Starting, 7}}, []string{"7", "0, 1, 2, 3, 4, 10, 11, 13"}},
	} {
		err := c.filter.Check()
		if (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not name %s", name, err, word)
			}
		}
	}
}

// Every constant of the type Kind is known, and nothing else is.
func TestKindsAreAll(t *testing.T) {
	var declared []string
	for _, f := range sources(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Kind" {
				return true
			}
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, text)
			}
			return true
		})
	}
	known := make([]string, 0, len(declared))
	for _, k := range record.Kinds() {
		known = append(known, string(k))
	}
	if !slices.IsSorted(known) {
		t.Error("the kinds are not in order")
	}
	slices.Sort(declared)
	if len(declared) < 20 || !slices.Equal(known, declared) {
		t.Errorf("known are %v, declared %v", known, declared)
	}
	record.Kinds()[0] = "changed"
	if record.Kinds()[0] == "changed" {
		t.Error("the list is the caller's to change")
	}
}

// sources parses the package, tests aside.
func sources(t *testing.T) (out []*ast.File) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func TestSigning(t *testing.T) {
	e := record.Endpoint{
		Secrets: []string{"new", "other"},
		Retiring: []record.Retiring{
			{Secret: "last", Until: moment.Add(time.Hour)},
			{Secret: "before", Until: moment},
		},
	}
	for at, want := range map[time.Duration][]string{
		-time.Minute:                {"new", "other", "last", "before"},
		-1:                          {"new", "other", "last", "before"},
		0:                           {"new", "other", "last"}, // its time has come
		time.Minute:                 {"new", "other", "last"},
		time.Hour - time.Nanosecond: {"new", "other", "last"},
		time.Hour:                   {"new", "other"},
		1000 * time.Hour:            {"new", "other"},
	} {
		if got := e.Signing(moment.Add(at)); !slices.Equal(got, want) {
			t.Errorf("after %v %v sign", at, got)
		}
	}
	// The answer is built beside the endpoint's own list, also where that has room.
	e.Secrets = append(make([]string, 0, 9), "new")
	first := e.Signing(moment.Add(-1))
	if second := e.Signing(moment); len(first) != 3 || len(second) != 2 || first[2] != "before" || len(e.Secrets) != 1 {
		t.Errorf("%v, %v, %v", first, second, e.Secrets)
	}
	if none := new(record.Endpoint).Signing(moment); len(none) != 0 {
		t.Errorf("an endpoint without secrets signs by %v", none)
	}
}
