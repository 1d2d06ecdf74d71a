package instance_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// call is a command in a goroutine of its own.
type call struct {
	done  chan struct{}
	value any
	err   error
	took  time.Duration
}

// spawn begins a command and waits for nothing.
func spawn(do func(context.Context) (any, error)) *call {
	c := &call{done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(c.done)
		c.value, c.err = do(context.Background())
		c.took = time.Since(began)
	}()
	return c
}

// call begins a command and lets it take effect.
func (r *rig) call(do func(context.Context) (any, error)) *call {
	c := spawn(do)
	synctest.Wait()
	return c
}

// command calls a command by its name.
func (r *rig) command(name string) *call { return r.call(r.named(name)) }

func (c *call) waits() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// wantErr holds that the command was answered like this by now.
func (c *call) wantErr(t testing.TB, want error) {
	t.Helper()
	synctest.Wait()
	if c.waits() {
		t.Fatal("the command still waits")
	}
	if !errors.Is(c.err, want) {
		t.Fatalf("answer %v, want %v", c.err, want)
	}
}

// wantFailed holds that the command was answered with a [instance.FailedError].
func (c *call) wantFailed(t testing.TB, state fsm.State, cause fsm.Cause) {
	t.Helper()
	synctest.Wait()
	if c.waits() {
		t.Fatal("the command still waits")
	}
	var failed *instance.FailedError
	if !errors.As(c.err, &failed) || failed.State != state || failed.Cause != cause {
		t.Fatalf("answer %v, want a failure in %d (%s)", c.err, state, cause)
	}
}

func (r *rig) named(name string) func(context.Context) (any, error) {
	i := r.Instance
	return func(ctx context.Context) (any, error) {
		switch name {
		case "generate":
			return i.Generate(ctx, nil)
		case "close":
			return i.Close(ctx)
		case "restore":
			return i.Restore(ctx)
		case "disconnect":
			return i.Disconnect(ctx)
		case "reboot":
			return i.Reboot(ctx)
		case "save":
			return nil, i.Save(ctx)
		case "clear":
			return i.Clear(ctx)
		case "configure":
			hook := "https://example.org/hook"
			return i.Configure(ctx, instance.Patch{Webhook: &hook})
		case "delete":
			return nil, i.Delete(ctx)
		case "link":
			return i.LinkPhone(ctx, "5511999990000", nil)
		case "link another":
			return i.LinkPhone(ctx, "5511888880000", nil)
		case "send":
			return i.Send(ctx, hello)
		case "send file":
			return i.SendFile(ctx, letter, strings.NewReader("a letter"))
		case "fetch":
			return i.Fetch(ctx, record.Message{ID: "m1", Media: &record.Media{Ref: []byte("r")}})
		case "fence":
			rec, _, err := i.Fence(ctx, "E1")
			return record.Describe(rec, nil), err
		case "unfence":
			return i.Unfence(ctx, func(rec record.Instance) (record.Instance, *record.Session, error) {
				session, err := r.journal.lift(rec)
				return rec, session, err
			})
		}
		panic("no command " + name)
	}
}

// lift stores a record whose fence was lifted, as the daemon does, and answers the
// session.
func (j *journal) lift(rec record.Instance) (*record.Session, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.verdict != nil {
		if err := j.verdict(context.Background(), instance.Change{Instance: rec}); err != nil {
			return nil, err
		}
	}
	j.rec = rec
	return j.session, nil
}
