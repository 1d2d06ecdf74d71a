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
//   - Its log lines hold JIDs, XML and message texts. Only their constant part
//     is logged.
package whatsapp
