package devicestore

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/record"
)

// account is whose device this is, as users of Signal addresses.
type account struct{ pn, lid string }

func accountOf(s *record.Session) *account {
	var a account
	if jid, err := types.ParseJID(s.JID); err == nil {
		a.pn = jid.User
	}
	if jid, err := types.ParseJID(s.LID); err == nil {
		a.lid = jid.User
	}
	return &a
}

// is reports whether a user of a Signal address is the account's; what follows
// the underscore is the kind of the number.
func (a *account) is(user string) bool {
	user, _, _ = strings.Cut(user, "_")
	return a != nil && user != "" && (user == a.pn || user == a.lid)
}

// wrote reports whether a message of the account's own has been decrypted: whose
// ratchets were stepped says who wrote it, and nobody else can.
func (a *account) wrote(writes map[string][]byte) bool {
	for k := range writes {
		if k[0] != tagSession && k[0] != tagSenderKey {
			continue
		}
		if user, _, ok := cutPart(k[1:]); ok && a.is(user) {
			return true
		}
	}
	return false
}
