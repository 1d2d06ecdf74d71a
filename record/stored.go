package record

import (
	"crypto/sha256"
	"encoding/hex"
)

// StoredName is the name that the message's file is stored by: the message's id
// with a mark and the extension of its type. An id is only unique together with
// the chat and the sender, who has made it up: the mark is made of all three, so
// that nobody can overwrite another's file by borrowing an id.
func (m *Message) StoredName() string {
	sum := sha256.Sum256([]byte(m.Chat + "\x00" + m.From + "\x00" + m.ID))
	name := m.ID + "-" + hex.EncodeToString(sum[:6])
	if m.Media != nil {
		name += m.Media.Extension()
	}
	return name
}
