package devicestore

import (
	"bytes"
	"slices"

	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// archivedStates is how many states the library keeps behind the present one
// (read in libsignal v0.2.1, archivedStatesMaxLength).
const archivedStates = 40

// merged is the session with somebody who has had one under their LID and one
// under their number. The number's is the younger one if a first text crossed
// theirs: the send had looked for a session before their message made one under
// the LID. They may write in either until they have read something, so both are
// kept: what was under the LID goes on, and what was under the number can still
// be read with. The library's own store lets the number's replace the LID's, and
// everything that is under way in that one has to be asked for again.
//
// It answers the number's alone where the two do not belong to one identity, or
// one of them does not read as a session.
func merged(underLID, underPN []byte) (both []byte) {
	defer func() {
		if recover() != nil { // the library's reader trusts its own records
			both = underPN
		}
	}()
	kept, err := readSession(underLID)
	if err != nil || kept == nil {
		return underPN
	}
	moved, err := readSession(underPN)
	if err != nil || moved == nil {
		return underPN
	}
	all, more := kept.Structure(), moved.Structure()
	if !bytes.Equal(all.SessionState.RemoteIdentityPublic, more.SessionState.RemoteIdentityPublic) {
		return underPN
	}
	states := append([]*record.StateStructure{all.SessionState}, all.PreviousStates...)
	for _, state := range append([]*record.StateStructure{more.SessionState}, more.PreviousStates...) {
		at := slices.IndexFunc(states, func(s *record.StateStructure) bool { return bytes.Equal(s.SenderBaseKey, state.SenderBaseKey) })
		switch {
		case at < 0:
			states = append(states, state)
		case further(state, states[at]):
			states[at] = state
		}
	}
	all.SessionState, all.PreviousStates = states[0], states[1:min(len(states), 1+archivedStates)]
	return store.SignalProtobufSerializer.Session.Serialize(all)
}

// further reports whether a state has sent more than another one of the same
// session, on the chain that both send on.
func further(state, than *record.StateStructure) bool {
	a, b := state.SenderChain, than.SenderChain
	return a != nil && b != nil && bytes.Equal(a.SenderRatchetKeyPublic, b.SenderRatchetKeyPublic) && a.ChainKey.Index > b.ChainKey.Index
}

// mergedRows is merged for rows as they are stored; the first may be absent.
func mergedRows(underLID, underPN []byte) []byte {
	if underLID == nil {
		return underPN
	}
	lid, pn := read(underLID), read(underPN)
	both := merged(lid.raw(), pn.raw())
	if lid.done("session") != nil || pn.done("session") != nil {
		return underPN
	}
	return newValue().raw(both)
}
