// Package whatsapp drives connections with go.mau.fi/whatsmeow. It is the only
// room that imports its client; it turns the library's events into the facts of
// package instance and decides nothing.
//
// What the library does, and what follows (measured; DESIGN.md "One
// connection"):
//
//   - Each attempt has a client of its own. Nodes left in a closed socket's
//     queue surface on the next connection of the same client.
//   - Its automatic reconnects are off; when to come back is the instance's to
//     say.
//   - ConnectContext's context is the connection's life, not the dial's, and
//     its handshake does not look at it: Conn.Dial gives up at its own context
//     and leaves the library's goroutine to end by itself, at most 20 s later.
//   - IsConnected and Disconnect can block for as long, and Disconnect races with
//     frames that arrive and with the server hanging up. Conn.Close takes the
//     socket from under the library instead; nobody calls IsConnected.
//   - It acknowledges a message once our handler has answered true, and the
//     handler does when the message is on disk together with the keys that its
//     decryption changed: devicestore holds them until then. Calls, and receipts
//     of groups, it acknowledges whatever the handler answers. So what cannot be
//     stored cuts the line first: nothing is written to it any more, and the
//     message comes again on the next connection.
//   - It fetches no history by itself (ManualHistorySyncDownload). The device
//     store keeps what the phone has announced; a connection fetches it in order
//     and takes it off the list once it is stored.
//   - A media message says which URL to fetch, and the library fetches any. Only
//     the path is kept, to be asked of WhatsApp's own hosts.
//   - It forgets what it has sent with the client that sent it. The driver keeps
//     the latest messages, for phones that ask for one again later; those with
//     files, too, as they say where the file is.
//   - When a context ends while a question is being sent, the answer can meet a
//     closed channel, and the process dies. What ends with its caller asks nothing
//     by itself: see mediaHosts.
//   - Where another device has changed the account's settings first, it applies
//     what it has missed outside of its own lock: settings are written by us, see
//     changeSetting, and read by it.
//   - It tells the server the account's name only when asked to: see announce.
//   - It tells an upload's status in words only, and reads an answer without end:
//     the transport does better, and an upload to no host is refused before.
//   - One transport serves all connections; a socket finds out whose it is by the
//     context it is dialled with.
//   - Its log lines hold JIDs, XML and message texts. Only their constant part
//     is logged.
package whatsapp
