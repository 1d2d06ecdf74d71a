package recordtest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/record"
)

// profiles are the events of an account's own stream: its profile is set, and WhatsApp
// takes one field and refuses another.
func profiles() []Sample {
	var all []Sample
	add := func(kind record.Kind, about string, fact any) {
		data, err := json.Marshal(fact)
		if err != nil {
			panic(err) // every value is written below
		}
		all = append(all, Sample{about, record.Event{
			Stream: Account, Epoch: 1, Seq: uint64(len(all) + 1), Kind: kind,
			At: start.Add(time.Duration(len(all)) * time.Second), Name: "shop", Data: data,
		}})
	}
	applied := func(tag string, state record.WishState, problem string) record.AppliedFact {
		return record.AppliedFact{Account: "shop", Tenant: "acme", Instance: Instance, Tag: tag, State: state, Problem: problem}
	}
	add(record.ProfileUpdated, "Fields of a profile were set by a client of Tencent Chat: `fields` are those that were set, `operator` is who has set them, `sdkappid` the tenant's app. What of them goes to WhatsApp is told by `profile.applied`.", record.ProfileFact{
		Account: "shop", Tenant: "acme", App: 1400000001, Operator: "administrator",
		Fields: []record.Field{
			{Tag: record.TagNick, Text: "The Shop"},
			{Tag: record.TagImage, Text: "https://erp.example/logo.jpg"},
			{Tag: "Tag_Profile_IM_Level", Number: 7, Numeric: true},
		},
	})
	add(record.ProfileApplied, "WhatsApp has taken a field of a profile. `instance` is the id of the one that it was set for; the value is not told.", applied(record.TagNick, record.WishApplied, ""))
	add(record.ProfileApplied, "WhatsApp has refused a field, or it cannot be given to it: `problem` says why. It is not tried again until the field is set anew.", applied(record.TagImage, record.WishRefused, "the address of the picture answers 404"))
	return all
}
