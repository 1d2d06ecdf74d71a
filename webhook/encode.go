package webhook

import (
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/record"
)

// Encoder makes a format's requests of events. A dialect contributes its own.
// It is called on several goroutines at once.
type Encoder interface {
	// Encode makes one request of one event, or of several if the endpoint has a
	// Bulk. It changes nothing that it is given, and makes the same of the same:
	// a batch that is too long for one request is cut by what it becomes.
	Encode(ep *record.Endpoint, events []*record.Event) (record.PostBack, error)
	// Carries reports whether the format has anything to say about events of a
	// kind.
	Carries(kind record.Kind) bool
}

// Judge is an [Encoder] whose receivers say yes in another way than by any 2xx.
type Judge interface {
	Accepts(status int) bool
}

// Scheduler is an [Encoder] whose receivers expect another schedule or timeout than
// that of the configuration. What the endpoint itself says goes before.
type Scheduler interface {
	Policy() record.Policy
}

// Formats lists the formats that there are, in alphabetical order.
func (s *Sender) Formats() []string { return slices.Sorted(maps.Keys(s.formats)) }

// Encode makes the body of one event in a format, as an endpoint without a Bulk
// gets it.
func (s *Sender) Encode(format string, ev *record.Event) ([]byte, error) {
	enc, ok := s.formats[format]
	if !ok {
		return nil, fmt.Errorf("format %q is unknown", format)
	}
	made, err := enc.Encode(&record.Endpoint{Format: format}, []*record.Event{ev})
	return made.Body, err
}

// Policy is how the tries of an endpoint are made and spread over time: what the endpoint
// says itself, else its format, else the configuration.
func (s *Sender) Policy(ep *record.Endpoint) record.Policy {
	var p record.Policy
	if f, ok := s.formats[ep.Format].(Scheduler); ok {
		p = f.Policy()
	}
	if ep.Timeout > 0 {
		p.Timeout = ep.Timeout
	}
	if len(ep.Schedule) > 0 {
		p.Schedule = ep.Schedule
	}
	if ep.Horizon > 0 {
		p.Horizon = ep.Horizon
	}
	if ep.Jitter != nil {
		p.Jitter = ep.Jitter
	}
	if ep.InFlight > 0 {
		p.InFlight = ep.InFlight
	}
	return p
}

// array joins what encode makes of each event to a JSON array, for an endpoint
// with a Bulk; without one there is a single event, and it stands alone.
func array(ep *record.Endpoint, events []*record.Event, encode func(*record.Event) ([]byte, error)) ([]byte, error) {
	first, err := encode(events[0])
	if err != nil || ep.Bulk == nil {
		return first, err
	}
	out := make([]byte, 0, (len(first)+len(first)/4)*len(events)+len("[]"))
	out = append(append(out, '['), first...)
	for _, ev := range events[1:] {
		b, err := encode(ev)
		if err != nil {
			return nil, err
		}
		out = append(append(out, ','), b...)
	}
	return append(out, ']'), nil
}
