package api

import (
	"context"
	"net"
)

// peer is who is at the other end of a unix socket, as the kernel says.
type peer struct {
	uid int
	err error // the kernel did not say
}

type peerKey struct{}

// withPeer is the server's ConnContext: requests that come over a unix socket
// know their peer, all others have none.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	unix, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	var p peer
	p.uid, p.err = peerUID(unix)
	return context.WithValue(ctx, peerKey{}, p)
}

func peerOf(ctx context.Context) (peer, bool) {
	p, ok := ctx.Value(peerKey{}).(peer)
	return p, ok
}
