package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// The phones of these tests, besides the instances' own.
const contact = "5511977770001"

// event waits for the first event after a seq that is as wanted.
func (d door) event(name string, after uint64, what string, ok func(client.Event) bool) client.Event {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		events, err := d.admin.Events(ctx, name, client.Look{After: after, Wait: 10 * time.Second})
		if err != nil {
			d.t.Fatalf("wait for %s of %s: %v", what, name, err)
		}
		for _, e := range events {
			if ok(e) {
				return e
			}
			after = e.Seq
		}
	}
}

func kind(k record.Kind) func(client.Event) bool {
	return func(e client.Event) bool { return e.Type == k }
}

// jpeg is a file of so many bytes that looks like a picture.
func jpeg(n int) []byte {
	return append([]byte{0xFF, 0xD8, 0xFF, 0xE0}, bytes.Repeat([]byte{7}, n-4)...)
}

// TestTextsBothWays: what a phone writes becomes an event with its text, on NATS
// one without; what is sent is recorded, and so is what becomes of it. Receivers
// of WITI's format hear none of it and miss nothing.
func TestTextsBothWays(t *testing.T) {
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), nil)
	e := d.pair("shop", rcv.url("shop"))
	own := d.find("shop").Phone
	info, err := d.admin.NATS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := natsgo.Connect(info.URL, natsgo.UserInfo(info.User, info.Password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(record.SubjectPrefix + e.ID + ".message.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}

	const written, answered = "see you at eight", "I shall be there"
	before := d.find("shop").Seq
	w, err := d.admin.Write(t.Context(), "shop", api.Letter{From: contact, Name: "Ana", Text: written})
	if err != nil || !w.Taken || w.From != contact || w.To != own {
		t.Fatalf("written: %+v, %v", w, err)
	}
	in := d.event("shop", before, "the text", kind(record.MessageText))
	m := in.Data.Message
	if in.Seq != before+1 || m.ID != w.ID || m.Text != written || m.Name != "Ana" || m.From != contact+"@s.whatsapp.net" || m.Chat != m.From || m.FromMe || m.Group {
		t.Errorf("event %d: %+v", in.Seq, m)
	}

	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "read"}); err != nil {
		t.Fatal(err)
	}
	sent, err := d.admin.Send(t.Context(), "shop", api.Outgoing{To: contact, Text: answered})
	if err != nil {
		t.Fatal(err)
	}
	out := d.event("shop", in.Seq, "what was sent", kind(record.MessageSent))
	if m := out.Data.Message; m.ID != sent.ID || m.Text != answered || m.To != contact+"@s.whatsapp.net" || !m.FromMe {
		t.Errorf("sent %+v, recorded %+v", sent, m)
	}
	for _, want := range []string{"delivered", "read"} {
		r := d.event("shop", in.Seq, want, func(e client.Event) bool { return e.Type == record.MessageReceipt && e.Data.Message.Type == want })
		if m := r.Data.Message; !slices.Equal(m.Targets, []string{sent.ID}) || m.From != contact+"@s.whatsapp.net" {
			t.Errorf("%s: %+v", want, m)
		}
	}
	inbox, err := d.admin.Inbox(t.Context(), contact)
	if err != nil || len(inbox) != 1 || inbox[0].Text != answered || inbox[0].From != own || inbox[0].ID != sent.ID {
		t.Errorf("the phone has %+v, %v", inbox, err)
	}
	if _, err := d.admin.Send(t.Context(), "shop", api.Outgoing{To: "nobody", Text: answered}); !isInvalid(err, "to") {
		t.Errorf("to nobody: %v", err)
	}

	for i := range 4 { // the text, what was sent, two receipts
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatalf("message %d on NATS: %v", i, err)
		}
		for _, secret := range []string{written, answered, "Ana"} {
			if strings.Contains(string(msg.Data), secret) {
				t.Errorf("%q stands in %s", secret, msg.Data)
			}
		}
	}
	if got, ok := d.witi("shop", "status")["stats"].(map[string]any); !ok || got["Contacts"] == 0.0 || got["Chats"] == 0.0 || got["SentBytes"] == 0.0 || got["ReceveidBytes"] == 0.0 {
		t.Errorf("by WITI the figures are %v", got)
	}
	if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Send(t.Context(), "shop", api.Outgoing{To: contact, Text: answered}); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("while closed: %v", err)
	}
	last := d.find("shop")
	rcv.awaitSeq("shop", last.Seq)
	rcv.mu.Lock()
	defer rcv.mu.Unlock()
	posts := rcv.posts["shop"]
	if p := posts[len(posts)-1]; p.Event != "status" || p.Seq != last.Seq || p.prev != strconv.FormatUint(before, 10) || posts[len(posts)-2].Seq != before {
		t.Errorf("the PostBack after the messages is %+v, the one before %+v", p, posts[len(posts)-2])
	}
	if last.Messages.Received != 1 || last.Messages.Sent != 1 || last.Stats.SentBytes == 0 || last.Stats.ReceivedBytes == 0 {
		t.Errorf("counted %+v, %+v", last.Messages, last.Stats)
	}
}

// TestTextsOnNATS: an operator who wants the texts there gets them.
func TestTextsOnNATS(t *testing.T) {
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.NATS.MessageTexts = true })
	e := d.pair("shop", "")
	info, err := d.admin.NATS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := natsgo.Connect(info.URL, natsgo.UserInfo(info.User, info.Password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(record.SubjectPrefix + e.ID + ".message.text")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Write(t.Context(), "shop", api.Letter{Text: "see you at eight"}); err != nil {
		t.Fatal(err)
	}
	if msg, err := sub.NextMsg(patience); err != nil || !strings.Contains(string(msg.Data), "see you at eight") {
		t.Errorf("%s, %v", msg.Data, err)
	}
}

// TestMediaIsStored: what came with a message is fetched once, served, counted and
// cleared, and survives a restart.
func TestMediaIsStored(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	d.pair("shop", "")
	picture := jpeg(5000)
	seq := d.picture("shop", picture)
	if err := d.admin.Media(t.Context(), "shop", seq, new(bytes.Buffer)); !errors.Is(err, api.ErrNotStored) {
		t.Errorf("before it was fetched: %v", err)
	}
	f, err := d.admin.Fetch(t.Context(), "shop", seq)
	if err != nil || f.Bytes != 5000 || f.Folder != "media" || !strings.HasSuffix(f.Name, ".jpg") || filepath.Dir(f.Path) != filepath.Join(dir, "files", d.find("shop").ID, "media") {
		t.Fatalf("fetched %+v, %v", f, err)
	}
	if got, err := os.ReadFile(f.Path); err != nil || !bytes.Equal(got, picture) {
		t.Errorf("%d bytes on disk, %v", len(got), err)
	}
	var got bytes.Buffer
	if err := d.admin.Media(t.Context(), "shop", seq, &got); err != nil || !bytes.Equal(got.Bytes(), picture) {
		t.Errorf("%d bytes served, %v", got.Len(), err)
	}
	for what, at := range map[string]uint64{"no media": 1, "no event": 9999, "none": 0} {
		if _, err := d.admin.Fetch(t.Context(), "shop", at); !isInvalid(err, "seq") {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.stored("shop", 1, 5000)
	if _, err := d.admin.Close(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if again, err := d.admin.Fetch(t.Context(), "shop", seq); err != nil || again != f {
		t.Errorf("stored already, and not connected: %+v, %v", again, err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	d = runDaemon(t, dir, nil)
	d.stored("shop", 1, 5000)
	if got := d.witi("shop", "clear"); got["status"] != true {
		t.Errorf("clear answers %v", got)
	}
	d.stored("shop", 0, 0)
	if _, err := os.Stat(f.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("cleared, and still there: %v", err)
	}
	if _, err := d.admin.Fetch(t.Context(), "shop", seq); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("cleared, and not connected: %v", err)
	}
}

// TestFullStorage: one that is full says so, with what allows more, and no other
// instance feels it. It takes messages as before.
func TestFullStorage(t *testing.T) {
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.Files = configs.Files{PerInstance: 7000, Total: 20000} })
	d.pair("full", "")
	d.pair("fine", "")
	first, second := d.picture("full", jpeg(5000)), d.picture("full", jpeg(4000))
	if _, err := d.admin.Fetch(t.Context(), "full", first); err != nil {
		t.Fatal(err)
	}
	_, err := d.admin.Fetch(t.Context(), "full", second)
	if !errors.Is(err, instance.ErrFull) || !strings.Contains(err.Error(), "files.per_instance") {
		t.Errorf("full: %v", err)
	}
	e := d.find("full")
	if !strings.Contains(e.StorageTrouble, "files.per_instance") || e.State != fsm.Authenticated {
		t.Errorf("state %d, trouble %q", e.State, e.StorageTrouble)
	}
	d.stored("full", 1, 5000)
	if other := d.find("fine"); other.StorageTrouble != "" {
		t.Errorf("the other's trouble is %q", other.StorageTrouble)
	}
	if _, err := d.admin.Fetch(t.Context(), "fine", d.picture("fine", jpeg(5000))); err != nil {
		t.Errorf("the other: %v", err)
	}
	if w, err := d.admin.Write(t.Context(), "full", api.Letter{Text: "still there?"}); err != nil || !w.Taken {
		t.Errorf("a text to the full one: %+v, %v", w, err)
	}
	if _, err := d.admin.Clear(t.Context(), "full"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Fetch(t.Context(), "full", second); err != nil || d.find("full").StorageTrouble != "" {
		t.Errorf("cleared: %v, trouble %q", err, d.find("full").StorageTrouble)
	}
}

// TestFilesGoWithTheirInstance: nothing is left of a deleted one.
func TestFilesGoWithTheirInstance(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	e := d.pair("shop", "")
	if _, err := d.admin.Fetch(t.Context(), "shop", d.picture("shop", jpeg(500))); err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		_, err := d.admin.Find(t.Context(), e.ID)
		return errors.Is(err, instance.ErrNotFound)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !gone(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("the instance is not erased")
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "files", e.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its files: %v", err)
	}
}

// TestLinkByPhone pairs with a code that is typed instead of scanned.
func TestLinkByPhone(t *testing.T) {
	rcv := newReceiver(t)
	d := runDaemon(t, shortDir(t), nil)
	d.add("shop", rcv.url("shop"))
	if _, err := d.admin.LinkPhone(t.Context(), "shop", "123"); !isInvalid(err, "phone") {
		t.Errorf("a number that is none: %v", err)
	}
	code, err := d.admin.LinkPhone(t.Context(), "shop", "5511955550001")
	if err != nil || len(code.Code) != 9 || code.Code[4] != '-' || code.TTL < 150 {
		t.Fatalf("%+v, %v", code, err)
	}
	if again, err := d.admin.LinkPhone(t.Context(), "shop", "5511955550001"); err != nil || again.Code != code.Code {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	if _, err := d.admin.Type(t.Context(), "shop", "5511955550009"); err == nil {
		t.Error("another phone could type it")
	}
	if s, err := d.admin.Type(t.Context(), "shop", ""); err != nil || s.Phone != "5511955550001" {
		t.Fatalf("typed: %+v, %v", s, err)
	}
	d.reach("shop", fsm.Authenticated)
	if got := d.find("shop"); got.Phone != "5511955550001" {
		t.Errorf("linked to %s", got.Phone)
	}
	events := d.events("shop", 0)
	last := events[len(events)-1].Seq
	rcv.awaitSeq("shop", last)
	issued := slices.IndexFunc(events, func(e client.Event) bool { return e.Type == record.PairingCodeIssued })
	if issued < 0 {
		t.Fatalf("no event of the code in %v", walk(events))
	}
	plain := strings.ReplaceAll(code.Code, "-", "")
	for _, e := range events {
		if strings.Contains(string(e.Raw), code.Code) || strings.Contains(string(e.Raw), plain) {
			t.Errorf("the code stands in %s", e.Raw)
		}
	}
	rcv.mu.Lock()
	defer rcv.mu.Unlock()
	for _, p := range rcv.posts["shop"] {
		if p.Seq == events[issued].Seq {
			t.Errorf("the code to type was told as %q", p.Event)
		}
	}
}

// picture lets a phone send a picture and answers its event's seq.
func (d door) picture(name string, content []byte) uint64 {
	d.t.Helper()
	after := d.find(name).Seq
	if w, err := d.admin.Write(context.Background(), name, api.Letter{From: contact, Image: content}); err != nil || !w.Taken {
		d.t.Fatalf("a picture for %s: %+v, %v", name, w, err)
	}
	e := d.event(name, after, "the picture", kind(record.MessageMedia))
	if m := e.Data.Message.Media; m == nil || m.Bytes != int64(len(content)) || m.MIME != "image/jpeg" || m.Ref != nil {
		d.t.Errorf("the picture's event says %+v", m)
	}
	return e.Seq
}

// stored holds what an instance has stored, by the admin API and by WITI's.
func (r *rig) stored(name string, files int, size int64) {
	r.t.Helper()
	if got := r.find(name).Storage; got.Files != files || got.Bytes != size || got.Subs[0].Files != files {
		r.t.Errorf("%s has stored %+v", name, got)
	}
	if got, ok := r.witi(name, "status")["storage"].(map[string]any); !ok || got["Files"] != float64(files) || got["Bytes"] != float64(size) {
		r.t.Errorf("%s has stored %v by WITI", name, got)
	}
}

// witi plays one GET command.
func (r *rig) witi(name, command string) map[string]any {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.d.URL()+"/"+command+".aspx?wid="+r.find(name).WID, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := web.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		r.t.Fatalf("%s: %v", command, err)
	}
	return out
}

func isInvalid(err error, field string) bool {
	var invalid *instance.InvalidError
	return errors.As(err, &invalid) && invalid.Field == field
}
