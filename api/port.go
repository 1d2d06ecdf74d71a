package api

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Instances is what the whole room asks of the daemon. Any goroutine may call
// any method. Errors are those of package instance, possibly wrapped:
// ErrNotFound, ErrNameTaken, ErrDeleted, ErrEstablished, ErrSavedSession,
// ErrNothingToRestore, ErrNotConnected, ErrNotReady, ErrUnavailable, ErrStopping,
// *FailedError, *FencedError, *InvalidError and what the methods name. Whatever else comes is
// taken for an internal error and not shown.
type Instances interface {
	Registry
	Commands
	Messages
	Greens
	Pictures
	Names
	Files
	Log
}

// Registry knows which instances there are.
type Registry interface {
	// List answers every instance, by name.
	List(ctx context.Context) ([]Entry, error)
	// Find answers the instance of that id or name, or instance.ErrNotFound.
	// One that is being deleted is found until it is erased.
	Find(ctx context.Context, nameOrID string) (Entry, error)
	// FindWID answers the instance whose WITI key is wid without regard to
	// case, and that key as it was issued, or instance.ErrNotFound. How long it
	// takes tells nothing of a key that exists. One that is being deleted is
	// not found.
	FindWID(ctx context.Context, wid string) (id, issued string, err error)
	// Add makes an instance, not connected.
	Add(ctx context.Context, spec AddSpec) (Entry, error)
	// Delete stops the instance and appends instance.deleted; it is erased once
	// its last events are delivered. Deleting twice is harmless.
	Delete(ctx context.Context, id string) error
}

// Commands are what can be asked of one instance. A command waits for its
// outcome as long as its context allows and at most 15 s, and answers with the
// connection as it then is.
type Commands interface {
	// Generate answers the pairing code on show, or the first one. userAgent,
	// if not nil, is stored before.
	Generate(ctx context.Context, id string, userAgent *string) (record.Code, error)
	// LinkPhone answers a code to type on the phone with these digits: the one on
	// show, or a new one. It may fail with an *instance.PairingError.
	LinkPhone(ctx context.Context, id, digits string, userAgent *string) (record.Code, error)
	Close(ctx context.Context, id string) (record.Info, error)
	Restore(ctx context.Context, id string) (record.Info, error)
	Disconnect(ctx context.Context, id string) (record.Info, error)
	// Reboot takes the connection down and dials anew. It answers when that is under
	// way, and waits for no outcome.
	Reboot(ctx context.Context, id string) (record.Info, error)
	Save(ctx context.Context, id string) error
	Clear(ctx context.Context, id string) (record.Info, error)
	Configure(ctx context.Context, id string, p instance.Patch) (record.Info, error)
	// Info answers at once, in every state.
	Info(ctx context.Context, id string) (record.Info, error)
}

// Log reads the events of streams: of an instance, by its id, or of the daemon,
// record.DaemonStream.
type Log interface {
	// Head is the seq of the stream's newest event, 0 before the first. Every event
	// up to it is found by [Log.Events], unless it was pruned.
	Head(stream string) uint64
	// Events answers at most limit events of the stream that follow seq after,
	// oldest first; fewer, or none, when there are no more yet.
	Events(ctx context.Context, stream string, after uint64, limit int) ([]record.Event, error)
	// Watch wakes its receiver after events were appended to the stream;
	// several may be told as one. stop ends it and is harmless twice.
	Watch(stream string) (wake <-chan struct{}, stop func())
}

// AddSpec is what an instance is made from.
type AddSpec struct {
	Name    string `json:"name"`
	Webhook string `json:"webhook,omitempty"`
	Tenant  string `json:"tenant,omitempty"` // whose it is; it stays so

	// What it is to clients of GREEN-API; made up where it is not given. Whoever
	// moves here from the hosted service keeps both, and its clients change nothing
	// but the host.
	IDInstance int64  `json:"id_instance,omitempty"`
	APIToken   string `json:"api_token,omitempty"` // secret
}

// Entry is one instance as its operator sees it. It holds secrets and is never
// logged.
type Entry struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Tenant        string    `json:"tenant,omitempty"`
	WID           string    `json:"wid"`            // secret
	IDInstance    int64     `json:"id_instance"`    // GREEN-API's idInstance
	APIToken      string    `json:"api_token"`      // secret: its apiTokenInstance
	WebhookSecret string    `json:"webhook_secret"` // secret
	CreatedAt     time.Time `json:"created_at"`
	Deleting      bool      `json:"deleting,omitempty"`
	ExportedAt    time.Time `json:"exported_at,omitzero"` // while it is fenced
	Seq           uint64    `json:"seq"`                  // of its newest event, 0 before the first
	record.Info
	Delivery
	// StorageTrouble says why files cannot be stored now; empty while they can.
	StorageTrouble string  `json:"storage_trouble,omitempty"`
	Profile        []Wish  `json:"profile,omitempty"` // what of its profile WhatsApp is to have, and how far that has come
	Messages       Traffic `json:"messages"`
}

// Traffic counts the messages of one instance since the daemon started.
type Traffic struct {
	Received int64     `json:"received"` // texts, media and whatever else was written
	Sent     int64     `json:"sent"`
	LastAt   time.Time `json:"last_at,omitzero"`
}

// Delivery is how far the PostBacks of one instance have come, to all endpoints
// of its own.
type Delivery struct {
	Pending   int       `json:"pending"` // events that wait, counted for each endpoint
	LastError string    `json:"delivery_error,omitempty"`
	NextTry   time.Time `json:"next_delivery_at,omitzero"`
}

// System tells about the daemon itself.
type System interface {
	About() About
	// Ready is nil while the daemon can do its work. The error's text is shown
	// to operators only.
	Ready(ctx context.Context) error
	NATS() NATS
}

// About is what anybody may know of a daemon.
type About struct {
	Version   string
	Network   string // "whatsapp" or "sandbox"
	StartedAt time.Time
}

// NATS is how to subscribe to the events. Password is a secret.
type NATS struct {
	URL      string   `json:"url"`
	User     string   `json:"user,omitempty"`
	Password string   `json:"password,omitempty"`
	Stream   string   `json:"stream"`
	Subjects []string `json:"subjects"`

	// How the publishing goes.
	Connected bool          `json:"connected"`
	Behind    time.Duration `json:"behind_ns"` // the age of the oldest event that is not published yet
	LastError string        `json:"last_error,omitempty"`
}
