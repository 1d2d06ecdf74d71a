package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

// TestFields: the schemas name the fields that the types have, no more and no fewer,
// the hidden ones aside.
func TestFields(t *testing.T) {
	defs := read(t, "standard.json")["$defs"].(object)
	for name, want := range map[string][]string{
		"transition": fields[fsm.Transition](),
		"connection": fields[record.Info]("webhook"),
		"message":    fields[record.Message](),
		"media":      fields[record.Media]("ref"),
		"endpoint":   fields[record.EndpointFact](),
		"qrdl":       fields[record.QRDLFact](),
		"tenant":     fields[record.TenantFact](),
		"profile":    fields[record.ProfileFact](),
		"applied":    fields[record.AppliedFact](),
	} {
		if got := named(defs[name]); !slices.Equal(got, want) {
			t.Errorf("%s names %q, the type has %q", name, got, want)
		}
	}
	connection := defs["connection"].(object)["properties"].(object)
	for name, want := range map[string][]string{
		"stats": fields[record.Stats](), "storage": fields[record.Tree](),
	} {
		if got := named(connection[name]); !slices.Equal(got, want) {
			t.Errorf("%s names %q, the type has %q", name, got, want)
		}
	}
	detail := defs["data.picture.updated"].(object)["properties"].(object)["detail"]
	if got, want := named(detail), fields[record.PictureFact](); !slices.Equal(got, want) {
		t.Errorf("picture.updated names %q, the type has %q", got, want)
	}
}

func named(schema any) []string {
	return slices.Sorted(maps.Keys(schema.(object)["properties"].(object)))
}

func fields[T any](hidden ...string) (names []string) {
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !slices.Contains(hidden, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestEnumerations: the states, causes and events are those of the table.
func TestEnumerations(t *testing.T) {
	defs := read(t, "standard.json")["$defs"].(object)
	transition := defs["transition"].(object)["properties"].(object)
	same(t, "states", defs["state"], fsm.States()...)
	same(t, "events", transition["event"], fsm.Events()...)
	same(t, "causes", transition["cause"], fsm.Causes()...)
	same(t, "causes of a connection", defs["connection"].(object)["properties"].(object)["cause"], append([]fsm.Cause{""}, fsm.Causes()...)...)

	status := read(t, "witi.json")["$defs"].(object)["status"].(object)["properties"].(object)
	var words []string
	for _, s := range fsm.States() {
		words = append(words, s.String())
	}
	same(t, "states in WITI's format", status["status"], fsm.States()...)
	same(t, "words in WITI's format", status["statusString"], words...)
}

func same[T any](t *testing.T, what string, schema any, want ...T) {
	t.Helper()
	var got, all []string
	for _, v := range schema.(object)["enum"].([]any) {
		got = append(got, fmt.Sprint(v))
	}
	for _, v := range want {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Trim(string(b), `"`))
	}
	if !slices.Equal(got, all) {
		t.Errorf("%s are %q, want %q", what, got, all)
	}
}

// TestKinds: each kind has a schema in both formats that carry it.
func TestKinds(t *testing.T) {
	var want []string
	for _, s := range recordtest.Samples() {
		want = append(want, string(s.Event.Kind))
	}
	slices.Sort(want)
	want = slices.Compact(want)
	for file, prefix := range map[string]string{"standard.json": "", "cloudevents.json": "io.github.switchhook."} {
		doc := read(t, file)
		var got []string
		for _, one := range doc["oneOf"].([]any) {
			name, _ := strings.CutPrefix(one.(object)["$ref"].(string), "#/$defs/")
			kind := doc["$defs"].(object)[name].(object)["properties"].(object)["type"].(object)["const"]
			if kind != prefix+name {
				t.Errorf("%s: %s is of type %s", file, name, kind)
			}
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s has %q, want %q", file, got, want)
		}
	}
}
