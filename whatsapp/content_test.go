package whatsapp

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/switchhook/switchhook/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	me       = types.JID{User: "15550001111", Device: 7, Server: types.DefaultUserServer}
	meLID    = types.JID{User: "100000000000001", Device: 7, Server: types.HiddenUserServer}
	ana      = types.JID{User: "15550002222", Device: 3, Server: types.DefaultUserServer}
	anaLID   = types.JID{User: "100000000000002", Device: 3, Server: types.HiddenUserServer}
	stranger = types.NewJID("100000000000003", types.HiddenUserServer)
	group    = types.NewJID("120363000000000001", types.GroupServer)
	sentAt   = time.Date(2026, 8, 1, 12, 0, 0, 5e8, time.FixedZone("", 3600))
)

// phonebook knows Ana.
func phonebook(jid types.JID) types.JID {
	switch jid.User {
	case ana.User:
		return anaLID
	case anaLID.User:
		return ana
	default:
		return types.EmptyJID
	}
}

var ours = reader{own: me, lid: meLID, book: phonebook}

func from(source types.MessageSource) types.MessageInfo {
	return types.MessageInfo{MessageSource: source, ID: "3EB0A1", PushName: "Ana", Timestamp: sentAt}
}

// direct is a message of Ana's.
func direct(m *waE2E.Message) *events.Message {
	return (&events.Message{Info: from(types.MessageSource{Chat: ana.ToNonAD(), Sender: ana, SenderAlt: anaLID}), RawMessage: m}).UnwrapRaw()
}

func in(source types.MessageSource, m *waE2E.Message) *events.Message {
	return (&events.Message{Info: from(source), RawMessage: m}).UnwrapRaw()
}

func wrapped(m *waE2E.Message) *waE2E.FutureProofMessage {
	return &waE2E.FutureProofMessage{Message: m}
}

func said(s string) *waE2E.Message { return &waE2E.Message{Conversation: proto.String(s)} }

var (
	key     = &waCommon.MessageKey{ID: proto.String("3EB0B2"), RemoteJID: proto.String("15550001111@s.whatsapp.net"), FromMe: proto.Bool(true)}
	sum     = bytes.Repeat([]byte{0xab}, 32)
	picture = &waE2E.ImageMessage{
		URL: proto.String("https://mmg.whatsapp.net/v/t62/1.enc?ccb=1"), DirectPath: proto.String("/v/t62/1.enc?ccb=1"),
		Mimetype: proto.String("image/jpeg"), Caption: proto.String("the door"), FileSHA256: sum, FileLength: proto.Uint64(1234),
		MediaKey: bytes.Repeat([]byte{1}, 32), FileEncSHA256: bytes.Repeat([]byte{2}, 32), JPEGThumbnail: []byte("not kept"),
		ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("3EB0C3")},
	}
	video = &waE2E.VideoMessage{
		DirectPath: proto.String("/v/2.enc?x=1"), Mimetype: proto.String("video/mp4"), FileSHA256: sum, FileLength: proto.Uint64(99),
		MediaKey: bytes.Repeat([]byte{1}, 32), FileEncSHA256: sum, Seconds: proto.Uint32(4),
	}
	document = &waE2E.DocumentMessage{
		URL: proto.String("https://mmg.whatsapp.net/v/3.enc?x=1"), Mimetype: proto.String("application/pdf"), FileName: proto.String("../../etc/passwd"),
		FileSHA256: sum, FileLength: proto.Uint64(7), MediaKey: bytes.Repeat([]byte{1}, 32), FileEncSHA256: sum, Caption: proto.String("read this"),
	}
)

func protocol(kind waE2E.ProtocolMessage_Type) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: kind.Enum(), Key: key}}
}

func edited(m *waE2E.Message) *waE2E.Message {
	out := protocol(waE2E.ProtocolMessage_MESSAGE_EDIT)
	out.ProtocolMessage.EditedMessage = m
	return out
}

// arrivals are one of each kind of content and of each way to come here.
var arrivals = []struct {
	name string
	e    *events.Message
}{
	{"text", direct(said("hello"))},
	{"text that answers", direct(&waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text: proto.String("yes"), ContextInfo: &waE2E.ContextInfo{StanzaID: proto.String("3EB0C3"), QuotedMessage: said("?")},
	}})},
	{"text with a key beside it", direct(&waE2E.Message{
		SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{GroupID: proto.String("x")}, Conversation: proto.String("hello"),
	})},
	{"text that vanishes", direct(&waE2E.Message{EphemeralMessage: wrapped(said("soon gone"))})},
	{"text by hidden number", in(types.MessageSource{Chat: anaLID.ToNonAD(), Sender: anaLID, SenderAlt: ana, AddressingMode: types.AddressingModeLID}, said("hi"))},
	{"text by hidden number, known", in(types.MessageSource{Chat: anaLID.ToNonAD(), Sender: anaLID}, said("hi"))},
	{"text by hidden number, unknown", in(types.MessageSource{Chat: stranger, Sender: stranger}, said("hi"))},
	{"text in a group", in(types.MessageSource{Chat: group, Sender: anaLID, SenderAlt: ana, IsGroup: true}, said("all"))},
	{"text in a status", in(types.MessageSource{Chat: types.StatusBroadcastJID, Sender: ana, IsGroup: true}, said("busy"))},
	{"text to a broadcast list", in(types.MessageSource{Chat: types.NewJID("1700", types.BroadcastServer), Sender: ana, IsGroup: true}, said("dear all"))},
	{"text from the own phone", in(types.MessageSource{Chat: ana.ToNonAD(), Sender: me.ToNonAD(), IsFromMe: true},
		&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String("15550002222@s.whatsapp.net"), Message: said("mine")}})},
	{"text from the own phone, recipient within", in(types.MessageSource{Chat: me.ToNonAD(), Sender: me.ToNonAD(), IsFromMe: true},
		&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String("100000000000002@lid"), Message: said("mine")}})},
	{"text from the own phone in a group", in(types.MessageSource{Chat: group, Sender: meLID, IsFromMe: true, IsGroup: true}, said("mine"))},
	{"picture", direct(&waE2E.Message{ImageMessage: picture})},
	{"picture to see once", direct(&waE2E.Message{ViewOnceMessageV2: wrapped(&waE2E.Message{ImageMessage: picture})})},
	{"picture of an album", direct(&waE2E.Message{AssociatedChildMessage: wrapped(&waE2E.Message{ImageMessage: picture})})},
	{"picture from elsewhere", direct(&waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		URL: proto.String("https://169.254.169.254/v/1"), DirectPath: proto.String("@169.254.169.254/v/1"), FileLength: proto.Uint64(1 << 63),
	}})},
	{"video", direct(&waE2E.Message{VideoMessage: video})},
	{"video note", direct(&waE2E.Message{PtvMessage: video})},
	{"sound", direct(&waE2E.Message{AudioMessage: &waE2E.AudioMessage{
		DirectPath: proto.String("/v/4.enc"), Mimetype: proto.String("audio/ogg"), Seconds: proto.Uint32(9), MediaKey: sum, FileLength: proto.Uint64(5),
	}})},
	{"voice", direct(&waE2E.Message{AudioMessage: &waE2E.AudioMessage{DirectPath: proto.String("/v/4.enc"), Mimetype: proto.String("audio/ogg"), PTT: proto.Bool(true)}})},
	{"document", direct(&waE2E.Message{DocumentMessage: document})},
	{"document with a caption", direct(&waE2E.Message{DocumentWithCaptionMessage: wrapped(&waE2E.Message{DocumentMessage: document})})},
	{"sticker", direct(&waE2E.Message{StickerMessage: &waE2E.StickerMessage{DirectPath: proto.String("/v/5.enc"), Mimetype: proto.String("image/webp")}})},
	{"sticker that moves", direct(&waE2E.Message{LottieStickerMessage: wrapped(&waE2E.Message{StickerMessage: &waE2E.StickerMessage{DirectPath: proto.String("/v/5.enc")}})})},
	{"sticker pack", direct(&waE2E.Message{StickerPackMessage: &waE2E.StickerPackMessage{Name: proto.String("cats"), DirectPath: proto.String("/v/6.enc")}})},
	{"reaction", direct(&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("👍")}})},
	{"reaction taken back", direct(&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: key, Text: proto.String("")}})},
	{"reaction that stays sealed", direct(&waE2E.Message{EncReactionMessage: &waE2E.EncReactionMessage{TargetMessageKey: key}})},
	{"edit", direct(&waE2E.Message{EditedMessage: wrapped(edited(said("hello again")))})},
	{"edit without wrapper", direct(edited(said("hello again")))},
	{"edit of a caption", direct(&waE2E.Message{EditedMessage: wrapped(edited(&waE2E.Message{ImageMessage: picture}))})},
	{"edit from the own phone", in(types.MessageSource{Chat: ana.ToNonAD(), Sender: me.ToNonAD(), IsFromMe: true},
		&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String("15550002222@s.whatsapp.net"), Message: edited(said("mine"))}})},
	{"edit that the phone sends again", &events.Message{
		Info: from(types.MessageSource{Chat: ana.ToNonAD(), Sender: ana}), Message: said("hello again"),
		SourceWebMsg: &waWeb.WebMessageInfo{Key: &waCommon.MessageKey{ID: proto.String("3EB0E1")}},
	}},
	{"text that the phone sends again", &events.Message{
		Info: from(types.MessageSource{Chat: ana.ToNonAD(), Sender: ana}), Message: said("hello"),
		SourceWebMsg: &waWeb.WebMessageInfo{Key: &waCommon.MessageKey{ID: proto.String("3EB0A1")}},
	}},
	{"edit in a newsletter", &events.Message{
		Info: from(types.MessageSource{Chat: types.NewJID("1", types.NewsletterServer), Sender: types.NewJID("1", types.NewsletterServer)}), Message: said("news"),
		NewsletterMeta: &events.NewsletterMessageMeta{EditTS: sentAt},
	}},
	{"revoke", direct(protocol(waE2E.ProtocolMessage_REVOKE))},
	{"place", direct(&waE2E.Message{LocationMessage: &waE2E.LocationMessage{Name: proto.String("Harbour"), DegreesLatitude: proto.Float64(1)}})},
	{"place that moves", direct(&waE2E.Message{LiveLocationMessage: &waE2E.LiveLocationMessage{Caption: proto.String("on my way")}})},
	{"contact", direct(&waE2E.Message{ContactMessage: &waE2E.ContactMessage{DisplayName: proto.String("Ben")}})},
	{"contacts", direct(&waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{DisplayName: proto.String("2 contacts")}})},
	{"poll", direct(&waE2E.Message{PollCreationMessageV3: &waE2E.PollCreationMessage{Name: proto.String("when?")}})},
	{"poll of the fourth kind", direct(&waE2E.Message{PollCreationMessageV4: wrapped(&waE2E.Message{PollCreationMessage: &waE2E.PollCreationMessage{Name: proto.String("when?")}})})},
	{"vote", direct(&waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: key}})},
	{"list", direct(&waE2E.Message{ListMessage: &waE2E.ListMessage{Title: proto.String("menu")}})},
	{"choice from a list", direct(&waE2E.Message{ListResponseMessage: &waE2E.ListResponseMessage{Title: proto.String("soup")}})},
	{"buttons", direct(&waE2E.Message{ButtonsMessage: &waE2E.ButtonsMessage{ContentText: proto.String("press")}})},
	{"button pressed", direct(&waE2E.Message{ButtonsResponseMessage: &waE2E.ButtonsResponseMessage{
		Response: &waE2E.ButtonsResponseMessage_SelectedDisplayText{SelectedDisplayText: "ok"},
	}})},
	{"template", direct(&waE2E.Message{TemplateMessage: &waE2E.TemplateMessage{HydratedTemplate: &waE2E.TemplateMessage_HydratedFourRowTemplate{HydratedContentText: proto.String("your code")}}})},
	{"template answered", direct(&waE2E.Message{TemplateButtonReplyMessage: &waE2E.TemplateButtonReplyMessage{SelectedDisplayText: proto.String("yes")}})},
	{"interactive", direct(&waE2E.Message{InteractiveMessage: &waE2E.InteractiveMessage{Body: &waE2E.InteractiveMessage_Body{Text: proto.String("choose")}}})},
	{"product", direct(&waE2E.Message{ProductMessage: &waE2E.ProductMessage{Body: proto.String("new")}})},
	{"order", direct(&waE2E.Message{OrderMessage: &waE2E.OrderMessage{Message: proto.String("two of those")}})},
	{"invitation", direct(&waE2E.Message{GroupInviteMessage: &waE2E.GroupInviteMessage{Caption: proto.String("join us")}})},
	{"event", direct(&waE2E.Message{EventMessage: &waE2E.EventMessage{Name: proto.String("party")}})},
	{"comment", direct(&waE2E.Message{CommentMessage: &waE2E.CommentMessage{Message: said("first"), TargetMessageKey: key}})},
	{"comment that stays sealed", direct(&waE2E.Message{EncCommentMessage: &waE2E.EncCommentMessage{TargetMessageKey: key}})},
	{"pin", direct(&waE2E.Message{PinInChatMessage: &waE2E.PinInChatMessage{Key: key}})},
	{"payment", direct(&waE2E.Message{RequestPaymentMessage: &waE2E.RequestPaymentMessage{}})},
	{"newer than the library", direct(unknownMessage())},
	{"newer than the library, wrapped", direct(&waE2E.Message{EphemeralMessage: wrapped(unknownMessage())})},

	{"nothing", direct(&waE2E.Message{})},
	{"nothing at all", direct(nil)},
	{"keys of a group", direct(&waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{}, MessageContextInfo: &waE2E.MessageContextInfo{}})},
	{"keys of app state", direct(protocol(waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE))},
	{"history", direct(protocol(waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION))},
	{"setting of vanishing", direct(protocol(waE2E.ProtocolMessage_EPHEMERAL_SETTING))},
	{"protocol of no type", direct(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: key}})},
}

// unknownMessage has a field that the library does not know.
func unknownMessage() *waE2E.Message {
	m := &waE2E.Message{}
	m.ProtoReflect().SetUnknown(protoreflect.RawFields{0xfa, 0x3f, 0x01, 'x'}) // field 1023
	return m
}

func TestMessages(t *testing.T) {
	var got strings.Builder
	for _, a := range arrivals {
		kind, m := ours.message(a.e)
		if (kind == "") != (m == nil) {
			t.Errorf("%s: %q with %+v", a.name, kind, m)
		}
		if kind == "" {
			fmt.Fprintf(&got, "# %s\nonly keys\n\n", a.name)
			continue
		}
		out, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n%s %s\n\n", a.name, kind, out)
	}
	golden(t, "messages.golden", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; look at the difference after -update:\n%s", path, got)
	}
}

// TestTypeNames lists what every content that the library knows is called, so
// that an upgrade shows what is new.
func TestTypeNames(t *testing.T) {
	var got strings.Builder
	fields := (&waE2E.Message{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := content{field: fields.Get(i).Name()}.typeName()
		fmt.Fprintf(&got, "%s %s\n", fields.Get(i).Name(), name)
	}
	golden(t, "types.golden", got.String())
}

func TestBounded(t *testing.T) {
	for _, c := range []struct {
		s     string
		limit int
		want  string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"aé", 2, "a"},
		{"aé", 3, "aé"},
		{"€€", 5, "€"},
		{"😀", 3, ""},
		{"a\xffb", 9, "a\uFFFDb"},
		{"\xff\xff\xff\xff", 2, "\uFFFD"},
		{"é", 0, ""},
	} {
		if got := bounded(c.s, c.limit); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.s, c.limit, got, c.want)
		}
	}
}

// FuzzMessage reads what anybody may send. It must not panic, and what it makes
// must be storable.
func FuzzMessage(f *testing.F) {
	for _, a := range arrivals {
		raw, err := proto.Marshal(a.e.RawMessage)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, a.e.Info.ID, a.e.Info.Chat.String(), a.e.Info.Sender.String(), a.e.Info.IsFromMe)
	}
	f.Fuzz(func(t *testing.T, raw []byte, id, chat, sender string, fromMe bool) {
		m := &waE2E.Message{}
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		c, _ := types.ParseJID(chat)
		s, _ := types.ParseJID(sender)
		info := from(types.MessageSource{Chat: c, Sender: s, IsFromMe: fromMe, IsGroup: c.Server == types.GroupServer})
		info.ID = id
		kind, out := ours.message((&events.Message{Info: info, RawMessage: m}).UnwrapRaw())
		if kind == "" {
			return
		}
		encoded, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(encoded) > 900<<10 && len(out.Text) < maxText {
			t.Errorf("%d bytes", len(encoded))
		}
		var back record.Message
		if err := json.Unmarshal(encoded, &back); err != nil || back.ID != out.ID || back.Text != out.Text {
			t.Errorf("%v: not the same again", err)
		}
		if out.Media != nil && out.Media.Ref != nil {
			if _, err := parseRef(out.Media.Ref); err != nil {
				t.Errorf("its reference: %v", err)
			}
		}
		if out.Media != nil && (out.Media.Bytes < 0 || strings.ContainsAny(out.Media.FileName, `/\`)) {
			t.Errorf("media %+v", out.Media)
		}
	})
}

func FuzzRef(f *testing.F) {
	f.Add(newRef(picture))
	f.Add(newRef(video))
	f.Add(newRef(document))
	f.Add([]byte{refVersion, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRef(raw)
		if err != nil {
			return
		}
		if path := r.fields.GetDirectPath(); !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, " \\#\n") {
			t.Errorf("path %q", path)
		}
	})
}

func TestRef(t *testing.T) {
	r, err := parseRef(newRef(picture))
	if err != nil {
		t.Fatal(err)
	}
	if r.kind != "WhatsApp Image Keys" || r.fields.GetDirectPath() != picture.GetDirectPath() || r.fields.GetFileLength() != 1234 ||
		!bytes.Equal(r.fields.GetMediaKey(), picture.GetMediaKey()) || !bytes.Equal(r.fields.GetFileEncSHA256(), picture.GetFileEncSHA256()) {
		t.Errorf("%+v", r)
	}
	for _, bad := range [][]byte{nil, {}, {1}, {2, 1}, {1, 9}, {1, 1}, {1, 1, 0xff}, {1, 1, 0x52, 1, 'x'}, {1, 1, 0x52, 2, '/', '/'}} {
		if _, err := parseRef(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
