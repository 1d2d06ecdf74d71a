package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
)

// phones is the sandbox as an operator drives it: by instance.
type phones struct {
	control sandbox.Control
	fleet   *fleet
}

// Scan implements [api.Sandbox].
func (p phones) Scan(ctx context.Context, id, phone string) (digits string, err error) {
	m := p.fleet.byID(id)
	if m == nil {
		return "", instance.ErrNotFound
	}
	code := m.live.Load().Status().Code
	if code == nil {
		return "", &api.SandboxError{Problem: "the instance shows no code now: generate one first, for example with switchhook link " + m.name}
	}
	d, err := p.control.Scan(ctx, phone, code.Text)
	if err != nil {
		return "", sandboxProblem(err)
	}
	return d.Phone, nil
}

// Type implements [api.Sandbox].
func (p phones) Type(ctx context.Context, id, phone string) (digits string, err error) {
	m := p.fleet.byID(id)
	if m == nil {
		return "", instance.ErrNotFound
	}
	code, asked := m.live.Load().Status().PairingCode, m.asked.Load()
	if code == nil || asked == nil {
		return "", &api.SandboxError{Problem: "the instance shows no code to type now: make one first, for example with switchhook link " + m.name + " --phone 5511999990000"}
	}
	if phone == "" {
		phone = *asked
	}
	d, err := p.control.TypeCode(ctx, phone, code.Text)
	if err != nil {
		return "", sandboxProblem(err)
	}
	return d.Phone, nil
}

// Write implements [api.Sandbox].
func (p phones) Write(ctx context.Context, id string, l api.Letter) (api.Written, error) {
	m := p.fleet.byID(id)
	if m == nil {
		return api.Written{}, instance.ErrNotFound
	}
	spec := sandbox.SendSpec{From: l.From, To: m.live.Load().Status().Info.Phone, PushName: l.Name}
	if spec.To == "" {
		return api.Written{}, &api.SandboxError{Problem: "the instance has no account that a phone could write to: link it first, with switchhook link " + m.name}
	}
	switch {
	case len(l.Image) > 0:
		spec.Media = &sandbox.Media{Kind: "image", MIME: http.DetectContentType(l.Image), Bytes: l.Image, Caption: l.Text}
	case l.React != "":
		spec.Reaction = &sandbox.Reaction{Target: l.React, Emoji: l.Text}
	case l.Edit != "":
		spec.Edit = &sandbox.Edit{Target: l.Edit, Text: l.Text}
	case l.Delete != "":
		spec.Revoke = &sandbox.Revoke{Target: l.Delete}
	case l.Call:
		spec.Call = &sandbox.Call{}
	default:
		spec.Text = l.Text
	}
	sent, err := p.control.Send(ctx, spec)
	if err != nil {
		return api.Written{}, sandboxProblem(err)
	}
	w := api.Written{ID: sent.ID, From: digitsOf(sent.From), To: spec.To}
	for _, c := range sent.Copies {
		w.Taken = w.Taken || c.Acknowledged
	}
	return w, nil
}

// Behave implements [api.Sandbox].
func (p phones) Behave(ctx context.Context, b api.Behaviour) error {
	return sandboxProblem(p.control.Behave(ctx, b.Phone, sandbox.Behaviour{
		Receipts: sandbox.Receipts(b.Receipts), RefuseWith: b.RefuseWith, Silent: b.Silent, Downloads: sandbox.Downloads(b.Downloads),
		Portraits: sandbox.Portraits(b.Portraits),
		Profiles:  sandbox.Profiles(b.Profiles),
		Uploads:   sandbox.Uploads(b.Uploads),
	}))
}

// Inbox implements [api.Sandbox].
func (p phones) Inbox(ctx context.Context, phone string) ([]api.Received, error) {
	all, err := p.control.Received(ctx, phone)
	if err != nil {
		return nil, sandboxProblem(err)
	}
	out := make([]api.Received, 0, len(all))
	for _, m := range all {
		out = append(out, api.Received{
			ID: m.ID, From: digitsOf(m.From), To: digitsOf(m.To), At: m.At, Text: m.Text, Type: m.Kind,
			MIME: m.MIME, FileName: m.FileName, Bytes: m.Bytes,
		})
	}
	return out, nil
}

// digitsOf answers what a JID begins with.
func digitsOf(jid string) string {
	end := strings.IndexFunc(jid, func(r rune) bool { return r < '0' || r > '9' })
	return jid[:max(end, 0)]
}

// Fault implements [api.Sandbox].
func (p phones) Fault(ctx context.Context, id string, f api.FaultSpec) error {
	kind, opts := sandbox.FaultKind(f.Kind), sandbox.FaultOptions{
		NoGap: f.NoGap, Times: f.Times, Later: f.Later, Expire: time.Duration(f.Expire) * time.Second, Code: f.Code,
	}
	if id == "" {
		err := p.control.Fault(ctx, sandbox.Target{}, kind, opts)
		if errors.Is(err, sandbox.ErrBadTarget) {
			return &api.SandboxError{Problem: f.Kind + " befalls one instance, not the whole network: give its NAME in place of --network"}
		}
		return sandboxProblem(err)
	}
	known := sandbox.FaultKinds()
	i := slices.IndexFunc(known, func(k sandbox.FaultInfo) bool { return k.Kind == kind })
	m := p.fleet.byID(id)
	if m == nil {
		return instance.ErrNotFound
	}
	st := m.live.Load().Status()
	var target sandbox.Target
	switch {
	case i < 0: // the sandbox says which there are
		return sandboxProblem(p.control.Fault(ctx, target, kind, opts))
	case st.Info.Phone != "":
		target.Phone = st.Info.Phone
	case st.Code != nil:
		target.Code = st.Code.Text
	case slices.Contains(known[i].Targets, sandbox.TargetNetwork):
		return &api.SandboxError{Problem: fmt.Sprintf("the instance has no account and shows no code (state %d): lay the fault for everybody with "+
			"switchhook sandbox fault --network %s, and then link the instance", st.Info.State, kind)}
	default:
		return &api.SandboxError{Problem: fmt.Sprintf("the instance has no account and shows no code (state %d): nothing in the sandbox belongs to it "+
			"that %s could befall; let it show one with switchhook link %s", st.Info.State, kind, m.name)}
	}
	return sandboxProblem(p.control.Fault(ctx, target, kind, opts))
}

// Kinds implements [api.Sandbox].
func (p phones) Kinds() []api.FaultKind {
	var out []api.FaultKind
	for _, k := range sandbox.FaultKinds() {
		out = append(out, api.FaultKind{Name: string(k.Kind), What: k.About, Targets: k.Targets, Options: k.Options})
	}
	return out
}

// sandboxProblem shows what the sandbox says: it knows no secrets but the code,
// which it does not repeat.
func sandboxProblem(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &api.SandboxError{Problem: err.Error()}
}

// sandboxDialer answers how the driver reaches a sandbox at a URL.
func sandboxDialer(raw string) (func(context.Context) (net.Conn, error), error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("sandbox.url: %q is not a URL such as http://127.0.0.1:8090", raw)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "80")
	}
	var d net.Dialer
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", host) }, nil
}
