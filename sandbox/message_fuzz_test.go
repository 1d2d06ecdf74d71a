package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// fuzzNetwork has a phone with a companion, and a contact.
func fuzzNetwork(t testing.TB) (*Network, device) {
	t.Helper()
	n, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	p, number, err := n.ledger.dial("5511900000001")
	if err != nil {
		t.Fatal(err)
	}
	identity, prekey := newKeyPair(), newKeyPair()
	d := device{ID: deviceID{Phone: p.Digits, Number: number}, LID: p.LID, Registration: registration{
		RegistrationID: 1, Identity: identity.public,
		Signed: signedKey{ID: 1, Public: prekey.public, Signature: identity.sign([]byte{5}, prekey.public[:])},
	}}
	if err := n.ledger.link(d); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ledger.phoneOrNew(someContact); err != nil {
		t.Fatal(err)
	}
	return n, d
}

// FuzzMessageCalls: whatever is posted to the calls about messages is done or
// refused for a reason, and no call fails inside.
func FuzzMessageCalls(f *testing.F) {
	calls := []string{"send", "mail", "received", "behave", "history", "set-picture", "picture"}
	for i, body := range []string{
		`{"to":"5511900000001","text":"x","no_wait":true}`,
		`{"ids":["A"],"after":1,"limit":2,"waiting":true,"class":"call"}`,
		`{"phone":"5511988880001"}`,
		`{"phone":"","behaviour":{"receipts":"read","refuse_with":400,"silent":true,"downloads":"slow"}}`,
		`{"phone":"5511900000001","history":{"type":"recent","conversations":[{"chat":"5511988880001","messages":[{"text":"a","at":"2020-01-01T00:00:00Z"}]}],"download":true,"no_wait":true}}`,
		`{"phone":"5511900000001","jpeg":"/9j/"}`,
		`{"phone":"5511900000001"}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	for _, thing := range []string{
		`"media":{"kind":"image","bytes":"AAAA"}`, `"reaction":{"target":"A","emoji":"x"}`, `"edit":{"target":"A","text":"x"}`,
		`"revoke":{"target":"A"}`, `"call":{"video":true}`, `"id":"A","repeat":true`, `"text":"x","at":"0000-01-01T00:00:00Z"`,
	} {
		f.Add(uint8(0), []byte(`{"to":"5511900000001","no_wait":true,"from_self":false,"lid_addressed":true,`+thing+`}`))
	}
	n, _ := fuzzNetwork(f)
	handler := n.Handler()
	f.Fuzz(func(t *testing.T, call uint8, body []byte) {
		request := httptest.NewRequest(http.MethodPost, apiPath+calls[int(call)%len(calls)], bytes.NewReader(body))
		request.Host = "127.0.0.1"
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code == http.StatusInternalServerError || !json.Valid(answer.Body.Bytes()) {
			t.Fatalf("%d %s", answer.Code, answer.Body)
		}
	})
}

// FuzzMessageNodes: whatever a companion sends as a message, a receipt, an ack or
// a question about users and keys is understood or refused.
func FuzzMessageNodes(f *testing.F) {
	to := deviceJID(someContact, 0, types.DefaultUserServer)
	enc := leaf("enc", binary.Attrs{"v": "2", "type": "pkmsg"}, []byte{0x33, 1, 2, 3})
	for _, node := range []binary.Node{
		element("message", binary.Attrs{"id": "A", "to": to, "type": "text"},
			element("participants", nil, element("to", binary.Attrs{"jid": to}, enc)), leaf("device-identity", nil, []byte{1})),
		element("message", binary.Attrs{"id": "A", "to": deviceJID("5511900000001", 1, types.DefaultUserServer)}, enc),
		element("receipt", binary.Attrs{"id": "A", "to": to, "type": "read"}, element("list", nil, element("item", binary.Attrs{"id": "B"}))),
		element("receipt", binary.Attrs{"id": "A", "to": to, "type": "retry"},
			leaf("registration", nil, []byte{0, 0, 0, 1}), element("keys", nil, leaf("identity", nil, make([]byte, 32)))),
		element("ack", binary.Attrs{"id": "A", "class": "message", "error": "491"}),
		element("usync", nil, element("query", nil, element("devices", nil), element("lid", nil), element("contact", nil)),
			element("list", nil, element("user", binary.Attrs{"jid": to}), element("user", nil, leaf("contact", nil, []byte("+1@c.us"))))),
		element("key", nil, element("user", binary.Attrs{"jid": to})),
	} {
		packed, err := binary.Marshal(node)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	n, d := fuzzNetwork(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		node, err := decodeNode(frame)
		if err != nil {
			return
		}
		// Nobody is at the other end: what is said goes nowhere.
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errEnded)
		c := &conn{network: n, log: slog.New(slog.DiscardHandler), ctx: ctx, cancel: cancel, sending: make(chan struct{}), login: d.ID}
		c.over = true
		for _, handle := range []func(binary.Node){c.handleMessage, c.handleReceipt, c.handleAck} {
			handle(node)
		}
		for _, answer := range []func() ([]binary.Node, error){
			func() ([]binary.Node, error) {
				return answerUSync(c, query{kind: "get", node: element("iq", nil, node)})
			},
			func() ([]binary.Node, error) { return answerKeys(c, node) },
		} {
			content, err := answer()
			var no queryError
			if err != nil && !errors.As(err, &no) {
				t.Fatal(err)
			}
			if _, err := binary.Marshal(element("iq", nil, content...)); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := readBundle(node, d.Registration.Identity); err == nil && !b.signed.valid(b.identity) {
			t.Fatal("bundle with a wrong signature")
		}
	})
}

// FuzzOpenFile: whatever was uploaded is opened or refused.
func FuzzOpenFile(f *testing.F) {
	sealed, err := sealFile([]byte("a picture"), mediaTable["image"].purpose)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.body, sealed.key, sealed.plain[:], true)
	f.Add(sealed.body[1:], sealed.key, sealed.plain[:], false)
	f.Add([]byte{}, []byte{}, []byte{}, true)
	f.Fuzz(func(t *testing.T, body, key, plain []byte, honest bool) {
		keys := fileKeys{purpose: mediaTable["image"].purpose, key: key, plain: plain}
		if honest {
			sum := sha256.Sum256(body)
			keys.cipher = sum[:]
		}
		var out bytes.Buffer
		err := keys.open(mediaFile{content: bytes.NewReader(body), size: int64(len(body))}, &out)
		if sum := sha256.Sum256(out.Bytes()); err == nil && !bytes.Equal(sum[:], plain) {
			t.Fatalf("%q was opened as %q", body, out.Bytes())
		}
		if err != nil && !errors.Is(err, ErrUnreadable) {
			t.Fatal(err)
		}
	})
}

// TestFilesGoWhenThereIsNoRoom: the oldest make way, and it is known that they
// were there.
func TestFilesGoWhenThereIsNoRoom(t *testing.T) {
	s := newMediaStore(100)
	name := func(path string) string {
		path, _, _ = strings.Cut(strings.TrimPrefix(path, downloadPath), "?")
		return path
	}
	first, second := name(s.put(make([]byte, 60), "")), name(s.put(make([]byte, 60), ""))
	if _, found, gone := s.get(first); found || !gone {
		t.Errorf("first: found %v, gone %v", found, gone)
	}
	if _, found, gone := s.get(second); !found || gone {
		t.Errorf("second: found %v, gone %v", found, gone)
	}
	if _, found, _ := s.get(second + "x"); found {
		t.Error("found by a guess")
	}
	big := name(s.put(make([]byte, 200), ""))
	if _, found, _ := s.get(big); !found {
		t.Error("a file larger than the store is not kept for once")
	}
}

// TestOfficeForgets: what nobody waits for is forgotten, oldest first, and what
// waits is not.
func TestOfficeForgets(t *testing.T) {
	n, d := fuzzNetwork(t)
	box := n.mail.box(d.ID)
	post := func(id string) *letter {
		l := &letter{box: box, id: id, class: MailMessage, packed: []byte{0}}
		n.mail.take(l, nil)
		return l
	}
	n.mail.keep = 20
	kept := post("KEPT")
	for i := range 100 {
		id := "SAME"
		if i%2 == 0 {
			id = strconv.Itoa(i)
		}
		post(id)
		n.mail.file(box.finish(func(*letter) bool { return true }, id)...)
	}
	mail := n.mail.list(MailQuery{})
	if len(mail) != 21 || kept.place == nil || n.mail.waiting.Load() != 1 || len(box.byID) != 12 {
		t.Errorf("%d pieces under %d ids, %d waiting", len(mail), len(box.byID), n.mail.waiting.Load())
	}
	if mail[0].ID != "KEPT" || mail[1].ID != "80" || mail[20].ID != "SAME" {
		t.Errorf("kept %+v", mail)
	}
}
