package devicestore

import (
	"bytes"

	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// shortestSession is less than any Signal session has: two ratchet keys and a
// chain key.
const shortestSession = 96

// rewinds reports whether a session that somebody wants to store would use a
// message key again, or lose a chain that the stored one sends with. It stands
// behind the loans: with two writers at work, those cannot tell which of the
// versions on loan a record was built on. What does not read as a session
// rewinds nothing.
func rewinds(stored, fresh []byte) (yes bool) {
	defer func() {
		if recover() != nil { // the library's reader trusts its own records
			yes = false
		}
	}()
	was, err := readSession(stored)
	if err != nil || was == nil || !was.SessionState().HasSenderChain() {
		return false
	}
	will, err := readSession(fresh)
	if err != nil || will == nil {
		return false
	}
	chain := was.SessionState().SenderRatchetKey().Serialize()
	index := was.SessionState().SenderChainKey().Index()
	for i, state := range append([]*record.State{will.SessionState()}, will.PreviousSessionStates()...) {
		if !state.HasSenderChain() || !bytes.Equal(state.SenderRatchetKey().Serialize(), chain) {
			continue
		}
		at := state.SenderChainKey().Index()
		return at < index || (i == 0 && at == index) // an archived one need not have sent
	}
	return true
}

func readSession(raw []byte) (*record.Session, error) {
	if len(raw) < shortestSession {
		return nil, nil
	}
	s := store.SignalProtobufSerializer
	return record.NewSessionFromBytes(raw, s.Session, s.State)
}
