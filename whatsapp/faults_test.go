//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestFaultsAreTold is what the instance hears of each fault that strikes a
// connection that stands.
func TestFaultsAreTold(t *testing.T) {
	for kind, want := range map[sandbox.FaultKind]instance.Fact{
		sandbox.FaultDrop:            {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultWSClose:         {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultWSGoingAway:     {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultWSInternalError: {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultStreamEnd:       {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultReplaced:        {Kind: instance.FactRefused, Cause: fsm.CauseStreamReplaced},
		sandbox.FaultLoggedOut:       {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut},
		sandbox.FaultStream401:       {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		sandbox.FaultStream500:       {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		sandbox.FaultStream503:       {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		sandbox.FaultStream515:       {Kind: instance.FactRedial},
		sandbox.FaultStream516:       {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		sandbox.FaultStream599:       {Kind: instance.FactLost, Cause: fsm.CauseServerError},
		sandbox.FaultUndecryptable:   {Kind: instance.FactUnanswered},
		sandbox.FaultDeaf:            {Kind: instance.FactUnanswered},
	} {
		t.Run(string(kind), func(t *testing.T) {
			inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
				a := r.pair()
				defer a.Close()
				r.fault(kind)
				if f := a.first(); f.Kind != want.Kind || f.Cause != want.Cause {
					t.Errorf("told %+v", f)
				}
			})
		})
	}
}

// TestLoggedOn finds the stream error of which nobody is told.
func TestLoggedOn(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if !a.LoggedOn() {
			t.Error("not logged on after the login")
		}
		r.fault(sandbox.FaultStream503Open)
		time.Sleep(time.Second)
		if a.LoggedOn() || len(a.facts) > 0 {
			t.Errorf("logged on %v, told %d facts", a.LoggedOn(), len(a.facts))
		}
	})
}

func (r *rig) fault(kind sandbox.FaultKind) {
	r.t.Helper()
	if err := r.network.Fault(r.t.Context(), sandbox.Target{Phone: phone}, kind, sandbox.FaultOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// first waits for the next fact.
func (a *attempt) first() instance.Fact {
	a.t.Helper()
	select {
	case f := <-a.facts:
		return f
	case <-time.After(5 * time.Minute):
		a.t.Fatal("nothing was told")
		return instance.Fact{}
	}
}
