package webhook

import "github.com/switchhook/switchhook/record"

// Chooser is an [Encoder] that wants some events of a kind and not others, by what
// they say or by what an owner has set elsewhere. An event that it does not want is
// passed over, as one whose kind it does not carry.
type Chooser interface {
	Wants(ep *record.Endpoint, ev *record.Event) bool
}

// chosen reports whether a format wants an event of a kind that it carries.
func chosen(enc Encoder, ep *record.Endpoint, ev *record.Event) bool {
	c, ok := enc.(Chooser)
	return !ok || c.Wants(ep, ev)
}
