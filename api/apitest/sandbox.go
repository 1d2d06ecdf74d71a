package apitest

import (
	"context"
	"fmt"
	"slices"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Phone is the number that scans when no other is given.
const Phone = "15550001234"

// Scan implements api.Sandbox.
func (f *Fake) Scan(_ context.Context, id, phone string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("scan", id)
	if err != nil {
		return "", err
	}
	if h.State != fsm.AwaitingScan {
		return "", &api.SandboxError{Problem: h.Name + " shows no code: switchhook link " + h.Name + " makes one"}
	}
	if phone == "" {
		phone = Phone
	}
	h.pair(phone)
	f.fire(h, fsm.CauseScan, fsm.Scanned, fsm.LoginAccepted)
	return phone, nil
}

// Type implements api.Sandbox.
func (f *Fake) Type(_ context.Context, id, phone string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("type", id)
	switch {
	case err != nil:
		return "", err
	case h.State != fsm.AwaitingScan || h.typed.Text == "":
		return "", &api.SandboxError{Problem: h.Name + " shows no code to type: switchhook link " + h.Name + " --phone DIGITS makes one"}
	case phone == "":
		phone = h.asked
	}
	h.pair(phone)
	f.fire(h, fsm.CauseScan, fsm.Scanned, fsm.LoginAccepted)
	return phone, nil
}

// Write implements api.Sandbox: the letter arrives at once.
func (f *Fake) Write(_ context.Context, id string, l api.Letter) (api.Written, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("write", id)
	if err != nil {
		return api.Written{}, err
	}
	if h.session == nil {
		return api.Written{}, &api.SandboxError{Problem: h.Name + " has no account: link it first"}
	}
	if l.From == "" {
		l.From = Phone
	}
	m := record.Message{
		ID: fmt.Sprintf("3EB0%04d", len(h.events)+1), Chat: jid(l.From), From: jid(l.From), Name: l.Name,
		SentAt: f.Now().UTC(), Text: l.Text,
	}
	kind := record.MessageText
	switch {
	case len(l.Image) > 0:
		kind, m.Type = record.MessageMedia, "image"
		m.Media = &record.Media{MIME: "image/jpeg", Bytes: int64(len(l.Image)), Ref: l.Image}
	case l.React != "":
		kind, m.Targets = record.MessageReaction, []string{l.React}
	case l.Edit != "":
		kind, m.Targets = record.MessageEdited, []string{l.Edit}
	case l.Delete != "":
		kind, m.Targets = record.MessageRevoked, []string{l.Delete}
	case l.Call:
		kind, m.Type = record.MessageCall, "offer"
	}
	f.append(h, record.Event{Kind: kind, Message: &m})
	return api.Written{ID: m.ID, From: l.From, To: h.session.Phone(), Taken: true}, nil
}

// Behave implements api.Sandbox. It is noted, and changes nothing.
func (f *Fake) Behave(_ context.Context, b api.Behaviour) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note("behave", b.Phone+" "+b.Receipts+b.Uploads)
	return f.err
}

// Inbox implements api.Sandbox: what was sent to the phone.
func (f *Fake) Inbox(_ context.Context, phone string) (all []api.Received, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.instances {
		for _, e := range h.events {
			if e.Kind == record.MessageSent && e.Message.To == jid(phone) {
				got := api.Received{ID: e.Message.ID, From: h.session.Phone(), To: phone, At: e.At, Text: e.Message.Text, Type: "text"}
				if m := e.Message.Media; m != nil {
					got.Type, got.MIME, got.FileName, got.Bytes = e.Message.Type, m.MIME, m.FileName, m.Bytes
				}
				all = append(all, got)
			}
		}
	}
	return all, f.err
}

// Fault implements api.Sandbox. It knows "drop", which loses the connection, of one
// instance or of all; its other kinds are noted, and change nothing.
func (f *Fake) Fault(_ context.Context, id string, spec api.FaultSpec) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.Faults[1:], func(k api.FaultKind) bool { return k.Name == spec.Kind }) {
		f.note("fault", fmt.Sprintf("%+v", spec))
		return f.err
	}
	if spec.Kind != "drop" {
		return &instance.InvalidError{Field: "kind", Problem: "is unknown: one of drop"}
	}
	if id == "" {
		f.note("fault", "network")
		for _, h := range f.instances {
			f.fire(h, fsm.CauseNetwork, fsm.ConnectionLost)
		}
		return f.err
	}
	h, err := f.acting("fault", id)
	if err != nil {
		return err
	}
	f.fire(h, fsm.CauseNetwork, fsm.ConnectionLost)
	return nil
}

// Kinds implements api.Sandbox.
func (f *Fake) Kinds() []api.FaultKind { return f.Faults }
