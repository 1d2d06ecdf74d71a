package apitest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func jid(digits string) string {
	if strings.Contains(digits, "@") {
		return digits
	}
	return digits + "@s.whatsapp.net"
}

// LinkPhone implements api.Instances.
func (f *Fake) LinkPhone(ctx context.Context, id, digits string, userAgent *string) (record.Code, error) {
	if !instance.PhoneDigits(digits) {
		return record.Code{}, &instance.InvalidError{Field: "phone", Problem: "must be digits"}
	}
	if _, err := f.Generate(ctx, id, userAgent); err != nil {
		return record.Code{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		return record.Code{}, err
	}
	if h.asked != digits || !h.typed.ExpiresAt.After(f.Now()) {
		f.issueTyped(h, digits)
	}
	return h.typed, nil
}

// RenewTyped puts a new code to type on show, as happens when the old one's time is
// over.
func (f *Fake) RenewTyped(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(id)
	if err != nil {
		panic(err)
	}
	f.issueTyped(h, h.asked)
}

// issueTyped makes a new code to type. f.mu is held.
func (f *Fake) issueTyped(h *held, digits string) {
	h.asked = digits
	h.typed = record.Code{Text: fmt.Sprintf("ABCD%04d", len(h.events)), TTL: PhoneCodeTTL, ExpiresAt: f.Now().Add(PhoneCodeTTL)}
	code := h.typed
	f.append(h, record.Event{Kind: record.PairingCodeIssued, Code: &code})
}

// PhoneCodeTTL is how long a code to type is shown.
const PhoneCodeTTL = 160 * time.Second

// Send implements api.Instances. The message is delivered and read at once.
func (f *Fake) Send(_ context.Context, id string, t instance.Text) (record.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.acting("send", id)
	switch {
	case err != nil:
		return record.Message{}, err
	case h.State != fsm.Authenticated:
		return record.Message{}, instance.ErrNotConnected
	case t.To == "":
		return record.Message{}, &instance.InvalidError{Field: "to", Problem: "must be a phone number"}
	case t.Body == "":
		return record.Message{}, &instance.InvalidError{Field: "text", Problem: "must not be empty"}
	case t.ID == "":
		t.ID = fmt.Sprintf("3EB0%04d", len(h.events)+1)
	}
	to, me := jid(t.To), jid(h.session.Phone())
	m := record.Message{ID: t.ID, Chat: to, From: me, To: to, FromMe: true, SentAt: f.Now().UTC(), Text: t.Body}
	f.sent(h, m)
	return m, nil
}

// sent appends what was sent, and its receipts. f.mu is held.
func (f *Fake) sent(h *held, m record.Message) {
	f.append(h, record.Event{Kind: record.MessageSent, Message: &m})
	for _, kind := range []string{"delivered", "read"} {
		f.append(h, record.Event{Kind: record.MessageReceipt, Message: &record.Message{
			ID: m.ID, Chat: m.To, From: m.To, SentAt: f.Now().UTC(), Type: kind, Targets: []string{m.ID},
		}})
	}
}

// Receive appends an event about a message and answers its seq.
func (f *Fake) Receive(name string, kind record.Kind, m record.Message) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.find(name)
	if err != nil {
		panic(err)
	}
	f.append(h, record.Event{Kind: kind, Message: &m})
	return uint64(len(h.events))
}

// Fetch implements api.Instances. What stands in the media's Ref is its content.
func (f *Fake) Fetch(ctx context.Context, id string, seq uint64) (record.File, error) {
	select {
	case <-time.After(f.FetchTakes):
	case <-ctx.Done():
		return record.File{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h, m, err := f.media(id, seq)
	if err != nil {
		return record.File{}, err
	}
	if h.State != fsm.Authenticated {
		return record.File{}, instance.ErrNotConnected
	}
	h.stored[seq] = m.Media.Ref
	return m.file(), nil
}

// Stored implements api.Instances.
func (f *Fake) Stored(_ context.Context, id string, seq uint64) (api.Stored, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, m, err := f.media(id, seq)
	if err != nil {
		return api.Stored{}, err
	}
	content, ok := h.stored[seq]
	if !ok {
		return api.Stored{}, api.ErrNotStored
	}
	return api.Stored{File: m.file(), MIME: m.Media.MIME, ModifiedAt: f.Now(), Content: &memory{bytes.NewReader(content)}}, nil
}

// media is the message of an event that a file came with. f.mu is held.
func (f *Fake) media(id string, seq uint64) (*held, *letter, error) {
	h, err := f.acting("media", id)
	if err != nil {
		return nil, nil, err
	}
	if seq == 0 || seq > uint64(len(h.events)) || h.events[seq-1].Message == nil || h.events[seq-1].Message.Media == nil {
		return nil, nil, &instance.InvalidError{Field: "seq", Problem: "is not the number of an event with a file"}
	}
	return h, &letter{*h.events[seq-1].Message}, nil
}

type letter struct{ record.Message }

func (m *letter) file() record.File {
	return record.File{Name: m.StoredName(), Folder: "media", Path: "/data/files/i1/media/" + m.StoredName(), Bytes: int64(len(m.Media.Ref))}
}

// memory is a file that is none.
type memory struct{ io.ReadSeeker }

func (*memory) Close() error { return nil }
