// Package statesdoc writes docs/states.md: the states, the diagrams and the
// causes, from what package fsm says of them.
package statesdoc

import (
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/fsm"
)

// Render answers the whole document.
func Render() []byte {
	var b strings.Builder
	b.WriteString(intro)
	states(&b)
	mermaid(&b)
	dot(&b)
	causes(&b)
	return []byte(b.String())
}

const intro = `# States

<!-- Written by go generate ./fsm from fsm.Table. Do not edit. -->

Every connection is in one of these states. An event moves it along an arrow of
the diagram; an event without an arrow from the present state is refused, and
nothing moves. Each transition is stored before anyone hears of it, and then
published with its cause.

Where an arrow says "session", it holds only while a saved session exists;
"no session", only while none does; otherwise it holds for both. "Session
begins" and "session ends" mark the transitions that store and drop it.
`

// Meaning says when a connection is in the state.
func Meaning(s fsm.State) string {
	switch s {
	case fsm.NoConnection:
		return "Nothing runs. A saved session may exist, ready to be restored."
	case fsm.Connecting:
		return "The connection is being dialled. The odd spelling is part of the format."
	case fsm.SocketOpen:
		return "The socket is up and its handshake is done."
	case fsm.AwaitingScan:
		return "Not paired: a QR or pairing code is on offer."
	case fsm.Starting:
		return "Paired or restoring: the login is sent, the connection is not usable yet."
	case fsm.Authenticated:
		return "Usable."
	case fsm.AuthenticatedClosed:
		return "The session is valid, its socket is down. A reconnect is scheduled, or waits for an operator."
	case fsm.NotAuthenticated:
		return "The session was refused or revoked. A new code is needed."
	default:
		return ""
	}
}

func states(b *strings.Builder) {
	b.WriteString("\n| code | on the wire | we are in it when |\n| --- | --- | --- |\n")
	for _, s := range fsm.States() {
		fmt.Fprintf(b, "| %d | `%s` | %s |\n", s, s, Meaning(s))
	}
}

func causes(b *strings.Builder) {
	b.WriteString(`
## Causes

The cause tells why a transition happened. It does not decide where a connection
goes. When a connection with a saved session went down, the cause decides whether
it is dialled again by itself.

| cause | dialled again by itself | what an operator can do |
| --- | --- | --- |
`)
	for _, c := range fsm.Causes() {
		retries := "no"
		if c.Retries() {
			retries = "yes"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", c, retries, c.Hint())
	}
}
