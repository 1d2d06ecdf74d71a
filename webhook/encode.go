package webhook

import "github.com/switchhook/switchhook/record"

// Encoder makes a format's bytes of an event. A dialect contributes its own.
// It is called on several goroutines at once.
type Encoder interface {
	// Encode makes the body of a PostBack and names its content type.
	Encode(ep record.Endpoint, ev *record.Event) (body []byte, contentType string, err error)
	// Carries reports whether the format has anything to say about events of a
	// kind.
	Carries(kind record.Kind) bool
}

// Standard is the name of our own format, [record.Event.Standard].
const Standard = "standard"

type standard struct{}

func (standard) Encode(_ record.Endpoint, ev *record.Event) ([]byte, string, error) {
	body, err := ev.Standard()
	return body, "application/json", err
}

func (standard) Carries(record.Kind) bool { return true }
