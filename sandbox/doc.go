// Package sandbox is a WhatsApp network on loopback: a server that an
// unmodified whatsmeow client cannot tell from the real one, the telephones
// whose companions those clients are, and the faults that happen to them. It is
// the only fake in this project; everything else is tested through it.
//
// # What is in it
//
// A [Network] is the whole of it. It serves any [net.Listener], several at once
// if asked ([Network.Serve]), or lends its [Network.Handler] to somebody else's
// server. Its state (phones, companions, their keys) lives in one bbolt file, or
// only in memory.
//
// A connection passes through four rooms, and each has a file:
//
//	frames.go    the byte stream inside the websocket, cut into frames
//	noise.go     the Noise handshake and the two ciphers it leaves behind
//	node.go      frames opened into nodes, checked before they are decoded
//	conn.go      one connection: its goroutine, what it sends, how it ends
//
// What a client says is answered from tables. nodeHandlers sorts nodes by tag,
// queryHandlers sorts requests by namespace, and what no table knows is answered
// with error 501, as the real server does. login.go and pairing.go are the two
// ways in. faultKinds is the table of what may go wrong.
//
// What is true of a phone is in the ledger, which commits before it believes;
// who is connected is in the switchboard, which forgets everything at the end.
//
// # Messages
//
// A phone is a Signal peer like any other: it writes to companions and reads what
// they write ([Network.Send], [Network.Received]). Between the two stands a server
// that can read nothing, and keeps each piece of mail until the companion has
// acknowledged it:
//
//	signal_party.go     a phone's end of its sessions; signal_store.go is what libsignal sees of it
//	message_send.go     what a phone sends, encrypted once for each companion
//	message_mailbox.go  what waits for a companion, delivered in order to its connection
//	receipts.go         what ends the waiting
//	message_inbound.go  what companions send
//	media_store.go      files, encrypted: in memory, and those of companions in files without a name
//	picture.go          accounts' own pictures, in the clear
//	profile.go          their names and about texts
//	profile_settings.go their settings, encrypted, where the name stands
//
// A message is acknowledged by a receipt and by nothing else, and not by the
// receipts that clients send before they have handled it. What is not acknowledged
// is delivered again, the same bytes, to the companion's next connection.
// [Network.Mail] says what the sandbox believes of every piece. Ratchets and
// waiting mail are in the state file before they are on the wire, so that a
// sandbox that is killed neither uses a key twice nor forgets what it owes.
//
// A phone's ratchet belongs to its party's lock and a companion's mail to its
// mailbox's. Nobody holds a lock of the whole network while encrypting; of two
// locks, the party's comes before the ledger's, the mailbox's before the
// journal's.
//
// # Using it
//
// A client must be told two things: to trust [RootKey], and to dial here. For
// whatsmeow that is its package variable WACertPubKey and an http.Client whose
// transport's DialTLSContext returns a plain connection to the sandbox; TLS is
// never spoken. [PipeListener] provides connections without a network, so that a
// test in a testing/synctest bubble owns the clock: every wait in this package is
// a timer or a channel.
//
// People, commands and daemons drive the network through [Control]. A Network is
// one; so is a [Client], which does the same over HTTP against a sandbox in
// another process.
//
// # How far to trust it
//
// The protocol was learned from whatsmeow's source, at version
// v0.0.0-20251217143725-11cf47c62d32, and from running it. Nothing here has been
// compared with the real service. Where the sandbox had to decide by itself, the
// comment says so.
//
// The sandbox protects nothing. Its certificate root is published, its phones
// do what they are told, and its state file holds their private keys in the
// clear. It refuses web pages, and it must not be served beyond loopback.
package sandbox
