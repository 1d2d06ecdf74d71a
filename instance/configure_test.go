//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

func TestClear(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rec := newRecord(fsm.NoConnection)
		rec.Stats = record.Stats{Contacts: 1, Chats: 2, SentBytes: 3, ReceivedBytes: 4}
		r.start(rec, newSession())
		r.command("clear").wantErr(t, nil)
		r.agree()
		if st := r.Status(); st.Record.Stats != (record.Stats{}) || !st.Info.CanRestore {
			t.Errorf("after clear: %+v", st.Record)
		}
	})
}

func TestSave(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.authenticated()
		time.Sleep(time.Hour)
		r.command("save").wantErr(t, nil)
		if got := r.journal.session; !got.SavedAt.Equal(time.Now()) || got.ID != "s1" {
			t.Errorf("stored %+v", got)
		}
	})
}

func TestConfigure(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.check = func(url string) error {
			if strings.Contains(url, "127.0.0.1") {
				return errors.New("loopback: set webhook.allow_networks")
			}
			return nil
		}
		r.start(newRecord(fsm.NoConnection), nil)
		set := func(p instance.Patch) (record.Info, error) { return r.Configure(t.Context(), p) }
		bad, good, version, wrong, yes := "http://127.0.0.1/", "https://example.org", "1.1", "2.0", true
		for _, p := range []instance.Patch{{Webhook: &bad, CanBulk: &yes}, {APIVersion: &wrong, CanBulk: &yes}} {
			info, err := set(p)
			var invalid *instance.InvalidError
			if !errors.As(err, &invalid) || r.Status().Record.Config != (record.Config{}) {
				t.Errorf("%v: %+v", err, info)
			}
		}
		info, err := set(instance.Patch{Webhook: &good, APIVersion: &version, CanBulk: &yes})
		want := record.Config{Webhook: good, APIVersion: version, CanBulk: true}
		if err != nil || info.Webhook != good || r.Status().Record.Config != want {
			t.Errorf("%v: %+v", err, r.Status().Record.Config)
		}
		r.agree()
		tries := r.journal.tries
		if _, err := set(instance.Patch{CanBulk: &yes}); err != nil || r.journal.tries != tries {
			t.Errorf("nothing changed: %v, %d commits", err, r.journal.tries-tries)
		}
		none := ""
		if info, err := set(instance.Patch{Webhook: &none}); err != nil || info.Webhook != "" {
			t.Errorf("unset: %v, %+v", err, info)
		}
	})
}

func TestFailedError(t *testing.T) {
	for cause, want := range map[fsm.Cause]string{
		fsm.CauseNetwork:   "the connection went to noConnection (network): try again, and see the daemon's log if it stays so",
		fsm.CauseLoggedOut: "the connection went to noConnection (logged_out): " + fsm.CauseLoggedOut.Hint(),
	} {
		if got := fmt.Sprint(&instance.FailedError{State: fsm.NoConnection, Cause: cause}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for cause, want := range map[fsm.Cause]string{
		fsm.CauseNetwork:      "(network); it is tried again by itself at 2026-01-02 03:04:05 UTC",
		fsm.CauseTemporaryBan: "avoids the next one; it is tried again by itself at 2026-01-02 03:04:05 UTC",
	} {
		if got := fmt.Sprint(&instance.FailedError{State: fsm.AuthenticatedClosed, Cause: cause, RetryAt: at}); !strings.HasSuffix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	if got := (&instance.InvalidError{Field: "name", Problem: "is taken"}).Error(); got != "name: is taken" {
		t.Error(got)
	}
	inst, err := instance.New(instance.Config{Record: newRecord(fsm.NoConnection)})
	if err != nil || inst.ID() != "i1" {
		t.Error(inst.ID(), err)
	}
}
