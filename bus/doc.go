// Package bus publishes the event log to NATS JetStream: every event once, in
// the order of the log, without a gap.
//
// # The chain
//
// Each publish states what must be the stream's last message: its sequence
// (Nats-Expected-Last-Sequence) and, while earlier publishes are still in
// flight, also its id (Nats-Expected-Last-Msg-Id). A bounded number of them
// travels at once, numbered ahead; if one is refused or lost, all behind it are
// refused too. So what JetStream holds of a log is always a prefix of it, and a
// publish that is repeated, or arrives late from a connection long closed,
// either takes the place it was made for or is refused. JetStream's
// deduplication, which forgets after a window, plays no part: Nats-Msg-Id is
// there only for the next message to name.
//
// That is what JetStream consumers see. A core subscription to the same
// subjects hears a publish before JetStream has judged it: after a broken
// connection it may hear events again, though each for the first time in order,
// and whether one was stored it cannot know.
//
// # Doubt
//
// There is one answer to every doubt (a refusal, a missing acknowledgement, a
// lost connection, a stream that has gone): the session ends, and the next one
// connects anew, looks at the stream's last message and resumes right after
// that event. Nothing that was believed before is believed again. Sessions
// follow each other with growing, jittered pauses for as long as [Bus.Run]
// runs; meanwhile the log is the queue, and memory holds at most one window.
//
// # Where to resume
//
//   - The stream never held a message (new, deleted, wiped): from the log's
//     start.
//   - Its last message is ours and in the log: right after it. This is the rule;
//     the rest are exceptions.
//   - Its last message is gone (expired, purged): after the event that the
//     bookmark in Config.Dir names, if it is about this very stream. A purged
//     stream is therefore not refilled; a deleted one is.
//   - Its last message is another daemon's, or no longer in the log (pruned, or
//     the log was restored from a backup): JetStream is asked for the last
//     message of each of our streams, and publishing resumes after the last
//     event of the log that those answers cover.
//
// Where these leave a choice, events are published again rather than lost:
// receivers know them by their id.
//
// Messages carry the origin of their log, a random name kept in Config.Dir, in
// front of the event id in Nats-Msg-Id: a new log that counts from 1 again, or
// another daemon, is never mistaken for this one.
//
// # Two daemons
//
// One daemon per JetStream stream is the design. A second one on the same
// stream is safe and slow: whoever collides is refused, looks again and
// continues where it was. The id in the chain makes that exact, since a foreign
// message may take the sequence a refused publish was meant to have, but not
// its id. The daemons' own events share switchhook.ev.daemon.>; after a restart
// some of these may be published twice. A chain for each instance
// (Nats-Expected-Last-Subject-Sequence) was considered: a clustered server
// refuses a second publish on a subject while the first is in flight, so it
// cannot be pipelined (nats-server 2.15, November 2026).
//
// # Brokers
//
// The embedded server is reached in memory by the daemon and on loopback by
// subscribers. They have an account of their own that imports the events and
// the consumer API of one stream. Subject permissions would not be enough:
// JetStream answers to any reply subject a request names, so in a shared
// account a subscriber could have an answer stored as an event.
//
// A stream of the embedded server that could not be written once, as on a full disk, is
// not written again until the server is started anew (nats-server 2.15.2): what could not
// be written gets no answer, and what comes behind it is refused. So the server's health
// is asked for every second and at the end of a session, and it is started again as soon
// as its store can be written. Until then it runs on for those who read, and so it does,
// for up to five minutes, where a new start has helped nothing.
//
// JetStream could write many messages together, some milliseconds after it has
// acknowledged them (PersistMode async). It is not asked to: where that write fails, on a
// full disk, what was acknowledged is gone, and nobody is told.
//
// An external broker needs nats-server 2.10 or later with JetStream.
package bus
