// Package devicestore is whatsmeow's device store over a small key-value port:
// the 11 interfaces of one session, the LID map and the device container, 57
// methods in all. It knows nothing of files; the room that keeps them satisfies
// [Backend], and the actor that owns the connection satisfies [Owner].
//
// # Two kinds of data
//
// What identifies a session (names, keys, the account's signature) is a
// [record.Session]. It is committed together with a state transition, so this
// package never writes it: [Container.PutDevice] asks the owner to, and
// [Container.DeleteDevice] only refuses further writes. Everything else (Signal
// sessions, prekeys, contacts, buffered events) is live, goes through
// [Backend.Apply] and never rolls back. Its keys are drawn in layout.go. They
// belong to the session's random id, so a new pairing never sees an old one's.
//
// # Writing
//
// Every method that changes something reads first and writes only what differs:
// an unchanged identity, mapping, name or record costs no Apply. One method call
// is one Apply at most.
//
// DoDecryptionTxn collects the writes of its callback in the callback's context.
// Reads with that context see them, reads without it do not; when the callback
// returns nil they are taken together, otherwise forgotten.
//
// # One commit for a message
//
// The library decrypts a message, stores its secret, hands it to the event handler
// and clears its buffered plaintext, and then acknowledges it (read in
// v0.0.0-20251217143725, decryptMessages). All of that is one commit. What a
// decryption has written is held in memory: every read sees it, the message's own
// writes (its secret, another's sender key) join it, and [Container.Deliver],
// called by the event handler, makes it durable together with the daemon's event,
// with the plaintext already cleared and a mark by which the message is known
// again. The library's own clearing finds nothing left to do.
//
//   - Whatever else is applied takes what is held along, with the plaintext. So a
//     session that a send has built on a held step is never on disk without that
//     step, and a message whose commit fails afterwards is found in the buffer.
//   - A message that nobody delivers is applied when its plaintext is cleared,
//     which is before it is acknowledged, and else before the next decryption.
//     Only one that the library refuses as rubbish, or could not unpad, is answered
//     while it is held. If that is lost, a receiving ratchet is a step behind,
//     which the next message makes up for: nothing was sent with it.
//   - An errand from one's own phone is not held: the library acknowledges those
//     from goroutines of its own, before the handler has answered. A history that
//     one announces is put on a list with it; see [Container.PendingHistory].
//   - When something that was held is lost, or the disk fails a decryption,
//     nothing is written any more ([ErrFailed]) and [Container.OnFailure]'s
//     function cuts the line, before the library can acknowledge what it believes
//     done. The message comes again and decrypts from what is on disk. A
//     decryption that the store fails looks like the end of the connection to the
//     library, which would otherwise acknowledge it and ask the sender again.
//
// To store a history, the driver takes it from the list after each connect and
// after each message, downloads its payload once (Client.Download, unless it is
// inline), calls [DecodeHistory] and [Container.StoreHistory], puts the payload into
// the notification's InitialHistBootstrapInlinePayload and calls
// Client.DownloadHistorySync with synchronousStorage, which then needs no network
// and finds the names stored. Then, and only if all of it went well,
// [Container.HistoryStored].
//
// # Who may write a ratchet at the same time
//
// A session record and a sender key are read, stepped forward in memory and
// written back. whatsmeow decrypts on its node handler (inside DoDecryptionTxn,
// when EnableDecryptedEventBuffer is on) and sends under its messageSendLock; it
// answers retry receipts under neither, and a send may ask the network for
// prekeys between its read and its write (read in v0.0.0-20251217143725). A lost
// step means a message key used twice, or a session whose prekey is gone. So:
//
//   - The transactions of a device run one after another.
//   - A write outside a transaction never waits for a transaction's callback,
//     only for an Apply that is under way. So nothing a callback waits for can
//     in turn wait for it, and no lock is held while anyone is on the network.
//   - If such a write changes what a running transaction has read and is about to
//     write, the callback is discarded and runs again; it must therefore have no
//     effect but through the store. Decryption has none. From its second run on,
//     its ratchets are reserved and others' writes to them are refused.
//   - A write outside a transaction is refused with [ErrConflict] if the record
//     has changed since it was read outside one (see loans), or if a session would
//     send with a message key that the stored one has used (see rewinds). The
//     message it belongs to was not sent yet, and sending it again is safe.
//
// # Locks
//
// From the outside in: a transaction's turn; a list of prekeys, and the processors
// to make it; writing, or one transaction's own lock; the loans, the counts and the
// prekey ids. Writing is held during Apply and Deliver's commit and during nothing
// else that waits. [Container.Close] ends that commit's context and passes writing
// once, so that nothing is in flight when it returns. Nothing of a device is held while the
// owner is asked. Waiting for any of these ends with the caller's context.
package devicestore
