package sandbox

import (
	"context"
	"slices"
	"sync"
)

// pending is a fault that lies in wait for attempts.
type pending struct {
	kind  *faultKind
	phone string // whom it was laid for, "" for whoever comes; a dial strikes whoever comes all the same
	left  int    // below 0: no end
	opts  FaultOptions
}

// ambush holds the faults that lie in wait, oldest first. Any goroutine may call
// it.
type ambush struct {
	mu    sync.Mutex
	dial  []*pending // below: guarded by mu
	login []*pending
}

// lay adds a fault. The number of attempts is in the options.
func (a *ambush) lay(kind *faultKind, phone string, opts FaultOptions) {
	p := &pending{kind: kind, phone: phone, left: opts.Times, opts: opts}
	if opts.Times == 0 {
		p.left = 1
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if kind.Stage == StageDial {
		a.dial = append(a.dial, p)
	} else {
		a.login = append(a.login, p)
	}
}

// dialled returns the fault that strikes this dial, or nil. The attempt counts.
func (a *ambush) dialled() *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	return spring(&a.dial, func(*pending) bool { return true })
}

// loggedIn returns the fault that strikes this login, or nil. The attempt counts.
// A fault for the phone goes before one for everybody; no phone is one that is
// not known yet.
func (a *ambush) loggedIn(phone string) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	if phone != "" {
		if p := spring(&a.login, func(p *pending) bool { return p.phone == phone }); p != nil {
			return p
		}
	}
	return spring(&a.login, func(p *pending) bool { return p.phone == "" })
}

func spring(waiting *[]*pending, meant func(*pending) bool) *pending {
	i := slices.IndexFunc(*waiting, meant)
	if i < 0 {
		return nil
	}
	p := (*waiting)[i]
	if p.left > 0 {
		if p.left--; p.left == 0 {
			*waiting = slices.Delete(*waiting, i, i+1)
		}
	}
	return p
}

// lift calls off what was laid for a phone, or everything if none is given.
func (a *ambush) lift(phone string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if phone == "" {
		a.dial, a.login = nil, nil
		return
	}
	laid := func(p *pending) bool { return p.phone == phone }
	a.dial, a.login = slices.DeleteFunc(a.dial, laid), slices.DeleteFunc(a.login, laid)
}

// count returns how many faults lie in wait.
func (a *ambush) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.dial) + len(a.login)
}

// cutFor cuts the present connections on behalf of a fault that waits for the
// next, so that it need not wait.
func cutFor(ctx context.Context, kind FaultKind, struck []*conn, opts FaultOptions) error {
	if opts.Later {
		return nil
	}
	return endAll(ctx, kind, struck, FaultOptions{}, ending{drop: true})
}

// dialFault completes a fault of the dial. It befalls the whole network, whatever
// the target: at a dial nobody has said who they are.
func dialFault(f faultKind) faultKind {
	f.Stage = StageDial
	f.Options = []string{OptionTimes, OptionLater}
	kind := f.Kind
	laid := f
	f.strikeNetwork = func(n *Network, opts FaultOptions) error {
		n.ambush.lay(&laid, "", opts)
		return nil
	}
	f.strikePhone = func(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
		n.ambush.lay(&laid, digits, opts)
		return cutFor(ctx, kind, n.board.seatedOf(digits), opts)
	}
	f.strikeCode = func(ctx context.Context, c *conn, opts FaultOptions) error {
		c.network.ambush.lay(&laid, "", opts)
		return cutFor(ctx, kind, []*conn{c}, opts)
	}
	return f
}

// loginFault completes a fault of the login. It befalls the logins of a phone's
// companions or, for the whole network, whoever comes next, also to be paired.
func loginFault(f faultKind) faultKind {
	f.Stage = StageLogin
	kind := f.Kind
	laid := f
	f.strikeNetwork = func(n *Network, opts FaultOptions) error {
		n.ambush.lay(&laid, "", opts)
		return nil
	}
	f.strikePhone = func(ctx context.Context, n *Network, digits string, opts FaultOptions) error {
		n.ambush.lay(&laid, digits, opts)
		return cutFor(ctx, kind, n.board.seatedOf(digits), opts)
	}
	return f
}

// healing calls off what lies in wait, and lets the server hear again.
func healing() faultKind {
	return faultKind{
		FaultInfo: FaultInfo{
			Kind: FaultHeal, About: "what was laid for the target, dial faults included, lies in wait no more, and what was deaf hears again",
			Stage: StageSocket,
		},
		strikePhone: func(_ context.Context, n *Network, digits string, _ FaultOptions) error {
			n.ambush.lift(digits)
			hear(n.board.seatedOf(digits))
			return nil
		},
		strikeCode: func(_ context.Context, c *conn, _ FaultOptions) error {
			c.repair()
			hear([]*conn{c})
			return nil
		},
		strikeNetwork: func(n *Network, _ FaultOptions) error {
			n.ambush.lift("")
			all := n.board.all()
			for _, c := range all {
				c.repair()
			}
			hear(all)
			return nil
		},
	}
}

func hear(conns []*conn) {
	for _, c := range conns {
		c.deaf.Store(false)
	}
}
