package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/instance"
)

func TestRecipient(t *testing.T) {
	for to, want := range map[string]string{
		"15550002222": "15550002222@s.whatsapp.net", "15550002": "15550002@s.whatsapp.net", "+15550002222": "", " 15550002222 ": "", "1555000": "",
		"15550002222@s.whatsapp.net": "15550002222@s.whatsapp.net", "15550002222@c.us": "15550002222@s.whatsapp.net", "123456789012345@lid": "123456789012345@lid",
		"": "", "+": "", "ana": "", "05550002222": "", "123456": "", "1234567890123456": "", "1555 0002222": "", "15550002222:3@s.whatsapp.net": "",
		"15550002222.1:3@s.whatsapp.net": "", "@s.whatsapp.net": "", "@lid": "", "x@lid": "", "123456789012345678901@lid": "", "120363000000000001@g.us": "",
		"status@broadcast": "", "1@newsletter": "", "1@bot": "", "15550002222@s.whatsapp.net@lid": "", "15550002222@": "", "１５５５０００２２２２": "",
	} {
		jid, err := recipient(to)
		var invalid *instance.InvalidError
		switch {
		case want == "" && !errors.As(err, &invalid):
			t.Errorf("%q: %s, %v", to, jid, err)
		case want == "" && invalid.Field != "to":
			t.Errorf("%q: %v", to, err)
		case want != "" && (err != nil || jid.String() != want):
			t.Errorf("%q: %s, %v", to, jid, err)
		}
	}
}

func FuzzRecipient(f *testing.F) {
	for _, s := range []string{"15550002222", "+15550002222", "15550002222@c.us", "123456789012345@lid", "120363000000000001@g.us", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, to string) {
		jid, err := recipient(to)
		if err != nil {
			return
		}
		if !isUser(jid) || jid.Device != 0 || !digits(jid.User) || len(jid.User) > 20 {
			t.Errorf("%q is %+v", to, jid)
		}
		if again, err := recipient(jid.String()); err != nil || again != jid {
			t.Errorf("%s is %s, %v", jid, again, err)
		}
	})
}

func TestNamed(t *testing.T) {
	none := types.EmptyJID
	for _, c := range []struct {
		jid, alt types.JID
		by, lid  string
	}{
		{ana, none, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{anaLID, none, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{anaLID, ana, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{stranger, none, "100000000000003@lid", "100000000000003@lid"},
		{stranger, stranger, "100000000000003@lid", "100000000000003@lid"},
		{me, none, "15550001111@s.whatsapp.net", ""},
		{types.NewJID("15550002222", types.LegacyUserServer), none, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{types.NewJID("15550002222", types.HostedServer), none, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{types.NewJID("100000000000002", types.HostedLIDServer), none, "15550002222@s.whatsapp.net", "100000000000002@lid"},
		{group, ana, group.String(), ""},
		{none, none, "", ""},
	} {
		if by, lid := book(phonebook).named(c.jid, c.alt); by != c.by || lid != c.lid {
			t.Errorf("%s, %s: %q, %q", c.jid, c.alt, by, lid)
		}
	}
	if by, _ := book(nil).named(stranger, none); by != stranger.String() {
		t.Errorf("without a book: %q", by)
	}
}

func TestCheckText(t *testing.T) {
	for _, c := range []struct {
		text instance.Text
		bad  string
	}{
		{instance.Text{Body: "hi"}, ""},
		{instance.Text{ID: "3EB0-a_b.C", Body: strings.Repeat("é", maxBody)}, ""},
		{instance.Text{}, "text"},
		{instance.Text{Body: strings.Repeat("é", maxBody+1)}, "text"},
		{instance.Text{Body: "a\xff"}, "text"},
		{instance.Text{ID: "a b", Body: "hi"}, "id"},
		{instance.Text{ID: strings.Repeat("a", 65), Body: "hi"}, "id"},
		{instance.Text{ID: "a\n", Body: "hi"}, "id"},
	} {
		err := checkText(c.text)
		var invalid *instance.InvalidError
		if (err == nil) != (c.bad == "") || err != nil && (!errors.As(err, &invalid) || invalid.Field != c.bad) {
			t.Errorf("%.10q: %v", c.text.Body, err)
		}
	}
}

func TestSendErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		text string
		is   error
	}{
		{whatsmeow.ErrNotConnected, "", instance.ErrNotConnected},
		{&whatsmeow.IQError{Code: 429, Text: "15550002222"}, "WhatsApp refused it with code 429", nil},
		{fmt.Errorf("%w 479", whatsmeow.ErrServerReturnedError), "WhatsApp refused the message: server returned error 479", instance.ErrTextRefused},
		{context.DeadlineExceeded, "no answer in time (context deadline exceeded)", context.DeadlineExceeded},
		{errors.Join(errors.New("no LID found for 15550002222@s.whatsapp.net from server"), whatsmeow.ErrMessageTimedOut), "", whatsmeow.ErrMessageTimedOut},
	} {
		got := sendError(c.err)
		if c.text != "" && got.Error() != c.text || c.is != nil && !errors.Is(got, c.is) || strings.Contains(got.Error(), "15550002222") {
			t.Errorf("%v becomes %v", c.err, got)
		}
	}
}

func TestLinkName(t *testing.T) {
	for agent, want := range map[string]string{
		"": "Chrome (Linux)", "Front desk": "Chrome (Linux)",
		agents[6].agent: "Chrome (Windows)", agents[7].agent: "Edge (Windows)", agents[8].agent: "Opera (Windows)",
		agents[9].agent: "Safari (Mac OS)", agents[10].agent: "Firefox (Linux)", agents[11].agent: "Chrome (Linux)",
	} {
		if _, name := linkName(agent); name != want {
			t.Errorf("%q: %q, want %q", agent, name, want)
		}
	}
}
