package sandbox

import (
	"cmp"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/binary"
)

// ending is how the server ends a connection.
type ending struct {
	why  string        // for the log
	last *binary.Node  // what is said before, if anything
	said func()        // called once the last node is on the wire, or was lost
	wait time.Duration // between the last node and closing
	drop bool          // cut the wire instead of closing the websocket

	code websocket.StatusCode // of the websocket's end; 0 is a normal closure
}

// end begins to end the connection and returns at once; done is closed when it is
// over. Only the first ending counts.
//
// A client handles nodes in a queue that it abandons when its socket closes. With
// no wait the last node is usually not handled at all, or on the client's next
// connection (whatsmeow, measured), so every ending that says something should
// leave the network's gap, unless a test wants to see just that.
func (c *conn) end(e ending) {
	if c.ended.Swap(true) {
		return
	}
	c.log.Info("ending connection", "why", e.why)
	c.spawn(func() {
		if e.last != nil {
			if err := c.send(*e.last); err != nil {
				c.log.Warn("last node was not sent", "err", err)
			}
			if e.said != nil {
				e.said()
			}
		}
		if !c.wait(e.wait) {
			return
		}
		if e.drop {
			c.ws.CloseNow()
			return
		}
		c.ws.Close(cmp.Or(e.code, websocket.StatusNormalClosure), "") //nolint:errcheck // the client may have been first
	})
}

// What the server may say last.

func streamEnd() *binary.Node { return &binary.Node{Tag: "xmlstreamend"} }

// restart asks the client to connect again, now with a login.
func restart() *binary.Node { return streamError("515") }

func replaced() *binary.Node {
	node := element("stream:error", nil, element("conflict", binary.Attrs{"type": "replaced"}))
	return &node
}

func deviceRemoved() *binary.Node {
	node := element("stream:error", binary.Attrs{"code": "401"},
		element("conflict", binary.Attrs{"type": "device_removed"}))
	return &node
}
