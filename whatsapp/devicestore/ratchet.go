package devicestore

// Ratchet reports whether a key of the layout holds a Signal session or a sender
// key. They change with every message and must never turn back: with an older
// one, a key that was used already would encrypt another message. Where they are
// missing, the next message makes a new session, and one that arrives is asked
// for again.
func Ratchet(key []byte) bool {
	return len(key) > 0 && (key[0] == tagSession || key[0] == tagSenderKey)
}
