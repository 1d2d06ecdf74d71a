package sandbox

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// HistoryMessage is a message from before the companion was paired.
type HistoryMessage struct {
	ID     string    `json:"id,omitempty"` // empty makes one up
	FromMe bool      `json:"from_me,omitempty"`
	Text   string    `json:"text"`
	At     time.Time `json:"at,omitzero"` // zero is now
}

// HistoryConversation is a chat with one contact.
type HistoryConversation struct {
	Chat     string           `json:"chat"` // the contact's digits
	Name     string           `json:"name,omitempty"`
	Unread   uint32           `json:"unread,omitempty"`
	Messages []HistoryMessage `json:"messages,omitempty"`
}

// HistoryName is what somebody calls himself.
type HistoryName struct {
	Phone string `json:"phone"` // digits
	Name  string `json:"name"`
}

// HistorySpec is what a phone tells its companions of the past. The phones it
// speaks of are made if there are none.
type HistorySpec struct {
	ID string `json:"id,omitempty"` // of the message that brings it; empty makes one up
	// Type is what kind of history it is, in the protocol's words: initial_bootstrap
	// (which is also meant by nothing), full, recent, push_name, non_blocking_data or
	// on_demand. A client takes push names from push_name only.
	Type          string                `json:"type,omitempty"`
	Conversations []HistoryConversation `json:"conversations,omitempty"`
	PushNames     []HistoryName         `json:"push_names,omitempty"`
	Mappings      []string              `json:"mappings,omitempty"` // digits of phones whose hidden numbers are told
	ChunkOrder    uint32                `json:"chunk_order,omitempty"`
	Progress      uint32                `json:"progress,omitempty"` // per cent
	// Download puts the history where it must be fetched, instead of into the
	// message.
	Download bool `json:"download,omitempty"`
	NoWait   bool `json:"no_wait,omitempty"` // as in SendSpec
}

// historyTypes are the kinds of history that carry one, by our name.
var historyTypes = func() map[string]waE2E.HistorySyncType {
	types := make(map[string]waE2E.HistorySyncType)
	for name, number := range waE2E.HistorySyncType_value {
		if t := waE2E.HistorySyncType(number); t <= waE2E.HistorySyncType_ON_DEMAND {
			types[strings.ToLower(name)] = t
		}
	}
	return types
}()

const maxHistory = 100_000 // messages, names and mappings in one piece

func (s *HistorySpec) check() error {
	s.Type = cmp.Or(s.Type, "initial_bootstrap")
	if _, known := historyTypes[s.Type]; !known {
		return fmt.Errorf("%w: there is no history %q, but %s", ErrBadMessage, s.Type,
			strings.Join(slices.Sorted(maps.Keys(historyTypes)), ", "))
	}
	if len(s.ID) > maxID || strings.ContainsAny(s.ID, " \x00\n") {
		return fmt.Errorf("%w: unusable id", ErrBadMessage)
	}
	s.ID = cmp.Or(s.ID, newMessageID())
	size := len(s.PushNames) + len(s.Mappings) + len(s.Conversations)
	for _, c := range s.Conversations {
		size += len(c.Messages)
	}
	if size > maxHistory || s.Progress > 100 {
		return fmt.Errorf("%w: too much history", ErrBadMessage)
	}
	for _, digits := range s.phones() {
		if !validPhone(digits) {
			return ErrBadPhone
		}
	}
	return nil
}

// phones returns the numbers of everybody in it.
func (s *HistorySpec) phones() []string {
	all := slices.Clone(s.Mappings)
	for _, c := range s.Conversations {
		all = append(all, c.Chat)
	}
	for _, name := range s.PushNames {
		all = append(all, name.Phone)
	}
	return all
}
