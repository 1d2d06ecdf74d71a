package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// about is what an event of the daemon's own is about: an instance, a tenant, or an
// endpoint and what became of it.
func about(ev client.Event) string {
	switch ev.Type {
	case record.TenantCreated, record.TenantChanged, record.TenantDeleted:
		return ofTenant(ev)
	default:
	}
	var of record.EndpointFact
	if json.Unmarshal(ev.Data.Detail, &of) != nil || of.Endpoint == "" {
		return strings.TrimRight(" "+ev.Name, " ")
	}
	out := " " + of.Name + " (" + of.Endpoint + ")"
	switch {
	case of.From > 0:
		out += ", " + events(of.From, of.To) + " of " + cmp.Or(ev.Name, of.Instance)
	case of.Tenant != "":
		out += " of @" + of.Tenant
	case of.Instance != "":
		out += " of " + cmp.Or(ev.Name, of.Instance)
	}
	if of.Reason != "" {
		out += ": " + of.Reason
	}
	return out
}

// ofTenant is which tenant an event is about, and what of it.
func ofTenant(ev client.Event) string {
	var of record.TenantFact
	if json.Unmarshal(ev.Data.Detail, &of) != nil {
		return ""
	}
	out := " " + of.Name + " (" + of.Tenant + ")"
	if of.What != "" {
		out += ": " + of.What
	}
	if of.Key != "" {
		out += " " + of.Key
	}
	return out
}

// coded is which message QR code an event is about, and how often it was scanned.
func coded(ev client.Event) string {
	var of record.QRDLFact
	if json.Unmarshal(ev.Data.Detail, &of) != nil {
		return ""
	}
	out := fmt.Sprintf(" %s of %s, revision %d", of.Code, mask(of.Number), of.Revision)
	if of.Count > 0 {
		out += fmt.Sprintf(": %d more", of.Count)
	}
	if of.Total > 0 {
		out += fmt.Sprintf(", scanned %s, %d in all", counted(int(of.Scans), "time"), of.Total)
	}
	return out
}

// profiled is whose profile an event is about, and which fields of it: what they say is
// not shown.
func profiled(ev client.Event) string {
	if ev.Type == record.ProfileApplied {
		var of record.AppliedFact
		if json.Unmarshal(ev.Data.Detail, &of) != nil {
			return ""
		}
		out := fmt.Sprintf(" %s of @%s: %s %s", plain(of.Account), of.Tenant, of.Tag, of.State)
		if of.Problem != "" {
			out += ": " + of.Problem
		}
		return out
	}
	var of record.ProfileFact
	if json.Unmarshal(ev.Data.Detail, &of) != nil {
		return ""
	}
	tags := make([]string, len(of.Fields))
	for i, f := range of.Fields {
		tags[i] = f.Tag
	}
	return fmt.Sprintf(" %s of @%s by %s: %s", plain(of.Account), of.Tenant, plain(of.Operator), strings.Join(tags, ", "))
}

// pictured is which picture WhatsApp has taken.
func pictured(ev client.Event) string {
	var p record.PictureFact
	if json.Unmarshal(ev.Data.Detail, &p) != nil {
		return ""
	}
	return " " + p.Picture + ", " + size(p.Bytes)
}

// describe is an event about a message on one line. What was written is in it: the
// operator looks at his own account.
func describe(kind record.Kind, m *record.Message) string {
	ids := strings.Join(m.Targets, " ")
	switch kind {
	case record.MessageText:
		return writer(m) + " wrote " + quoted(m.Text) + answers(m)
	case record.MessageMedia:
		return writer(m) + " sent " + file(m) + caption(m) + answers(m)
	case record.MessageOther:
		return writer(m) + " sent a " + orNone(m.Type) + caption(m) + answers(m)
	case record.MessageReaction:
		if m.Text == "" {
			return writer(m) + " takes the reaction to " + ids + " back"
		}
		return writer(m) + " reacts to " + ids + " with " + quoted(m.Text)
	case record.MessageEdited:
		return writer(m) + " changed " + ids + " to " + quoted(m.Text)
	case record.MessageRevoked:
		return writer(m) + " deleted " + ids
	case record.MessageReceipt:
		return ids + " " + m.Type + " by " + who(m.From)
	case record.MessageCall:
		return "call from " + writer(m)
	case record.MessageSent:
		if m.Media != nil {
			return "sent " + m.ID + " to " + who(m.To) + ": " + file(m) + caption(m)
		}
		return "sent " + m.ID + " to " + who(m.To) + ": " + quoted(m.Text)
	default:
		return string(kind)
	}
}

// writer is who wrote, by number and name, and in which group.
func writer(m *record.Message) string {
	name := who(m.From)
	if m.FromMe {
		name = "the own phone, to " + who(m.Chat) + ","
	} else if m.Name != "" {
		name += " " + quoted(m.Name)
	}
	if m.Group {
		name += " in " + who(m.Chat)
	}
	return name
}

func file(m *record.Message) string {
	text := "a file"
	if m.Type != "" {
		text = "a file (" + m.Type + ")"
	}
	if m.Media != nil {
		text = fmt.Sprintf("%s %s, %s", m.Type, m.Media.MIME, size(m.Media.Bytes))
		if m.Media.FileName != "" {
			text += ", " + quoted(m.Media.FileName)
		}
	}
	return text
}

func caption(m *record.Message) string {
	if m.Text == "" {
		return ""
	}
	return ": " + quoted(m.Text)
}

func answers(m *record.Message) string {
	if m.Quoted == "" {
		return ""
	}
	return ", answering " + m.Quoted
}
