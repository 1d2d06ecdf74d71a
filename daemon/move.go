package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
)

// mover moves instances between daemons; see [api.Mover]. One at a time is
// packed or unpacked: deriving a key takes 64 MiB.
type mover struct {
	*fleet
	network string
	turn    turn
	cost    seal.Cost
}

func newMover(f *fleet, network string, cost seal.Cost) *mover {
	return &mover{fleet: f, network: network, turn: newTurn(), cost: cost}
}

// enter waits for the turn, no longer than a command may take: a file can be
// minutes on its way in.
func (m *mover) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.timing.Command)
	defer cancel()
	if m.turn.enter(ctx) != nil {
		return fmt.Errorf("%w: another instance is being moved", instance.ErrNotReady)
	}
	return nil
}

func (m *mover) leave() { m.turn.leave() }

// idRule is what newID makes, and nothing that reaches into another's keys.
var idRule = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// Export implements [api.Mover].
func (m *mover) Export(ctx context.Context, id, passphrase string, w io.Writer) error {
	if len(passphrase) < seal.MinPassphrase {
		return &instance.InvalidError{Field: "passphrase", Problem: fmt.Sprintf("must have at least %d bytes", seal.MinPassphrase)}
	}
	p, out, err := m.seal(ctx, id, passphrase, w)
	if err != nil {
		return err
	}
	return errors.Join(p.write(out), out.Close()) // as slowly as it is taken
}

func (m *mover) seal(ctx context.Context, id, passphrase string, w io.Writer) (*parcel, io.WriteCloser, error) {
	if err := m.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer m.leave()
	p, err := m.pack(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	out, err := seal.NewWriter(w, passphrase, m.cost)
	return p, out, err
}

// pack fences the instance and takes what makes it up.
func (m *mover) pack(ctx context.Context, id string) (*parcel, error) {
	member := m.byID(id)
	if member == nil {
		return nil, instance.ErrNotFound
	}
	i := member.live.Load()
	if !i.Status().Record.DeletedAt.IsZero() {
		return nil, instance.ErrDeleted
	}
	rec, session, err := i.Fence(ctx, rand.Text())
	if err != nil {
		return nil, err
	}
	p := &parcel{keys: make(map[string][]byte), manifest: manifest{
		Export: rec.ExportID, ExportedAt: rec.ExportedAt, Network: m.network,
		Instance: rec, Session: *session, Green: member.green.Load(), Endpoint: member.webhook(), Endpoints: m.others(id),
		Epoch: m.store.Epoch(id), Seq: m.store.Head(id),
	}}
	size := 0
	err = m.store.Device(id, session.ID).Scan(nil, func(k, v []byte) error {
		p.keys[string(k)] = append([]byte{}, v...)
		if size += len(k) + len(v) + 8; size > api.MaxImport-maxFrame {
			return &api.RefusedError{Problem: "the instance has more than 240 MiB of keys: move the whole database with switchhook backup and restore"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !i.Status().Record.DeletedAt.IsZero() {
		return nil, instance.ErrDeleted // and the keys with it, while they were read
	}
	m.log.Info("instance exported; it does not run here any more", "instance", id, "export", rec.ExportID, "keys", len(p.keys))
	return p, nil
}

// Import implements [api.Mover].
func (m *mover) Import(ctx context.Context, r io.Reader, passphrase, name string) (api.Entry, error) {
	if err := m.enter(ctx); err != nil {
		return api.Entry{}, err
	}
	defer m.leave()
	p, err := unpack(r, passphrase)
	if err != nil {
		return api.Entry{}, err
	}
	if p.Network != m.network {
		return api.Entry{}, &api.RefusedError{Problem: fmt.Sprintf("the file was exported on the network %q, and this daemon is on %q", p.Network, m.network)}
	}
	switch at, err := m.store.Imported(p.Export); {
	case err != nil:
		return api.Entry{}, err
	case !at.IsZero():
		return api.Entry{}, &api.RefusedError{Problem: "this file was imported here already on " + at.Format("2006-01-02 15:04 UTC") + ": " +
			"its keys have moved on since, and must not be used twice; export the instance again where it runs"}
	}
	old := m.byID(p.Instance.ID)
	if old == nil {
		return m.settle(ctx, p, name)
	}
	switch st := old.live.Load().Status(); {
	case !st.Record.DeletedAt.IsZero():
		return api.Entry{}, &api.RefusedError{Problem: "the instance is being deleted here: import it again when that is done"}
	case st.Record.ExportedAt.IsZero():
		return api.Entry{}, &api.RefusedError{Problem: "the instance runs here already, as " + old.name}
	case p.Export == st.Record.ExportID:
		return api.Entry{}, &api.RefusedError{Problem: "the instance left this daemon with this very file: if it runs elsewhere, export it there and import that file; " +
			"if the file was imported nowhere, lift the fence with switchhook instance unfence " + old.name + " --force"}
	case p.Instance.Moves < st.Record.Moves:
		return api.Entry{}, &api.RefusedError{Problem: "the file is older than the session here, which has been taken back since: " +
			"its keys have moved on, and must not be used twice; import the file of the last export"}
	case name != "" && name != old.name:
		return api.Entry{}, &api.RefusedError{Problem: "the instance exists here, as " + old.name + ": import it without another name"}
	}
	return m.takeBack(ctx, old, p)
}

// unpack reads a file. What is wrong with it is for the caller.
func unpack(r io.Reader, passphrase string) (*parcel, error) {
	in, err := seal.NewReader(r, passphrase)
	var p *parcel
	if err == nil {
		p, err = readParcel(in)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); err != nil && !large {
		return nil, &api.RefusedError{Problem: err.Error()}
	}
	return p, err
}

// settle makes an instance of a parcel.
func (m *mover) settle(ctx context.Context, p *parcel, name string) (api.Entry, error) {
	if name == "" {
		name = p.Instance.Name
	}
	if err := m.checkSpec(api.AddSpec{Name: name}); err != nil {
		return api.Entry{}, err
	}
	unuse, err := m.tenants.adopt(ctx, tenantOf(p.Instance))
	if err != nil {
		return api.Entry{}, err
	}
	defer unuse()
	if err := m.reserve(name); err != nil {
		return api.Entry{}, err
	}
	member, err := m.adopt(ctx, p, name)
	m.mu.Lock()
	delete(m.adding, name)
	if err == nil {
		m.register(member)
		if m.running != nil {
			m.supervise(member)
		}
	}
	m.mu.Unlock()
	if err != nil {
		return api.Entry{}, err
	}
	m.resumeGreen(ctx, member)
	m.log.Info("instance imported; restore connects it", "instance", member.id, "export", p.Export)
	return m.entry(member), nil
}

// adopt stores the instance of a parcel: it waits for an operator to restore it.
func (m *mover) adopt(ctx context.Context, p *parcel, name string) (*member, error) {
	now := time.Now().UTC()
	rec := p.Instance
	rec.Name, rec.DeletedAt, rec.ExportID, rec.ExportedAt, rec.Moves = name, time.Time{}, "", time.Time{}, rec.Moves+1
	rec.State, rec.Cause, rec.Since, rec.RetryAt, rec.Attempts = fsm.AuthenticatedClosed, fsm.CauseOperator, now, time.Time{}, 0
	if _, _, err := m.FindWID(ctx, rec.WID); err == nil || rec.WID == "" {
		rec.WID = uuid.NewString()
	}
	green, err := m.unpackGreen(p)
	if err != nil {
		return nil, err
	}
	ch := m.store.Change()
	ch.PutInstance(rec)
	m.putKeys(ch, p)
	ch.ContinueStream(rec.ID, p.Epoch, p.Seq)
	ch.Append(moved(record.InstanceImported, rec, p.Export))
	return m.settleIn(ctx, ch, rec, green, max(m.store.Head(rec.ID), p.Seq), m.endpointsOf(p, rec)...)
}

// others answers the endpoints of an instance but those that its configuration and
// GREEN-API's settings make.
func (m *mover) others(id string) []record.Endpoint {
	return slices.DeleteFunc(m.book.of(owner{stream: id}), func(ep record.Endpoint) bool { return ep.ID == webhookID(id) || isGreen(&ep) })
}

// endpointsOf answers the endpoints that come in with an instance.
func (m *mover) endpointsOf(p *parcel, rec record.Instance) []record.Endpoint {
	ep := p.Endpoint
	ep.ID, ep.Name, ep.Stream, ep.Tenant = webhookID(rec.ID), webhookName, rec.ID, ""
	step(&ep, rec.Config)
	out := []record.Endpoint{ep}
	names := map[string]bool{webhookName: true, greenName: true}
	for _, ep := range p.Endpoints {
		if names[ep.Name] || !nameRule.MatchString(ep.Name) || len(out) == maxEndpoints {
			continue // nothing that export has written
		}
		names[ep.Name] = true
		if _, taken := m.book.get(ep.ID); taken || !idRule.MatchString(ep.ID) {
			ep.ID = newID("e")
		}
		ep.Stream, ep.Tenant = rec.ID, ""
		out = append(out, ep)
	}
	return out
}

// takeBack lifts the fence of the instance that a parcel came from. Its session
// and keys are the parcel's from then on; its configuration stays as it is here.
func (m *mover) takeBack(ctx context.Context, old *member, p *parcel) (api.Entry, error) {
	// First: whatever happens then, a token that was replaced there is not valid here.
	if err := m.takeGreenBack(ctx, old, p); err != nil {
		return api.Entry{}, err
	}
	_, err := old.live.Load().Unfence(ctx, func(rec record.Instance) (record.Instance, *record.Session, error) {
		rec.Stats, rec.Moves = p.Instance.Stats, max(rec.Moves, p.Instance.Moves)+1
		ch := m.store.Change()
		ch.PutInstance(rec)
		ch.DropSession(rec.ID)
		m.putKeys(ch, p)
		ch.ContinueStream(rec.ID, p.Epoch, 0)
		ch.Append(moved(record.InstanceImported, rec, p.Export))
		_, err := m.store.Commit(ctx, ch)
		return rec, &p.Session, unavailable(err)
	})
	if err != nil {
		return api.Entry{}, err
	}
	m.log.Info("instance taken back; restore connects it", "instance", old.id, "export", p.Export)
	return m.entry(old), nil
}

func (m *mover) putKeys(ch *store.Change, p *parcel) {
	ch.PutSession(p.Instance.ID, p.Session)
	ch.PutDevice(p.Instance.ID, p.Session.ID, p.keys)
	ch.PutImport(p.Export, time.Now())
}

// Unfence implements [api.Mover].
func (m *mover) Unfence(ctx context.Context, id string) (api.Entry, error) {
	if err := m.enter(ctx); err != nil {
		return api.Entry{}, err
	}
	defer m.leave()
	member := m.byID(id)
	if member == nil {
		return api.Entry{}, instance.ErrNotFound
	}
	i := member.live.Load()
	before := i.Status().Record.ExportID
	session, err := m.store.Session(id)
	if err != nil {
		return api.Entry{}, err
	}
	_, err = i.Unfence(ctx, func(rec record.Instance) (record.Instance, *record.Session, error) {
		rec.Moves++
		ch := m.store.Change()
		ch.PutInstance(rec)
		ch.ContinueStream(id, 0, 0) // whoever has the file may have gone on in this epoch
		ch.PutImport(before, time.Now())
		ch.Append(moved(record.InstanceUnfenced, rec, before))
		_, err := m.store.Commit(ctx, ch)
		return rec, session, unavailable(err)
	})
	if err != nil {
		return api.Entry{}, err
	}
	m.log.Warn("fence of an exported instance lifted by force", "instance", id, "export", before)
	return m.entry(member), nil
}

// moved is an event about a move, for the daemon's stream.
func moved(kind record.Kind, rec record.Instance, export string) record.Event {
	return record.Event{
		Stream: record.DaemonStream, Kind: kind, At: time.Now().UTC(), Name: rec.Name,
		Data: fmt.Appendf(nil, `{"instance":%q,"export":%q}`, rec.ID, export),
	}
}
