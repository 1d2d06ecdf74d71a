package devicestore_test

import (
	"testing"

	"go.mau.fi/whatsmeow/types"
)

// TestMigratedSessionJoins: a first text under the number has crossed a first one
// that made a session under the LID. When the two come together neither is lost:
// what each side has sent in its own is still read, and the conversation goes on.
func TestMigratedSessionJoins(t *testing.T) {
	ann := newParty(t, ownPN, ownLID)
	number := pn("491700000002", 3)
	bob := newParty(t, number, lid("200000000000002", 3))
	first := must(bob.send(ann, ann.bundle()))
	second := must(bob.send(ann, nil))
	ann.decrypt(bob, first, 1)

	bundle := bob.bundle()
	to := func(address types.JID) *party { p := *bob; p.lid = address; return &p }
	crossing := must(ann.send(to(number), bundle))
	more := must(ann.send(to(number), nil))
	ann.keys.costs(t, 1, "migrating", func() { check(t, ann.cli.Store.Sessions.MigratePNToLID(t.Context(), number, bob.lid)) })
	equal(t, "left under the number", must(ann.cli.Store.Sessions.HasSession(t.Context(), number.SignalAddress().String())), false)

	ann.decrypt(bob, second, 2) // in bob's session
	bob.decrypt(ann, crossing, 1)
	bob.decrypt(ann, more, 2)
	ann.decrypt(bob, must(bob.send(ann, nil)), bob.count) // in ann's
	for range 3 {
		bob.decrypt(ann, must(ann.send(bob, nil)), ann.count)
		ann.decrypt(bob, must(bob.send(ann, nil)), bob.count)
	}

	// What does not read as a session is replaced, as ever.
	check(t, ann.cli.Store.Sessions.PutSession(t.Context(), number.SignalAddress().String(), []byte("nonsense")))
	check(t, ann.cli.Store.Sessions.MigratePNToLID(t.Context(), number, bob.lid))
	equal(t, "replaced", string(must(ann.cli.Store.Sessions.GetSession(t.Context(), bob.lid.SignalAddress().String()))), "nonsense")
}
