package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// FuzzFrames: however the bytes arrive, the frames are the same, and putting them
// together gives the bytes again.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("WA\x06\x03\x00\x00\x01x"))
	f.Add([]byte("WA\x06\x03\x00\x00\x02ab\x00\x00\x03cde"))
	f.Add([]byte("WA\x06\x03\x00\x00\x00"))
	f.Add([]byte("WA\x06\x03\xff\xff\xff"))
	f.Add([]byte("WA\x06\x03\x00\x00\x05ab"))
	f.Add([]byte("WA\x06"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, err1 := readFrames(bytes.NewReader(stream))
		pieces, err2 := readFrames(iotest.OneByteReader(bytes.NewReader(stream)))
		if len(whole) != len(pieces) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%d frames, %v; in pieces %d, %v", len(whole), err1, len(pieces), err2)
		}
		again := append([]byte(nil), preamble...)
		for _, frame := range whole {
			again = append(again, framed(frame)...)
		}
		if err1 == nil && !bytes.Equal(again, stream) || len(whole) > 0 && !bytes.HasPrefix(stream, again) {
			t.Fatalf("%x became %x", stream, again)
		}
	})
}

func readFrames(r io.Reader) ([][]byte, error) {
	f := newFrameReader(r)
	if err := f.start(); err != nil {
		return nil, err
	}
	var frames [][]byte
	for {
		frame, err := f.next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		frames = append(frames, frame)
	}
}

// FuzzCode: whatever a camera sees is a code or ErrBadCode, and a prefix changes
// nothing.
func FuzzCode(f *testing.F) {
	const keys = ",AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" +
		",AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	f.Add("2@ref" + keys)
	f.Add("https://wa.me/settings/linked_devices#2@ref" + keys + ",1")
	f.Add(keys)
	f.Add("###,,,,")
	f.Fuzz(func(t *testing.T, code string) {
		parsed, err := parseCode(code)
		if err != nil {
			if !errors.Is(err, ErrBadCode) {
				t.Fatal(err)
			}
			return
		}
		if strings.ContainsAny(parsed.ref, ",#") || parsed.ref == "" {
			t.Fatalf("ref %q", parsed.ref)
		}
		ownRef(key{}, parsed.ref)
		if again, err := parseCode("https://example.com/#" + strings.TrimSpace(code)); len(code) < 1024 && (err != nil || again != parsed) {
			t.Fatalf("with a prefix: %v", err)
		}
	})
}

// FuzzNode: whatever is in a frame is a node or an error, and a node survives
// being sent back.
func FuzzNode(f *testing.F) {
	for _, node := range []binary.Node{
		{Tag: "iq", Attrs: binary.Attrs{"to": types.ServerJID, "id": "12.34-5", "type": "get", "xmlns": "w:p"}},
		leaf("enc", binary.Attrs{"v": "2", "type": "pkmsg"}, []byte{3}),
		element("iq", binary.Attrs{"type": "set"}, leaf("registration", nil, []byte{0, 0, 0, 1})),
		{Tag: "presence", Attrs: binary.Attrs{"name": "Zoë", "jid": deviceJID("5511900000001", 3, types.HiddenUserServer)}},
		{Tag: "status", Content: "0123456789ABCDEF"},
	} {
		packed, err := binary.Marshal(node)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Add([]byte{0, 248, 1, 255, 128})                                       // no characters, but an odd number of them
	f.Add([]byte{0, 248, 1, 0})                                              // no tag
	f.Add([]byte{0, 248, 2, 5, 249, 255, 255})                               // a long list of nothing
	f.Add(append([]byte{0}, bytes.Repeat([]byte{248, 2, 5, 248, 1}, 99)...)) // deep
	f.Add([]byte{2, 0x78, 0x9c, 3, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, frame []byte) {
		node, err := decodeNode(frame)
		if err != nil {
			return
		}
		packed, err := binary.Marshal(node)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeNode(packed); err != nil && !errors.Is(err, errShape) {
			t.Fatalf("%s cannot be read again: %v", node.XMLString(), err)
		}
	})
}

// FuzzHandshake: a stranger's two messages give an error, never a panic, and
// never a peer, for nobody can guess the second.
func FuzzHandshake(f *testing.F) {
	hello, err := proto.Marshal(&waWa6.HandshakeMessage{
		ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: bytes.Repeat([]byte{9}, 32)},
	})
	if err != nil {
		f.Fatal(err)
	}
	finish, err := proto.Marshal(&waWa6.HandshakeMessage{
		ClientFinish: &waWa6.HandshakeMessage_ClientFinish{Static: make([]byte, 48), Payload: make([]byte, 64)},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hello, finish)
	f.Add([]byte{}, []byte{})
	f.Add([]byte{0x12, 0}, finish)
	keys := newServerKeys()
	f.Fuzz(func(t *testing.T, hello, finish []byte) {
		h := newHandshake(keys.static)
		_, refused := h.answer(hello, []byte("certificates"))
		if _, err := h.finish(finish); err == nil {
			t.Fatalf("a stranger got in (%v)", refused)
		}
	})
}

// FuzzPayload: whatever a client says about itself lets it register, log in, or
// fail.
func FuzzPayload(f *testing.F) {
	identity, prekey := newKeyPair(), newKeyPair()
	for _, payload := range []*waWa6.ClientPayload{
		{Username: proto.Uint64(5511900000001), Device: proto.Uint32(1)},
		{Username: proto.Uint64(1), Device: proto.Uint32(70000)},
		{DevicePairingData: &waWa6.ClientPayload_DevicePairingRegistrationData{
			ERegid: make([]byte, 4), EKeytype: []byte{5}, EIdent: identity.public[:], ESkeyID: make([]byte, 3),
			ESkeyVal: prekey.public[:], ESkeySig: identity.sign([]byte{5}, prekey.public[:]),
		}},
	} {
		raw, err := proto.Marshal(payload)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload := &waWa6.ClientPayload{}
		if proto.Unmarshal(raw, payload) != nil {
			return
		}
		clientInfo(payload)
		if r, err := readRegistration(key{}, payload); err == nil && !r.Signed.valid(r.Identity) {
			t.Fatal("registered with a wrong signature")
		}
		if id, err := readLogin(payload); err == nil && (!validPhone(id.Phone) || id.Number == 0) {
			t.Fatalf("logged in as %+v", id)
		}
	})
}

// FuzzTypedCode: whatever is typed is a code or ErrBadCode, and a code typed again
// in another way is the same.
func FuzzTypedCode(f *testing.F) {
	for _, typed := range []string{"1234-5678", "abcdwxyz", " A B C D - 1 2 3 4 ", "", "IOU0IOU0", "1234567", "Ａ2345678", "ı2345678"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := parseTyped(typed)
		if err != nil {
			if !errors.Is(err, ErrBadCode) || len(typed) > 7 && strings.Contains(err.Error(), typed) {
				t.Fatal(err)
			}
			return
		}
		if len(code) != typedLength || strings.Trim(string(code), typedAlphabet) != "" {
			t.Fatalf("%q is no code", code)
		}
		for _, again := range []string{strings.ToLower(string(code)), string(code[:4] + "-" + code[4:])} {
			if same, err := parseTyped(again); err != nil || same != code {
				t.Fatalf("%q: %q, %v", again, same, err)
			}
		}
	})
}

// FuzzVersion: whatever a version is, what it is read as reads the same.
func FuzzVersion(f *testing.F) {
	for _, version := range []string{"", "2", "2.3000", "2.3000.1031080782", "2.3000.x", "1.2.3.4", "-1", "01.2", "+1"} {
		f.Add(version)
	}
	f.Fuzz(func(t *testing.T, version string) {
		parsed, err := parseVersion(version)
		if err != nil {
			if !errors.Is(err, ErrBadVersion) || parsed != [3]uint32{} {
				t.Fatalf("%v, %v", parsed, err)
			}
			return
		}
		if again, err := parseVersion(versionText(parsed)); err != nil || again != parsed {
			t.Fatalf("%v became %v, %v", parsed, again, err)
		}
	})
}

// FuzzEnrolment: whatever a caller enrols is refused with a reason, or known
// afterwards, and is never half known.
func FuzzEnrolment(f *testing.F) {
	made, err := NewCompanion("5511900000001", 1)
	if err != nil {
		f.Fatal(err)
	}
	second, err := NewCompanion("5511900000001", 2)
	if err != nil {
		f.Fatal(err)
	}
	for _, all := range [][]Enrolment{nil, {made.Enrolment}, {made.Enrolment, second.Enrolment}, {made.Enrolment, made.Enrolment}} {
		raw, err := json.Marshal(enrolRequest{Companions: all})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"companions":[{"phone":"5511900000001","lid":"123456789","number":-1}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r enrolRequest
		if readBody(json.NewDecoder(bytes.NewReader(raw)), &r) != nil {
			return
		}
		n, err := Open(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		err = n.Enrol(t.Context(), r.Companions)
		stats := n.Stats()
		switch {
		case err == nil && (stats.Devices > len(r.Companions) || stats.Phones > stats.Devices || len(r.Companions) > 0 && stats.Devices == 0):
			t.Fatalf("%d enrolments made %d devices of %d phones", len(r.Companions), stats.Devices, stats.Phones)
		case err == nil:
			if err := n.Enrol(t.Context(), r.Companions); err != nil {
				t.Fatalf("again: %v", err)
			}
		case !errors.Is(err, ErrBadPhone) && !errors.Is(err, ErrBadEnrolment) && !errors.Is(err, ErrEnrolled):
			t.Fatal(err)
		case stats.Devices != 0 || stats.Phones != 0:
			t.Fatal("refused, and known all the same")
		}
	})
}

// FuzzLink: whatever a client asks about linking by code is a wish, an answer, or
// an error that it is told; a bundle opens only for who made it.
func FuzzLink(f *testing.F) {
	companion := newKeyPair()
	hello := element(linkTag, binary.Attrs{"jid": deviceJID("5511900000001", 0, types.DefaultUserServer), "stage": "companion_hello"},
		leaf("link_code_pairing_wrapped_companion_ephemeral_pub", nil, make([]byte, wrappedSize)),
		leaf("companion_server_auth_key_pub", nil, companion.public[:]),
		leaf("companion_platform_display", nil, []byte("Chrome (Linux)")),
	)
	finish := element(linkTag, binary.Attrs{"stage": "companion_finish"},
		leaf("link_code_pairing_wrapped_key_bundle", nil, make([]byte, bundleSize)),
		leaf("companion_identity_public", nil, companion.public[:]),
	)
	for _, node := range []binary.Node{hello, finish, {Tag: linkTag}} {
		packed, err := binary.Marshal(node)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	link := phoneLink{identity: newKeyPair(), ephemeral: newKeyPair(), companion: newKeyPair().public}
	f.Fuzz(func(t *testing.T, frame []byte) {
		node, err := decodeNode(frame)
		if err != nil {
			return
		}
		var told queryError
		if r, _, err := readLinkHello(node); err != nil && !errors.As(err, &told) || err == nil && !validPhone(r.digits) {
			t.Fatalf("hello of %q: %v", r.digits, err)
		}
		answer, err := readLinkFinish(node)
		if err != nil {
			if !errors.As(err, &told) {
				t.Fatal(err)
			}
			return
		}
		if _, err := link.open(answer.bundle, answer.identity); err == nil {
			t.Fatal("a bundle opened that nobody made")
		}
	})
}
