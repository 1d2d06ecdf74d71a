package sandbox

import "context"

// networkName is what a sandbox calls itself; by it a caller knows one from
// whatever else may listen there.
const networkName = "sandbox"

// Control is what people, commands and daemons do to a sandbox. A [Network] does
// it in this process and a [Client] in another; errors are the same from both.
type Control interface {
	Phones
	Post
	// Fault makes something go wrong.
	Fault(ctx context.Context, target Target, kind FaultKind, opts FaultOptions) error
	// SetMinimumVersion refuses clients that announce an older version.
	SetMinimumVersion(ctx context.Context, version string) error
}

// Phones are the network's phones and their companions.
type Phones interface {
	Info(ctx context.Context) (Info, error)
	Scan(ctx context.Context, digits, code string) (Device, error)
	TypeCode(ctx context.Context, digits, code string) (Device, error)
	Devices(ctx context.Context) ([]Device, error)
	Enrol(ctx context.Context, enrolments []Enrolment) error
	SetPicture(ctx context.Context, digits string, jpeg []byte) error
	Picture(ctx context.Context, digits string) ([]byte, error)
	Rename(ctx context.Context, digits, name string) error
	Profile(ctx context.Context, digits string) (Profile, error)
}

// Post is what phones write and read.
type Post interface {
	Send(ctx context.Context, spec SendSpec) (Sent, error)
	Mail(ctx context.Context, q MailQuery) ([]MailStatus, error)
	Received(ctx context.Context, digits string) ([]ReceivedMessage, error)
	Behave(ctx context.Context, digits string, how Behaviour) error
	SyncHistory(ctx context.Context, digits string, spec HistorySpec) (Sent, error)
}

var (
	_ Control = (*Network)(nil)
	_ Control = (*Client)(nil)
)

// Info describes a sandbox.
type Info struct {
	Network string      `json:"network"`  // "sandbox"
	RootKey string      `json:"root_key"` // RootKey in hex
	Faults  []FaultInfo `json:"faults"`
	Minimum string      `json:"minimum_version"` // of clients; "0.0.0" lets in all
	Stats   Stats       `json:"stats"`
}
