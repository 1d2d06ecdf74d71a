package devicestore_test

import (
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func TestRemappingLeavesNothingBehind(t *testing.T) {
	for _, test := range []struct {
		name string
		put  []store.LIDMapping
		want map[string]string // LID by phone number
	}{
		{"a number gets another LID", []store.LIDMapping{
			{LID: lid("71", 0), PN: pn("11", 0)},
			{LID: lid("72", 0), PN: pn("11", 0)},
		}, map[string]string{"11": "72"}},
		{"a LID gets another number", []store.LIDMapping{
			{LID: lid("71", 0), PN: pn("11", 0)},
			{LID: lid("71", 0), PN: pn("12", 0)},
		}, map[string]string{"12": "71"}},
		{"two pairs cross", []store.LIDMapping{
			{LID: lid("71", 0), PN: pn("11", 0)},
			{LID: lid("72", 0), PN: pn("12", 0)},
			{LID: lid("71", 0), PN: pn("12", 0)},
		}, map[string]string{"12": "71"}},
		{"an invalid pair is left out", []store.LIDMapping{
			{LID: pn("71", 0), PN: pn("11", 0)},
			{LID: lid("72", 0), PN: lid("12", 0)},
			{LID: lid("73", 0), PN: pn("13", 0)},
		}, map[string]string{"13": "73"}},
	} {
		for _, many := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, many), func(t *testing.T) {
				s, _ := all(t)
				ctx := t.Context()
				if many {
					check(t, s.PutManyLIDMappings(ctx, test.put))
				}
				for _, p := range test.put {
					if !many {
						_ = s.PutLIDMapping(ctx, p.LID, p.PN)
					}
				}
				for _, n := range []string{"11", "12", "13"} {
					equal(t, "LID of "+n, must(s.GetLIDForPN(ctx, pn(n, 0))).User, test.want[n])
				}
				numbers := map[string]string{}
				for n, l := range test.want {
					numbers[l] = n
				}
				for _, l := range []string{"71", "72", "73"} {
					equal(t, "number of "+l, must(s.GetPNForLID(ctx, lid(l, 0))).User, numbers[l])
				}
			})
		}
	}
}

func TestManyLIDMappings(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	mappings := []store.LIDMapping{{LID: lid("71", 0), PN: pn("11", 0)}, {LID: lid("72", 0), PN: pn("12", 0)}}
	m.costs(t, 1, "two mappings", func() { check(t, s.PutManyLIDMappings(ctx, mappings)) })
	m.costs(t, 0, "the same mappings", func() { check(t, s.PutManyLIDMappings(ctx, mappings)) })
	m.costs(t, 0, "none", func() { check(t, s.PutManyLIDMappings(ctx, nil)) })

	asked := []types.JID{pn("11", 0), pn("11", 4), pn("12", 1), pn("13", 0), lid("71", 0), types.NewJID("1", types.GroupServer)}
	found := must(s.GetManyLIDsForPNs(ctx, asked))
	equal(t, "found", len(found), 3)
	equal(t, "with its device", found[pn("11", 4)], lid("71", 4))
	equal(t, "another user", found[pn("12", 1)], lid("72", 1))
	equal(t, "none asked for", len(must(s.GetManyLIDsForPNs(ctx, nil))), 0)
}
