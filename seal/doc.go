// Package seal encrypts what lies at rest: the values of the store's file, and
// the files that instances travel in.
//
// Three kinds of key stand above one another:
//
//   - The operator's key ([Key]): 32 random bytes from a file, a systemd
//     credential or the environment ([Source]). It never lies in the store's
//     file; its id ([Key.ID]) does, so that a wrong key can be told from damage.
//   - The master key of a store's file, wrapped by the operator's key. There is
//     a slot for each operator's key that opens the file: one, and two while a
//     rotation is under way.
//   - The data keys, sealed by the master key, with numbers. Values are sealed
//     by the current one; older ones stay until no value needs them.
//
// All of it is one record ([Ring.Record]) that the store writes in one
// transaction, so a crash leaves the old keys or the new ones and never half of
// both. [Ring] is the record opened: it seals and opens values.
//
// A sealed value is a byte 1, the number of its data key (two bytes, big
// endian), a nonce of 24 random bytes and what XChaCha20-Poly1305 makes of the
// plain text. The three bytes at the front and the value's place are
// authenticated with it: a value that was changed, or moved elsewhere in the
// file, does not open. Nonces are random and need no counter that a restored
// backup would turn back: with 24 bytes, 2^80 values under one key leave the
// chance of a repetition at 2^-32.
//
// No error and no log line holds a key.
package seal
