package instance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// driver opens connections that do what the test says.
type driver struct {
	mu      sync.Mutex
	opened  []*conn
	refuse  error       // what Open answers
	prepare func(*conn) // changes a connection before it is used
}

func (d *driver) Open(spec instance.Spec) (instance.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return nil, d.refuse
	}
	c := &conn{
		spec: spec, answer: make(chan error, 1), loggedOut: make(chan error, 1),
		codeTyped: make(chan phoneCode, 1), wanted: make(chan string, 8), sentTexts: make(chan error, 1),
		uploads: make(chan error, 1),
	}
	if d.prepare != nil {
		d.prepare(c)
	}
	d.opened = append(d.opened, c)
	return c, nil
}

func (d *driver) conns() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*conn(nil), d.opened...)
}

// conn is one attempt. Dial and Logout wait for the test's answer, or their
// context.
type conn struct {
	spec      instance.Spec
	answer    chan error // Dial's
	loggedOut chan error // Logout's
	dialled   atomic.Bool
	logouts   atomic.Int32
	closed    atomic.Int32

	codeTyped chan phoneCode // PairPhone's
	wanted    chan string    // digits that PairPhone was asked for
	sentTexts chan error     // SendText's
	off       atomic.Bool    // LoggedOn answers false
	gauges    atomic.Pointer[instance.Gauges]
	renewals  atomic.Int32
	onRenew   func(context.Context) (bool, error)
	onFetch   func(context.Context, io.Writer) error
	onPicture func(ctx context.Context, jpeg []byte) (string, error)
	onContact func(ctx context.Context, jid string) (record.Contact, error)
	onName    func(ctx context.Context, name string) error
	onAbout   func(ctx context.Context, about string) error
	uploads   chan error   // Upload's
	uploading atomic.Int32 // calls of Upload under way

	onDial   func(context.Context) error // instead of the above
	onLogout func(context.Context) error
	onClose  func()
}

func (c *conn) Dial(ctx context.Context) error {
	c.dialled.Store(true)
	if c.onDial != nil {
		return c.onDial(ctx)
	}
	return await(ctx, c.answer)
}

func (c *conn) Logout(ctx context.Context) error {
	c.logouts.Add(1)
	if c.onLogout != nil {
		return c.onLogout(ctx)
	}
	return await(ctx, c.loggedOut)
}

// phoneCode is what PairPhone answers.
type phoneCode struct {
	text string
	err  error
}

func (c *conn) PairPhone(ctx context.Context, digits string) (string, error) {
	c.wanted <- digits
	select {
	case a := <-c.codeTyped:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *conn) SendText(ctx context.Context, t instance.Text) (record.Message, error) {
	if err := await(ctx, c.sentTexts); err != nil {
		return record.Message{}, err
	}
	return record.Message{ID: t.ID, Chat: t.To, To: t.To, FromMe: true, Text: t.Body}, nil
}

// Upload reads the file once it is told that it can be uploaded. What sends it then
// is answered as a text is, and ends with the connection.
func (c *conn) Upload(ctx context.Context, f instance.File, content io.ReadSeeker) (instance.Sending, error) {
	c.uploading.Add(1)
	defer c.uploading.Add(-1)
	if err := await(ctx, c.uploads); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(content)
	return func(ctx context.Context) (record.Message, error) {
		if err := await(ctx, c.sentTexts); err != nil {
			return record.Message{}, err
		}
		return record.Message{
			ID: f.ID, Chat: f.To, To: f.To, FromMe: true, Text: f.Caption, Type: "document",
			Media: &record.Media{MIME: f.MIME, Bytes: int64(len(text)), FileName: f.Name, Ref: []byte("r")},
		}, nil
	}, err
}

func (c *conn) Download(ctx context.Context, _ record.Media, w io.Writer) error {
	return c.onFetch(ctx, w)
}

func (c *conn) SetPicture(ctx context.Context, jpeg []byte) (string, error) {
	return c.onPicture(ctx, jpeg)
}

func (c *conn) SetName(ctx context.Context, name string) error { return c.onName(ctx, name) }

func (c *conn) SetAbout(ctx context.Context, about string) error { return c.onAbout(ctx, about) }

func (c *conn) Contact(ctx context.Context, jid string) (record.Contact, error) {
	return c.onContact(ctx, jid)
}

func (c *conn) Renew(ctx context.Context) (bool, error) {
	c.renewals.Add(1)
	if c.onRenew != nil {
		return c.onRenew(ctx)
	}
	return false, nil
}

func (c *conn) LoggedOn() bool { return !c.off.Load() }

func (c *conn) Gauges() instance.Gauges {
	if g := c.gauges.Load(); g != nil {
		return *g
	}
	return instance.Gauges{}
}

func (c *conn) Close() {
	c.closed.Add(1)
	if c.onClose != nil {
		c.onClose()
	}
}

func await(ctx context.Context, answer <-chan error) error {
	select {
	case err := <-answer:
		if errors.Is(err, errPanic) {
			panic(err)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dials gives turns out, at once or when the test says.
type dials struct {
	gated           bool
	urgent, normal  chan struct{}
	asked, gaveWay  atomic.Int32
	waitingUrgently atomic.Int32
	reached, failed atomic.Int32 // as reported
}

func newDials() *dials {
	return &dials{urgent: make(chan struct{}), normal: make(chan struct{})}
}

// Pace waits for nothing: a turn that was given out is good for the dial.
func (d *dials) Pace(ctx context.Context) (land func(), err error) { return func() {}, ctx.Err() }

func (d *dials) Report(reached bool) {
	if reached {
		d.reached.Add(1)
	} else {
		d.failed.Add(1)
	}
}

func (d *dials) Acquire(ctx context.Context, urgent bool) error {
	d.asked.Add(1)
	if !d.gated {
		return ctx.Err()
	}
	turns := d.normal
	if urgent {
		turns = d.urgent
		d.waitingUrgently.Add(1)
		defer d.waitingUrgently.Add(-1)
	}
	select {
	case <-turns:
		return nil
	case <-ctx.Done():
		d.gaveWay.Add(1)
		return ctx.Err()
	}
}

// journal keeps what was committed, as a store would, and refuses changes that
// do not follow from what it has.
type journal struct {
	t       testing.TB
	verdict func(context.Context, instance.Change) error // asked first; nil accepts

	mu      sync.Mutex
	rec     record.Instance
	session *record.Session
	picture *record.Picture
	events  []record.Event
	keys    map[string][]byte // what Keys has left
	tries   int
}

func (j *journal) Commit(ctx context.Context, c instance.Change) error {
	j.mu.Lock()
	j.tries++
	verdict := j.verdict
	j.mu.Unlock()
	if verdict != nil {
		if err := verdict(ctx, c); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.judge(c); err != nil {
		j.t.Errorf("change %+v: %v", c, err)
	}
	if !c.Same {
		j.rec = c.Instance
	}
	if c.Session != nil {
		j.session = c.Session
	}
	if c.Drop {
		j.session = nil
	}
	if c.Picture != nil {
		j.picture = c.Picture
		if c.Picture.Token == "" {
			j.picture = nil
		}
	}
	if c.Drop && j.picture != nil {
		j.t.Error("a picture outlives the session that set it")
	}
	j.events = append(j.events, c.Events...)
	if j.keys == nil {
		j.keys = make(map[string][]byte)
	}
	maps.Copy(j.keys, c.Keys)
	return nil
}

// judge holds a change against the table and against what was stored before.
func (j *journal) judge(c instance.Change) error {
	var moved *fsm.Transition
	for _, e := range c.Events {
		switch {
		case e.Kind == record.InstanceExported && e.Stream == record.DaemonStream:
			continue
		case e.Stream != j.rec.ID:
			return errors.New("event of another stream")
		case e.Transition != nil && moved != nil:
			return errors.New("two transitions in one change")
		case e.Message != nil, e.Kind == record.PictureUpdated: // they are about no connection
		case e.Info == nil || e.Info.State != c.Instance.State:
			return errors.New("event without the information of its moment")
		}
		if e.Transition != nil {
			moved = e.Transition
			was := record.Before{Cause: j.rec.Cause, CanRestore: j.session != nil && j.rec.ExportedAt.IsZero()}
			if e.Before == nil || *e.Before != was {
				return fmt.Errorf("it was %+v before, the event says %+v", was, e.Before)
			}
		}
	}
	switch {
	case !j.rec.DeletedAt.IsZero():
		return errors.New("written after the deletion")
	case c.Instance.State != fsm.AuthenticatedClosed && !c.Instance.RetryAt.IsZero():
		return errors.New("a retry is scheduled outside 11")
	case moved == nil && c.Instance.State != j.rec.State:
		return errors.New("moved without a transition")
	case moved == nil && c.Drop && c.Instance.DeletedAt.IsZero():
		return errors.New("session dropped without a transition")
	case moved == nil && c.Session != nil && j.session == nil:
		return errors.New("session made without a transition")
	case moved == nil:
		return nil
	}
	row, legal := fsm.Next(moved.From, j.session != nil, moved.Event)
	switch {
	case moved.From != j.rec.State:
		return errors.New("does not begin where the last one ended")
	case !legal || row.To != moved.To || moved.To != c.Instance.State:
		return errors.New("not in the table")
	case row.Makes != (c.Session != nil):
		return errors.New("session and transition are not one change")
	case row.Drops != c.Drop:
		return errors.New("the session's end and the transition are not one change")
	case moved.Cause != c.Instance.Cause || moved.Hint != moved.Cause.Hint() || !moved.At.Equal(c.Instance.Since):
		return errors.New("record and transition differ")
	}
	return nil
}

// errPanic makes whoever is answered with it panic.
var errPanic = errors.New("on purpose")

// errFull is what a store says that cannot be written.
var errFull = fmt.Errorf("disk full: %w", instance.ErrUnavailable)

// fail makes every commit answer err; nil heals.
func (j *journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.verdict = nil
	if err != nil {
		j.verdict = func(context.Context, instance.Change) error { return err }
	}
}
