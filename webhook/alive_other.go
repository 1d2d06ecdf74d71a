//go:build !unix

package webhook

import "net"

// watch is nothing here.
type watch struct{}

func newWatch(net.Conn) *watch { return nil }

// alive cannot be told here: a request on a connection that was closed is repeated
// on another.
func (c *conn) alive() bool { return c.quiet() }
