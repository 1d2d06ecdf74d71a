package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestMessagesOnce(t *testing.T) {
	ctx := t.Context()
	f, c := daemon(t)
	if _, err := c.Add(ctx, api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(ctx, "acme", api.Outgoing{To: "5511999990000", Text: "hi"}); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	if code, err := c.LinkPhone(ctx, "acme", "5511999990000"); err != nil || len(code.Code) != 9 || code.TTL != 160 {
		t.Errorf("%+v %v", code, err)
	}
	if s, err := c.Type(ctx, "acme", ""); err != nil || s.Phone != "5511999990000" {
		t.Errorf("%+v %v", s, err)
	}
	if w, err := c.Write(ctx, "acme", api.Letter{Image: []byte("a picture"), Text: "look"}); err != nil || w.From != apitest.Phone || !w.Taken {
		t.Errorf("%+v %v", w, err)
	}
	e, err := c.Find(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	events, err := c.Events(ctx, "acme", client.Look{After: e.Seq - 1})
	if err != nil || len(events) != 1 || events[0].Type != record.MessageMedia || events[0].Data.Message.Text != "look" || events[0].Data.Message.Media.Ref != nil {
		t.Errorf("%+v %v", events, err)
	}
	var got strings.Builder
	if err := c.Media(ctx, "acme", e.Seq, &got); !errors.Is(err, api.ErrNotStored) || got.Len() != 0 {
		t.Errorf("not stored: %q %v", got.String(), err)
	}
	if file, err := c.Fetch(ctx, "acme", e.Seq); err != nil || file.Bytes != 9 {
		t.Errorf("%+v %v", file, err)
	}
	if err := c.Media(ctx, "acme", e.Seq, &got); err != nil || got.String() != "a picture" {
		t.Errorf("%q %v", got.String(), err)
	}
	if m, err := c.Send(ctx, "acme", api.Outgoing{To: "5511999990001", Text: "hi"}); err != nil || !m.FromMe {
		t.Errorf("%+v %v", m, err)
	}
	if m, err := c.SendFile(ctx, "acme", api.OutgoingFile{To: "5511999990002", Name: "a b.pdf", Caption: "läs & svara", ID: "MINE"}, strings.NewReader("%PDF-")); err != nil ||
		m.ID != "MINE" || m.Text != "läs & svara" || m.Media.FileName != "a b.pdf" || m.Media.MIME != "application/pdf" {
		t.Errorf("%+v %v", m, err)
	}
	if all, err := c.Inbox(ctx, "5511999990002"); err != nil || len(all) != 1 || all[0].Type != "document" || all[0].Bytes != 5 {
		t.Errorf("%+v %v", all, err)
	}
	if _, err := c.SendFile(ctx, "acme", api.OutgoingFile{To: "5511999990002", MIME: "pdf"}, strings.NewReader("x")); err == nil || err.Error() != "mime: must be a media type such as application/pdf" {
		t.Error(err)
	}
	if all, err := c.Inbox(ctx, "5511999990001"); err != nil || len(all) != 1 || all[0].Text != "hi" {
		t.Errorf("%+v %v", all, err)
	}
	if err := c.Behave(ctx, api.Behaviour{Receipts: "read"}); err != nil {
		t.Error(err)
	}
	if p, err := c.Play(ctx, "", api.FaultSpec{Kind: "drop", Times: 2}); err != nil || p.Times != 2 || p.ID != "" {
		t.Errorf("%+v %v", p, err)
	}
	f.Fail(instance.ErrFull)
	if _, err := c.Fetch(ctx, "acme", e.Seq); !errors.Is(err, instance.ErrFull) {
		t.Errorf("full: %v", err)
	}
}
