package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
)

func TestKeyDenies(t *testing.T) {
	const action = "cams:UpdatePhoneMessageQrdl"
	for deny, want := range map[string]bool{
		action:                         true,
		"CAMS:updatephonemessageqrdl":  true,
		"cams:*":                       true,
		"cams:Update*":                 true,
		"*":                            true,
		"cams:UpdatePhoneMessageQrdl*": true,
		"cams:UpdatePhoneMessageQrdls": false,
		"cams:UpdatePhoneMessage":      false,
		"cams:Create*":                 false,
		"":                             false,
	} {
		k := record.AccessKey{Deny: []string{"cams:DeletePhoneMessageQrdl", deny}}
		if k.Denied(action) != want {
			t.Errorf("%q denies: %t", deny, !want)
		}
	}
	if k := (record.AccessKey{}); k.Denied(action) {
		t.Error("a key denies what it was told nothing of")
	}
}

func TestKeyIsActive(t *testing.T) {
	for _, c := range []struct {
		key  record.AccessKey
		want bool
	}{
		{record.AccessKey{}, true},
		{record.AccessKey{Disabled: true}, false},
		{record.AccessKey{Until: moment.Add(time.Nanosecond)}, true},
		{record.AccessKey{Until: moment}, false},
		{record.AccessKey{Until: moment.Add(time.Hour), Disabled: true}, false},
	} {
		if c.key.Active(moment) != c.want {
			t.Errorf("%+v: %t", c.key, !c.want)
		}
	}
}

// TestCloneOfATenant: it may be changed, and the tenant is as it was.
func TestCloneOfATenant(t *testing.T) {
	ten := record.Tenant{Numbers: []string{"1", "2"}, Keys: []record.AccessKey{{ID: "a", Deny: []string{"cams:*"}}, {ID: "b"}}}
	held := fmt.Sprintf("%+v", ten)
	c := ten.Clone()
	if fmt.Sprintf("%+v", c) != held {
		t.Errorf("%+v of %s", c, held)
	}
	c.Numbers[0] = "9"
	c.Key("a").Deny[0] = "cams:List*"
	c.Key("b").Disabled = true
	if c.Key("c") != nil {
		t.Error("a key that there is not")
	}
	if got := fmt.Sprintf("%+v", ten); got != held {
		t.Errorf("%s was %s", got, held)
	}
}
