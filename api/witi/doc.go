// Package witi speaks the connection commands and PostBacks of WITI (witi.me),
// as WIRE.md §1 has them: [Handler] answers the eight *.aspx commands, [Encoder]
// makes the body of a PostBack, of one event or in bulk. The package translates and decides nothing.
//
// Three rules hold everywhere. The wid in the query is the only credential; who
// has none gets 401. Every other outcome of a known command is HTTP 200 with
// the error inside the body, in that command's own form. And the spellings are
// the format: sucesso, ReceveidBytes, webSocketOpenining, a "false" in quotes,
// a Status that is a string of JSON.
package witi
