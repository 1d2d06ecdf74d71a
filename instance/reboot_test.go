package instance_test

import (
	"testing"

	"github.com/switchhook/switchhook/fsm"
)

// TestRebootComesBack: the old connection is closed before the new one is dialled,
// and what the old one still says moves nothing.
func TestRebootComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old := r.authenticated()
		r.trail()
		c := r.command("reboot")
		c.wantErr(t, nil)
		fresh := r.conn()
		if fresh == old || old.closed.Load() == 0 {
			t.Fatal("the old connection stands")
		}
		r.tell(old, loggedOut)
		r.connected()
		r.tell(fresh, up)
		r.want(fsm.Authenticated, fsm.CauseProgress)
		r.wantTrail("10>11 restart, 11>1 operator, 1>2 progress, 2>4 progress, 4>10 progress")
	})
}

// TestRebootCutShortComesBack: a daemon that ends right after the first of a reboot's
// two commits dials by itself when it starts.
func TestRebootCutShortComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.authenticated()
		r.trail()
		rec := r.journal.rec
		r.command("reboot").wantErr(t, nil)
		first := r.journal.events[len(r.journal.events)-2]
		if first.Transition == nil || first.Transition.To != fsm.AuthenticatedClosed || first.Info.RetryAt.IsZero() {
			t.Fatalf("the first commit was %+v", first)
		}
		session := r.journal.session
		r.halt()
		rec.State, rec.Cause, rec.RetryAt = fsm.AuthenticatedClosed, fsm.CauseRestart, first.Info.RetryAt
		r.start(rec, session)
		r.connected()
		r.tell(r.conn(), up)
		r.want(fsm.Authenticated, fsm.CauseProgress)
	})
}
