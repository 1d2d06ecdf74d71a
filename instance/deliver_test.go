//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func text(id string) instance.Delivery {
	return instance.Delivery{
		Kind: record.MessageText, Message: &record.Message{ID: id, Text: "hello"},
		Keys: map[string][]byte{"s" + id: {1}}, Session: "s1",
	}
}

func (r *rig) messages() (ids []string) {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	for _, e := range r.journal.events {
		if e.Message != nil {
			ids = append(ids, e.Message.ID)
		}
	}
	return ids
}

func TestDeliverStoresEventAndKeysTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		before := r.journal.tries
		if err := c.spec.Deliver(t.Context(), text("m1")); err != nil {
			t.Fatal(err)
		}
		if got := r.messages(); len(got) != 1 || got[0] != "m1" || r.journal.keys["sm1"] == nil {
			t.Errorf("messages %v, keys %v", got, r.journal.keys)
		}
		if r.journal.tries != before+1 {
			t.Errorf("%d commits for one message", r.journal.tries-before)
		}
		// Keys alone make no event.
		keys := text("m2")
		keys.Kind, keys.Message = "", nil
		if err := c.spec.Deliver(t.Context(), keys); err != nil || len(r.messages()) != 1 || r.journal.keys["sm2"] == nil {
			t.Errorf("keys alone: %v, %v", err, r.messages())
		}
	})
}

// TestDeliverFails holds what becomes of a message that cannot be stored: it is
// refused, the connection ends, and it can come again on the next.
func TestDeliverFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		cause fsm.Cause
	}{
		"store unavailable": {errFull, fsm.CauseStoreUnavailable},
		"refused for good":  {errors.New("too large"), fsm.CauseInternalError},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				c := r.authenticated()
				r.journal.mu.Lock()
				r.journal.verdict = func(_ context.Context, c instance.Change) error {
					if len(c.Keys) > 0 || errors.Is(tt.err, instance.ErrUnavailable) {
						return tt.err
					}
					return nil // it is this message that cannot be stored
				}
				r.journal.mu.Unlock()
				got := make(chan error, 1)
				go func() { got <- c.spec.Deliver(t.Context(), text("m1")) }()
				synctest.Wait()
				if errors.Is(tt.err, instance.ErrUnavailable) {
					if st := r.Status(); st.Degraded == "" || c.closed.Load() == 0 {
						t.Errorf("degraded %q, closed %d times", st.Degraded, c.closed.Load())
					}
				}
				r.journal.fail(nil)
				if errors.Is(tt.err, instance.ErrUnavailable) {
					time.Sleep(r.timing.StoreRetry)
				}
				synctest.Wait()
				if err := <-got; !errors.Is(err, tt.err) {
					t.Errorf("answered %v", err)
				}
				rec := r.Status().Record
				if rec.State != fsm.AuthenticatedClosed || rec.Cause != tt.cause {
					t.Errorf("in %d (%s)", rec.State, rec.Cause)
				}
				if c.closed.Load() == 0 || len(r.messages()) != 0 {
					t.Errorf("closed %d times, messages %v", c.closed.Load(), r.messages())
				}
				time.Sleep(r.wait())
				next := r.connected()
				r.tell(next, up)
				if err := c.spec.Deliver(t.Context(), text("m1")); err == nil {
					t.Error("yesterday's connection delivered")
				}
				if err := next.spec.Deliver(t.Context(), text("m1")); err != nil {
					t.Error(err)
				}
				if got := r.messages(); len(got) != 1 {
					t.Errorf("messages %v", got)
				}
			})
		})
	}
}

func TestDeliverOfAnotherSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		d := text("m1")
		d.Session = "another"
		if err := c.spec.Deliver(t.Context(), d); err == nil || len(r.messages()) != 0 {
			t.Errorf("answered %v, stored %v", err, r.messages())
		}
	})
}

// TestDeliverWhileStopping proves that a message is either stored and answered
// so, or refused.
func TestDeliverWhileStopping(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if err := c.spec.Deliver(t.Context(), text("m1")); err == nil || len(r.messages()) != 0 {
			t.Errorf("answered %v, stored %v", err, r.messages())
		}
	})
}

// TestFigures holds the counters: what was committed goes on from the live
// connection's gauges, a new connection begins where the last one ended, and a
// clear begins anew.
func TestFigures(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.authenticated()
		c.gauges.Store(&instance.Gauges{Sent: 10, Received: 20, Known: true, Contacts: 3, Chats: 2})
		want := record.Stats{Contacts: 3, Chats: 2, SentBytes: 10, ReceivedBytes: 20}
		if st := r.Status(); st.Info.Stats != want || st.Record.Stats != want {
			t.Errorf("live: %+v", st.Info.Stats)
		}
		if err := c.spec.Deliver(t.Context(), text("m1")); err != nil {
			t.Fatal(err)
		}
		if r.journal.rec.Stats != want || r.Status().Info.Stats != want {
			t.Errorf("stored %+v, told %+v", r.journal.rec.Stats, r.Status().Info.Stats)
		}
		c.gauges.Store(&instance.Gauges{Sent: 11, Received: 22, Known: true, Contacts: 3, Chats: 2})
		// Not every message stores them; the status goes on all the same.
		if err := c.spec.Deliver(t.Context(), text("m2")); err != nil {
			t.Fatal(err)
		}
		if got := r.Status().Info.Stats; r.journal.rec.Stats != want || got.SentBytes != 11 || got.ReceivedBytes != 22 {
			t.Errorf("a second message stored %+v, told %+v", r.journal.rec.Stats, got)
		}
		r.tell(c, lost)
		time.Sleep(r.wait())
		next := r.connected()
		next.gauges.Store(&instance.Gauges{Sent: 5, Received: 5})
		r.tell(next, up)
		want = record.Stats{Contacts: 3, Chats: 2, SentBytes: 16, ReceivedBytes: 27}
		if got := r.Status().Info.Stats; got != want {
			t.Errorf("after a reconnect: %+v", got)
		}
		info, err := r.Clear(t.Context())
		if err != nil || info.Stats != (record.Stats{}) || r.Status().Info.Stats != (record.Stats{}) {
			t.Errorf("cleared: %+v, %v", info.Stats, err)
		}
		next.gauges.Store(&instance.Gauges{Sent: 6, Received: 7})
		if got := r.Status().Info.Stats; got != (record.Stats{SentBytes: 1, ReceivedBytes: 2}) {
			t.Errorf("after the clear: %+v", got)
		}
		// Without a session there are no contacts.
		next.gauges.Store(&instance.Gauges{Sent: 6, Received: 7, Known: true, Contacts: 9, Chats: 9})
		r.tell(next, loggedOut)
		if got := r.Status().Info.Stats; got.Contacts != 0 || got.Chats != 0 || got.SentBytes != 1 {
			t.Errorf("logged out: %+v", got)
		}
	})
}
