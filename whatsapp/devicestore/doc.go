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
// returns nil they are applied at once, otherwise forgotten.
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
//     has changed since it was read outside one (see loans). The message it
//     belongs to was not sent yet, and sending it again is safe.
//
// # Locks
//
// From the outside in: a transaction's turn; the generation of prekeys; writing,
// or one transaction's own lock; the loans. Writing is held during Apply and
// during nothing else that waits. [Container.Close] passes it once, so that
// nothing is in flight when it returns. Nothing of a device is held while the
// owner is asked. Waiting for any of these ends with the caller's context.
package devicestore
