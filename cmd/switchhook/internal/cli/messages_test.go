package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestSend(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.stdin = "from a pipe\n\n"
	r.play(t, []line{
		{"send shop 5511999990000 hello", 0, "to …0000; if the number has WhatsApp, switchhook events shop shows", ""},
		{"send shop 5511999990000 --id MINE", 0, "sent MINE to", ""},
		{"send shop +55-11999990000 hello --json", 0, `"to": "5511999990000@s.whatsapp.net"`, ""},
		{"send shop 5511999990000 - --json", 0, `"text": "from a pipe\n"`, ""},
		{"send nobody 5511999990000 hello", 1, "", "no such instance"},
	})
	r.Fire("shop", fsm.CauseNetwork, fsm.ConnectionLost)
	r.play(t, []line{{"send shop 5511999990000 hello", 1, "", "shop: not connected: restore the session"}})
}

func TestSendFile(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	dir := t.TempDir()
	letter, empty, large := filepath.Join(dir, "letter.txt"), filepath.Join(dir, "empty"), filepath.Join(dir, "large")
	for name, n := range map[string]int{letter: 8, empty: 0, large: 0} {
		if err := os.WriteFile(name, []byte(strings.Repeat("x", n)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(large, instance.MaxFile+1); err != nil {
		t.Fatal(err)
	}
	r.stdin = "\xff\xd8\xff\xe0 a picture"
	r.play(t, []line{
		{"send shop 5511999990000 --id MINE --file " + letter, 0, "sent MINE to …0000; if the number has WhatsApp", ""},
		{"events shop --after 6", 0, `sent MINE to …0000: document text/plain, 8 B, "letter.txt"` + "\n", ""},
		{"media shop 7", 0, "/data/files/i1/media/MINE-", ""},
		{"send shop 5511999990000 read --file " + letter + " --as a.pdf --type application/pdf --json", 0, `"file_name": "a.pdf"`, ""},
		{"events shop --after 9", 0, `document application/pdf, 8 B, "a.pdf": "read"` + "\n", ""},
		{"send shop 5511999990000 --file - --json", 0, `"type": "image"`, ""},
		{"sandbox inbox 5511999990000", 0, `document  application/pdf, 8 B, "a.pdf": "read"`, ""},
		{"send shop 5511999990000 --file " + empty, 1, "", "is empty"},
		{"send shop 5511999990000 --file " + large, 1, "", "has 100 MiB: WhatsApp is sent files up to 100 MiB"},
		{"send shop 5511999990000 --file " + dir, 1, "", "is a directory: name a file"},
		{"send shop 5511999990000 --file /none", 1, "", "no such file"},
		{"send shop 5511999990000 x --as a.pdf", 2, "", "--as and --type are about the file of --file"},
		{"send shop 5511999990000 --file " + letter + " --type pdf", 1, "", "shop: mime: must be a media type such as application/pdf"},
	})
	for err, want := range map[error]string{
		instance.ErrNotReady: "it may have been sent: switchhook send shop 5511999990000 --file " + letter + " --id MINE, with the same text",
		&instance.SendError{Err: fmt.Errorf("%w: 500", instance.ErrNotUploaded)}: "and nothing was sent: 500\n",
		instance.ErrBusy: "too much is being asked",
	} {
		r.Fail(err)
		r.play(t, []line{{"send shop 5511999990000 --id MINE --file " + letter, 1, "", want}})
	}
}

// TestSendNamesTheIDThatMayHaveBeenUsed: whoever sends again needs it, and must not
// be told so where nothing left.
func TestSendNamesTheIDThatMayHaveBeenUsed(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	again := regexp.MustCompile(`it may have been sent: switchhook send shop 5511999990000 --id (3EB0[0-9A-F]{18}), with the same text`)
	for err, may := range map[error]bool{
		&instance.SendError{Err: errors.New("no answer in time")}: true,
		instance.ErrNotReady:   true,
		instance.ErrRestarting: true,
		&instance.SendError{Err: fmt.Errorf("%w: 479", instance.ErrTextRefused)}: false,
		instance.ErrBusy:         false,
		instance.ErrNotConnected: false,
	} {
		r.Fail(err)
		out, errs, code := r.run(t, "send", "shop", "5511999990000", "hello")
		if code != 1 || out != "" || again.MatchString(errs) != may || strings.Contains(errs, "may have") != may {
			t.Errorf("%v: exit %d, %s", err, code, errs)
		}
		if errors.Is(err, instance.ErrTextRefused) && (!strings.Contains(errs, "WhatsApp refused the message: 479") || strings.Contains(errs, "confirm")) {
			t.Errorf("a refusal is told as %s", errs)
		}
	}
	r.Fail(instance.ErrNotReady)
	r.play(t, []line{{"send shop 5511999990000 hello --id MINE", 1, "", "--id MINE, with the same text"}})
}

func TestMedia(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	seq := r.Receive("shop", record.MessageMedia, record.Message{
		ID: "3EB0", Chat: "5511@s.whatsapp.net", From: "5511@s.whatsapp.net", Type: "image",
		Media: &record.Media{MIME: "image/jpeg", Bytes: 9, Ref: []byte("a picture")},
	})
	at := strconv.FormatUint(seq, 10)
	copied := filepath.Join(t.TempDir(), "picture.jpg")
	r.play(t, []line{
		{"media shop " + at, 0, "/data/files/i1/media/3EB0-", ""},
		{"media shop " + at + " --to " + copied, 0, copied + " (9 B)", ""},
		{"media shop " + at + " --to " + copied, 1, "", "exists already: name another file, or overwrite it with --force"},
		{"media shop " + at + " --to " + copied + " --force", 0, copied + " (9 B)", ""},
		{"media shop " + at + " --to -", 0, "a picture", ""},
		{"media shop " + at + " --json", 0, `"bytes": 9`, ""},
		{"media shop 1", 1, "", "seq: is not the number of an event with a file"},
	})
	if text, err := os.ReadFile(copied); err != nil || string(text) != "a picture" {
		t.Errorf("the copy is %q, %v", text, err)
	}
	r.play(t, []line{{"media shop " + at + " --to " + filepath.Join(copied, "below"), 1, "", "not a directory"}})
	r.Fail(instance.ErrFull)
	r.play(t, []line{{"media shop " + at, 1, "", "storage is full: clear it, or allow it more"}})
	r.Fail(&instance.FetchError{Err: errors.New("404")})
	r.play(t, []line{{"media shop " + at, 1, "", "could not be downloaded: 404"}})
	if left, err := os.ReadDir(filepath.Dir(copied)); err != nil || len(left) != 1 {
		t.Errorf("beside the copy there is %v, %v", left, err)
	}
}

// TestEventsOfMessages: each is one line for people, whatever a stranger wrote.
func TestEventsOfMessages(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	ana := record.Message{ID: "3EB0", Chat: "5511987654321@s.whatsapp.net", From: "5511987654321@s.whatsapp.net", Name: "Ana", SentAt: time.Unix(1, 0)}
	for _, c := range []struct {
		kind   record.Kind
		change func(*record.Message)
		want   string
	}{
		{record.MessageText, func(m *record.Message) { m.Text = "hello\n\x1b[31myou\u202e" }, `…4321 "Ana" wrote "hello\n\x1b[31myou\u202e"`},
		{record.MessageText, func(m *record.Message) { m.Text, m.Quoted = "yes, ж", "3EAF" }, `wrote "yes, ж", answering 3EAF`},
		{record.MessageText, func(m *record.Message) { m.Chat, m.Group = "1203@g.us", true }, `…4321 "Ana" in group … wrote ""`},
		{record.MessageText, func(m *record.Message) { m.FromMe = true }, `the own phone, to …4321, wrote ""`},
		{record.MessageMedia, func(m *record.Message) {
			m.Type, m.Text = "document", "read this"
			m.Media = &record.Media{MIME: "application/pdf", Bytes: 1536, FileName: "a\tb.pdf"}
		}, `sent document application/pdf, 1.5 KiB, "a\tb.pdf": "read this"`},
		{record.MessageOther, func(m *record.Message) { m.Type = "location" }, "sent a location"},
		{record.MessageReaction, func(m *record.Message) { m.Targets, m.Text = []string{"3EAF"}, "👍" }, `reacts to 3EAF with "👍"`},
		{record.MessageReaction, func(m *record.Message) { m.Targets = []string{"3EAF"} }, "takes the reaction to 3EAF back"},
		{record.MessageEdited, func(m *record.Message) { m.Targets, m.Text = []string{"3EAF"}, "no" }, `changed 3EAF to "no"`},
		{record.MessageRevoked, func(m *record.Message) { m.Targets = []string{"3EAF"} }, "deleted 3EAF"},
		{record.MessageReceipt, func(m *record.Message) { m.Targets, m.Type = []string{"A", "B"}, "read" }, "A B read by …4321"},
		{record.MessageCall, func(m *record.Message) { m.From = "77@lid" }, `call from hidden … "Ana"`},
		{record.MessageSent, func(m *record.Message) { m.To, m.Text = m.Chat, "hello" }, `sent 3EB0 to …4321: "hello"`},
	} {
		m := ana
		c.change(&m)
		seq := r.Receive("shop", c.kind, m)
		out, errs, code := r.run(t, "events", "shop", "--after", strconv.FormatUint(seq-1, 10))
		if code != 0 || !strings.Contains(out, c.want) || strings.Count(out, "\n") != 1 || strings.Contains(out, "\x1b") || strings.Contains(out, "5511987654321") {
			t.Errorf("%s: exit %d: %s%s\nwant %s", c.kind, code, out, errs, c.want)
		}
	}
	if out, _, _ := r.run(t, "events", "shop", "--json"); !strings.Contains(out, `"text": "yes, ж"`) {
		t.Errorf("as JSON: %s", out)
	}
}

func TestLinkByPhone(t *testing.T) {
	r := newRig(t)
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "link", "shop", "--phone", "5511999990000")
	out.await(t, "switchhook sandbox type shop\n", 1)
	code, err := r.LinkPhone(t.Context(), "i1", "5511999990000", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "║   " + code.Text[:4] + "-" + code.Text[4:] + "   ║"; !strings.Contains(out.String(), want) {
		t.Errorf("the screen shows %s, want %s", out.String(), want)
	}
	r.RenewTyped("i1")
	out.await(t, "switchhook sandbox type shop\n", 2)
	r.play(t, []line{
		{"sandbox type shop", 0, "the phone …0000 typed the code of shop", ""},
		{"sandbox type shop", 1, "", "--phone DIGITS"},
	})
	if code := wait(); code != 0 || !strings.HasSuffix(out.String(), "Typed. Logging in …\nshop is linked to …0000\n") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
	r.play(t, []line{
		{"events shop", 0, "new code to type, valid 160 s", ""},
		{"link shop --phone 5511999990000", 0, "shop is linked to", ""},
	})
}

func TestLinkByPhoneOnTheRealNetwork(t *testing.T) {
	r := newRig(t)
	r.Network, r.columns = "whatsapp", 10
	var out, errs screen
	ctx, cancel := context.WithCancel(t.Context())
	wait := r.background(ctx, &out, &errs, "link", "shop", "--phone", "5511999990000")
	out.await(t, "Link with phone number instead", 1)
	cancel()
	if code := wait(); code != 1 || strings.Contains(out.String(), "sandbox") || strings.Contains(out.String(), "wider") || strings.Contains(out.String(), "5511999990000") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
	r.play(t, []line{{"link shop --phone +5511", 1, "", "shop: phone: must be digits"}})
}

func TestVirtualPhonesWrite(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	image := filepath.Join(t.TempDir(), "a.jpg")
	large := filepath.Join(t.TempDir(), "large.jpg")
	for name, n := range map[string]int{image: 10, large: 1 << 20} {
		if err := os.WriteFile(name, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.stdin = "piped"
	r.play(t, []line{
		{"sandbox message shop hello --from 15557654321", 0, "the phone …4321 wrote 3EB00007, and shop has taken it", ""},
		{"sandbox message shop", 0, "wrote 3EB00008", ""},
		{"sandbox message shop --image " + image, 0, "wrote 3EB00009", ""},
		{"sandbox message shop caption --json --image " + image, 0, `"id": "3EB00010"`, ""},
		{"sandbox message shop --image " + large, 1, "", "takes pictures up to 700 KiB"},
		{"sandbox message shop --image /none", 1, "", "no such file"},
		{"events shop --after 6", 0, `wrote "hello"`, ""},
		{"events shop --after 7", 0, `wrote "piped"`, ""},
		{"events shop --after 8", 0, "sent image image/jpeg, 10 B\n", ""},
		{"events shop --after 9", 0, `10 B: "caption"`, ""},
		{"sandbox message shop 👍 --react 3EB00007", 0, "wrote", ""},
		{"sandbox message shop --react 3EB00007", 0, "wrote", ""},
		{"sandbox message shop --edit 3EB00007 no", 0, "wrote", ""},
		{"sandbox message shop --delete 3EB00007", 0, "wrote", ""},
		{"sandbox message shop --call", 0, "wrote", ""},
		{"sandbox message shop --call --react 3EB00007", 1, "", "give one of them"},
		{"events shop --after 10", 0, "reacts to 3EB00007 with", ""},
		{"events shop --after 11", 0, "takes the reaction to 3EB00007 back", ""},
		{"events shop --after 12", 0, `changed 3EB00007 to "no"`, ""},
		{"events shop --after 13", 0, "deleted 3EB00007", ""},
		{"events shop --after 14", 0, "call from …1234", ""},
		{"sandbox behave 15557654321 --receipts read", 0, "the phone …4321 takes messages so from now on", ""},
		{"sandbox behave 15557654321", 0, "the phone …4321 takes messages as usual", ""},
		{"sandbox behave --silent --json", 0, `"silent": true`, ""},
		{"sandbox inbox 15557654321", 0, "has received nothing", ""},
		{"send shop 15557654321 hi", 0, "sent", ""},
		{"sandbox inbox 15557654321", 0, `text  "hi"`, ""},
		{"sandbox inbox 15557654321 --json", 0, `"text": "hi"`, ""},
		{"sandbox fault --network drop --later", 0, "played drop on the whole network", ""},
		{"sandbox fault shop drop --later --no-gap --json", 0, `"later": true`, ""},
	})
}
