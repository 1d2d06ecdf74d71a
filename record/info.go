package record

import (
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Info is the connection information of one moment: what every dialect reports
// of a connection, neutral and without credentials. An event carries it frozen
// as it was at the commit.
type Info struct {
	State      fsm.State `json:"code"`
	StateName  string    `json:"state"`
	Cause      fsm.Cause `json:"cause"`
	Hint       string    `json:"hint,omitempty"`
	Since      time.Time `json:"since"`
	RetryAt    time.Time `json:"retry_at,omitzero"`
	Connected  bool      `json:"connected"`
	CanRestore bool      `json:"can_restore"` // a saved session exists that needs no new code, and may run here
	Phone      string    `json:"phone"`
	JID        string    `json:"jid,omitempty"`
	PushName   string    `json:"push_name,omitempty"`
	Platform   string    `json:"platform,omitempty"`
	Webhook    string    `json:"webhook,omitempty"` // may hold a credential: never logged, never on NATS
	UserAgent  string    `json:"user_agent,omitempty"`
	Stats      Stats     `json:"stats"`
	Storage    Tree      `json:"storage"`
}

// Tree is what an instance has stored, by folder. A parent's figures include
// its children's.
type Tree struct {
	Bytes int64      `json:"bytes"`
	Files int        `json:"files"`
	Subs  []TreeLeaf `json:"subs,omitempty"`
}

// TreeLeaf is one folder of a [Tree].
type TreeLeaf struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
}

// File is one stored file.
type File struct {
	Name   string `json:"name"` // within its folder
	Folder string `json:"folder"`
	Path   string `json:"path"` // on the daemon's disk
	Bytes  int64  `json:"bytes"`
}

// Code is a pairing code on show. It is a secret until a phone has scanned it.
type Code struct {
	Text      string        `json:"text"` // what the QR symbol encodes, or the eight characters to type
	ExpiresAt time.Time     `json:"expires_at"`
	TTL       time.Duration `json:"ttl"` // how long it is shown from the moment it was issued
}

// Describe makes the connection information of an instance with the session it
// has, if any.
func Describe(in Instance, s *Session) Info {
	info := Info{
		State:      in.State,
		StateName:  in.State.String(),
		Cause:      in.Cause,
		Hint:       in.Cause.Hint(),
		Since:      in.Since,
		RetryAt:    in.RetryAt,
		Connected:  in.State == fsm.Authenticated,
		CanRestore: s != nil && in.ExportedAt.IsZero(),
		Webhook:    in.Config.Webhook,
		UserAgent:  in.Config.UserAgent,
		Stats:      in.Stats,
		Storage:    Tree{Subs: []TreeLeaf{{Name: "media"}, {Name: "profile"}, {Name: "thumb"}}},
	}
	if !in.ExportedAt.IsZero() {
		info.Hint = "Exported. To take the instance back, export it where it runs and import that file here; if it was imported nowhere, unfence it. Otherwise delete it."
	}
	if s != nil {
		info.Phone = s.Phone()
		info.JID = s.JID
		info.PushName = s.PushName
		info.Platform = s.Platform
	}
	return info
}
