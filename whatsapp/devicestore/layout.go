package devicestore

import (
	"encoding/binary"
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// The keys of one session. A key is a tag and its parts: <x> is a part of any
// length behind its length (so no content, whoever chose it, can run into the
// next part), {x:n} a part of n bytes, numbers big-endian. A JID is
// <server><user>{ad:5}, where ad is agent, device and integrator.
//
//	i <user><rest>                                         identity key of a Signal address
//	s <user><rest>                                         Signal session
//	k <user><rest><group>                                  sender key
//	p {id:4}                                               one-time prekey
//	o                                                      prekey ids: last given out, last uploaded
//	a <id>                                                 app state sync key
//	v <name>                                               app state version and hash
//	m <name><index>                                        app state mutation MAC, the newest version
//	c <server><user>{ad:5}                                 contact
//	h <server><user>{ad:5}                                 chat settings
//	g <server><user>{ad:5}                                 chat
//	d {shelf:4}{hash:16}                                   message delivered, by chat, sender and id
//	x {shelf:4}<server><user>{ad:5}<server><user>{ad:5}<message>
//	                                                       message secret, by chat and sender
//	y {arrived:8}{hash:32}                                 history to be stored, oldest first
//	t <server><user>{ad:5}                                 privacy token
//	b {hash:32}                                            buffered event
//	e {inserted:8}{hash:32}                                buffered events, oldest first
//	l <lid>                                                phone number of a LID
//	n <pn>                                                 LID of a phone number
//
// A Signal address is cut before its first colon, "123_1:4" into "123_1" and
// ":4": all devices of a user share a prefix that no other user has. Sender keys
// begin with the user because a migration asks for all of one user's. A shelf is
// a span of days; what is kept for a time only is thrown out by the shelf.
//
// A value begins with a version byte; value.go has the rest.
const (
	tagIdentity      = 'i'
	tagSession       = 's'
	tagSenderKey     = 'k'
	tagPreKey        = 'p'
	tagPreKeyIDs     = 'o'
	tagSyncKey       = 'a'
	tagAppVersion    = 'v'
	tagMutationMAC   = 'm'
	tagContact       = 'c'
	tagChatSettings  = 'h'
	tagChat          = 'g'
	tagMark          = 'd'
	tagMessageSecret = 'x'
	tagHistory       = 'y'
	tagPrivacyToken  = 't'
	tagBuffered      = 'b'
	tagBufferedByAge = 'e'
	tagPNByLID       = 'l'
	tagLIDByPN       = 'n'
)

// key builds a key, or the prefix of keys, part by part.
type key []byte

func newKey(tag byte) key { return append(make(key, 0, 64), tag) }

// part appends a part of any length.
func (k key) part(s string) key {
	k = binary.AppendUvarint(k, uint64(len(s)))
	return append(k, s...)
}

// fixed appends a part whose length the layout knows.
func (k key) fixed(b []byte) key { return append(k, b...) }

func (k key) uint32(n uint32) key { return binary.BigEndian.AppendUint32(k, n) }
func (k key) uint64(n uint64) key { return binary.BigEndian.AppendUint64(k, n) }

// jid appends a JID whole, so that [cutJID] gives back an equal one.
func (k key) jid(jid types.JID) key {
	k = k.part(jid.Server).part(jid.User)
	k = append(k, jid.RawAgent)
	k = binary.BigEndian.AppendUint16(k, jid.Device)
	return binary.BigEndian.AppendUint16(k, jid.Integrator)
}

// address appends a Signal address in its two parts.
func (k key) address(address string) key {
	user, rest := cutAddress(address)
	return k.part(user).part(rest)
}

func (k key) String() string { return string(k) }

// cutAddress cuts a Signal address before its first colon.
func cutAddress(address string) (user, rest string) {
	if i := strings.IndexByte(address, ':'); i >= 0 {
		return address[:i], address[i:]
	}
	return address, ""
}

// cutPart takes a part of any length off the front.
func cutPart(s string) (part, rest string, ok bool) {
	n, width := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
	if width <= 0 || uint64(len(s)-width) < n {
		return "", "", false
	}
	return s[width : width+int(n)], s[width+int(n):], true
}

// cutJID takes a JID off the front.
func cutJID(s string) (jid types.JID, rest string, ok bool) {
	if jid.Server, s, ok = cutPart(s); !ok {
		return types.JID{}, "", false
	}
	if jid.User, s, ok = cutPart(s); !ok || len(s) < 5 {
		return types.JID{}, "", false
	}
	jid.RawAgent = s[0]
	jid.Device = binary.BigEndian.Uint16([]byte(s[1:3]))
	jid.Integrator = binary.BigEndian.Uint16([]byte(s[3:5]))
	return jid, s[5:], true
}
