package sandbox

import (
	"context"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/binary"
)

// What a ban says when the fault does not.
const (
	defaultBan       = 101
	defaultBanExpiry = time.Hour
)

// failureText is what refusals say to people; whatsmeow hands it on.
const failureText = "sandbox fault"

// refusalFault answers logins with a failure. A client that shows a
// code is told at once, for it has nothing to try again.
func refusalFault(kind FaultKind, about string, reason int) faultKind {
	return refusalThatSays(kind, about, func(FaultOptions) *binary.Node {
		node := failure(reason)
		node.Attrs["message"] = failureText
		return node
	})
}

func refusalThatSays(kind FaultKind, about string, says func(FaultOptions) *binary.Node) faultKind {
	f := loginFault(faultKind{
		FaultInfo: FaultInfo{Kind: kind, About: about, Options: []string{OptionNoGap, OptionTimes, OptionLater}},
		atLogin: func(c *conn, opts FaultOptions) {
			c.turnAway(kind, says(opts), opts)
		},
	})
	f.strikeCode = func(ctx context.Context, c *conn, opts FaultOptions) error {
		c.network.stats.refused.Add(1)
		return endAll(ctx, kind, []*conn{c}, opts, ending{last: says(opts)})
	}
	return f
}

// turnAway refuses a login on behalf of a fault.
func (c *conn) turnAway(kind FaultKind, last *binary.Node, opts FaultOptions) {
	c.network.stats.refused.Add(1)
	wait := c.network.config.Gap
	if opts.NoGap {
		wait = 0
	}
	c.end(ending{why: "fault: " + string(kind), last: last, wait: wait})
}

// banFault refuses logins for a while.
func banFault() faultKind {
	f := refusalThatSays(FaultRefuse402, "login refused: banned for a while", func(opts FaultOptions) *binary.Node {
		node := failure(402)
		code, expire := opts.Code, opts.Expire
		if code == 0 {
			code = defaultBan
		}
		if expire == 0 {
			expire = defaultBanExpiry
		}
		node.Attrs["code"] = strconv.Itoa(code)
		if expire > 0 {
			node.Attrs["expire"] = strconv.FormatInt(int64((expire+time.Second-1)/time.Second), 10)
		}
		return node
	})
	f.Options = append(f.Options, OptionExpire, OptionBanReason)
	return f
}

// openRefusal refuses logins and does not hang up. Nothing is answered
// afterwards, pings included, so that the client can find out.
func openRefusal() faultKind {
	f := loginFault(faultKind{
		FaultInfo: FaultInfo{
			Kind: FaultRefuse503Open, About: "login refused: service unavailable, and the socket stays open and deaf",
			Options: []string{OptionTimes, OptionLater},
		},
		atLogin: func(c *conn, _ FaultOptions) {
			c.network.stats.refused.Add(1)
			c.deaf.Store(true)
			c.say(*failure(503))
		},
	})
	f.strikeCode = func(_ context.Context, c *conn, opts FaultOptions) error {
		c.deaf.Store(true)
		return c.send(*failure(503))
	}
	return f
}

// unansweredLogin lets logins wait for ever.
func unansweredLogin() faultKind {
	return loginFault(faultKind{
		FaultInfo: FaultInfo{
			Kind: FaultNoAnswerLogin, About: "logins are answered with neither success nor failure, and nothing after them",
			Options: []string{OptionTimes, OptionLater},
		},
		atLogin: func(c *conn, _ FaultOptions) { c.deaf.Store(true) },
	})
}

// intercepted says whether a login, or a client that wants codes, has been dealt
// with: struck by a fault, or turned away for its version. digits is empty for a
// client that nobody knows yet. Its connection may go on, but leads nowhere.
func (c *conn) intercepted(digits string, announced [3]uint32) bool {
	if p := c.network.ambush.loggedIn(digits); p != nil {
		c.log.Info("fault strikes a login", "kind", string(p.kind.Kind))
		p.kind.atLogin(c, p.opts)
		return true
	}
	if c.network.outdated(announced) {
		c.network.stats.refused.Add(1)
		c.end(ending{why: "client is outdated", last: failure(405), wait: c.network.config.Gap})
		return true
	}
	return false
}
