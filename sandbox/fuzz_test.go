package sandbox

import (
	"bytes"
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
