package webhook

import "github.com/switchhook/switchhook/record"

// Standard is the name of our own format: [record.Event.Standard], or a JSON
// array of it for an endpoint with a Bulk.
const Standard = "standard"

type standard struct{}

func (standard) Encode(ep *record.Endpoint, events []*record.Event) (record.PostBack, error) {
	body, err := array(ep, events, (*record.Event).Standard)
	return record.PostBack{Body: body, ContentType: "application/json"}, err
}

func (standard) Carries(record.Kind) bool { return true }
