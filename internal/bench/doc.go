// Command bench measures the real daemon at scale: connections, the messages that
// come in on them, and the PostBacks that go out.
//
// It is three processes or more: a sandbox, the program under test, which is
// built from this tree and configured as an operator would, and this one, which
// prepares them, watches them from outside and prints a table. What is measured
// is read from /proc, from the program's log and from the sandbox's listener;
// the program knows nothing of it.
//
// Beside the daemon, in the same run and against the same sandbox, it measures a
// limit: the WhatsApp library alone, with a store that keeps nothing, or, to read
// messages, sessions in memory. The phones write from inside the sandbox's process,
// by the clock.
//
// PostBacks are measured without connections, which could not be closed and opened
// ten thousand times a second: the store, the outbox, the sender and the bus run in
// a process of their own, wired as the daemon wires them, and transitions are
// committed to it as instances commit theirs, at moments that are fixed beforehand:
// an event's age counts from when it was due, also when the one before was late.
// The receiver is a plain net/http server in another process, and the limit beside
// it a plain net/http client.
//
// A scenario is a function in the table scenarios; the processes, the figures
// and the prepared sessions are there for the next one. The program asserts no
// time: it fails when something does not happen at all, or not exactly once.
package main
