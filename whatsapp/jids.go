package whatsapp

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

// book knows users by both their numbers: it answers the JID of the other kind,
// empty if it is not known.
type book func(types.JID) types.JID

// plain is a JID without device, in one spelling for each user.
func plain(jid types.JID) types.JID {
	jid = jid.ToNonAD()
	switch jid.Server {
	case types.LegacyUserServer, types.HostedServer:
		jid.Server = types.DefaultUserServer
	case types.HostedLIDServer:
		jid.Server = types.HiddenUserServer
	}
	return jid
}

func isUser(jid types.JID) bool {
	return jid.Server == types.DefaultUserServer || jid.Server == types.HiddenUserServer
}

// both sorts a user's JIDs into phone number and hidden number. alt is what the
// message says of the other kind; where it says nothing the book is asked. For
// what is no user, pn is the JID as it is.
func (b book) both(jid, alt types.JID) (pn, lid types.JID) {
	jid, alt = plain(jid), plain(alt)
	if !isUser(jid) {
		return jid, types.EmptyJID
	}
	if (!isUser(alt) || alt.User == "" || alt.Server == jid.Server) && b != nil && jid.User != "" {
		alt = plain(b(jid))
	}
	if !isUser(alt) || alt.User == "" || alt.Server == jid.Server {
		alt = types.EmptyJID
	}
	if jid.Server == types.HiddenUserServer {
		return alt, jid
	}
	return jid, alt
}

// named is how an event calls a user: by phone number where it is known, and the
// hidden number beside it.
func (b book) named(jid, alt types.JID) (by, lid string) {
	pn, hidden := b.both(jid, alt)
	switch {
	case !pn.IsEmpty():
		by = text(pn)
	default:
		by = text(hidden)
	}
	if !hidden.IsEmpty() {
		lid = text(hidden)
	}
	return by, lid
}

// text spells a JID as [record.Message] promises: nothing for an empty one.
func text(jid types.JID) string {
	if jid.IsEmpty() {
		return ""
	}
	return bounded(jid.String(), maxID)
}

// recipient reads whom to send to: the digits of a phone number, or the JID of a
// person.
func recipient(to string) (types.JID, error) {
	user, server, isJID := strings.Cut(to, "@")
	if !isJID {
		server = types.DefaultUserServer
	}
	switch server {
	case types.DefaultUserServer, types.LegacyUserServer:
		if !instance.PhoneDigits(user) {
			return types.EmptyJID, &instance.InvalidError{Field: "to", Problem: instance.PhoneRule}
		}
		return types.NewJID(user, types.DefaultUserServer), nil
	case types.HiddenUserServer:
		if user == "" || len(user) > maxHidden || !digits(user) {
			return types.EmptyJID, &instance.InvalidError{Field: "to", Problem: "a hidden number is digits, such as 123456789012345@lid"}
		}
		return types.NewJID(user, types.HiddenUserServer), nil
	case types.GroupServer:
		return types.EmptyJID, &instance.InvalidError{Field: "to", Problem: "is a group; messages go to one person, such as 15550001111"}
	default:
		return types.EmptyJID, &instance.InvalidError{Field: "to", Problem: "is neither a phone number such as 15550001111 nor a person's JID"}
	}
}

// maxHidden is more digits than a hidden number has; those seen have 15.
const maxHidden = 20

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
