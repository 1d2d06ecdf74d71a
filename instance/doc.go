// Package instance is the actor that owns one WhatsApp connection.
//
// An [Instance] is one goroutine, [Instance.Run], with a bounded mailbox. Its
// state, its timers and its connection are ordinary fields that nothing else
// touches. Commands carry a context and wait for an answer; what the connection
// reports comes as a [Fact] and is only enqueued. The loop may wait for the
// disk, never for the network: dialling, logging out and closing run in child
// goroutines and come back as facts with the generation of the attempt they
// belong to, so that a late answer cannot move a newer connection.
//
// Every move goes through one door, Instance.fire: the table of package fsm
// agrees, one change set is committed (the record, the session, the events),
// and only then memory moves, waiting commands are answered and anyone hears of
// it.
//
// A fact that cannot be committed stays at the head of the mailbox and is tried
// again each second; meanwhile the connection is closed, the status says
// degraded and commands are refused with [ErrUnavailable]. One that the journal
// refuses for good ends Run, as a panic does: whoever supervises the instance
// starts it again from what is stored.
package instance
