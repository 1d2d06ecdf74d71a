package sandbox

import (
	"fmt"
	"log/slog"
)

// messaging is what a network has for messages.
type messaging struct {
	journal *journal
	parties *parties
	mail    *postOffice
	inbox   *inbox
	media   *mediaStore
}

// openMessaging reads what the ledger's file knows of messages, and begins to write
// to it.
func openMessaging(l *ledger, log *slog.Logger) (messaging, error) {
	j := newJournal(l.file, log)
	m := messaging{
		journal: j, parties: newParties(j), mail: newPostOffice(j), inbox: newInbox(), media: newMediaStore(maxMedia),
	}
	known := func(id deviceID) bool {
		_, found := l.device(id)
		return found
	}
	err := l.file.loadMessages(func(bucket []byte, name string, value []byte) error {
		if string(bucket) == string(mailBucket) {
			return m.mail.restore(known, name, value)
		}
		return m.parties.restore(l.lookUp, string(bucket), name, value)
	})
	if err != nil {
		j.close()
		return messaging{}, fmt.Errorf("read messages: %w", err)
	}
	l.forgotten = func(id deviceID) {
		m.mail.forget(id)
		m.parties.forget(id)
	}
	return m, nil
}
