package fsm_test

import (
	"context"
	"errors"
	"testing"

	looplab "github.com/looplab/fsm"
)

// The tests of this file hold what the package relies on in looplab/fsm 1.0.3.
// One that fails after an upgrade says which promise of mover.go to look at.

var errVeto = errors.New("veto")

func door(hooks looplab.Callbacks) *looplab.FSM {
	return looplab.NewFSM("shut", looplab.Events{
		{Name: "open", Src: []string{"shut"}, Dst: "open"},
		{Name: "close", Src: []string{"open"}, Dst: "shut"},
		{Name: "knock", Src: []string{"shut"}, Dst: "shut"},
	}, hooks)
}

func TestLooplabBeforeEventVetoes(t *testing.T) {
	veto := true
	d := door(looplab.Callbacks{"before_event": func(_ context.Context, e *looplab.Event) {
		if veto {
			e.Cancel(errVeto)
		}
	}})
	if err := d.Event(t.Context(), "open"); !errors.Is(err, errVeto) || d.Current() != "shut" {
		t.Fatalf("vetoed: %v, in %s", err, d.Current())
	}
	veto = false
	if err := d.Event(t.Context(), "open"); err != nil || d.Current() != "open" {
		t.Fatalf("after the veto: %v, in %s", err, d.Current())
	}
}

// TestLooplabCancelledContext is the trap that mover.move avoids with a context
// that nobody can cancel.
func TestLooplabCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := door(looplab.Callbacks{"before_event": func(context.Context, *looplab.Event) { cancel() }})
	if err := d.Event(ctx, "open"); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled under way: %v", err)
	}
	var stuck looplab.InTransitionError
	if err := d.Event(t.Context(), "open"); !errors.As(err, &stuck) {
		t.Fatalf("the trap is gone: %v, in %s", err, d.Current())
	}
}

func TestLooplabSelfTransition(t *testing.T) {
	var ran []string
	note := func(name string) looplab.Callback {
		return func(context.Context, *looplab.Event) { ran = append(ran, name) }
	}
	d := door(looplab.Callbacks{
		"before_event": note("before"), "leave_state": note("leave"), "enter_state": note("enter"),
	})
	var none looplab.NoTransitionError
	if err := d.Event(t.Context(), "knock"); !errors.As(err, &none) || none.Err != nil {
		t.Fatalf("a self-transition answers %v", err)
	}
	if len(ran) != 1 || ran[0] != "before" {
		t.Fatalf("a self-transition ran %v", ran)
	}
}

// TestLooplabLeaveVetoesLate is why no leave hook is registered.
func TestLooplabLeaveVetoesLate(t *testing.T) {
	committed := false
	d := door(looplab.Callbacks{
		"before_event": func(context.Context, *looplab.Event) { committed = true },
		"leave_state":  func(_ context.Context, e *looplab.Event) { e.Cancel(errVeto) },
	})
	if err := d.Event(t.Context(), "open"); !errors.Is(err, errVeto) || !committed || d.Current() != "shut" {
		t.Fatalf("committed %t, in %s: %v", committed, d.Current(), err)
	}
}

func TestLooplabEnterCannotVeto(t *testing.T) {
	d := door(looplab.Callbacks{"enter_state": func(_ context.Context, e *looplab.Event) { e.Cancel(errVeto) }})
	_ = d.Event(t.Context(), "open") // answers the error although it moved
	if d.Current() != "open" {
		t.Fatalf("enter_state vetoed: in %s", d.Current())
	}
}

func TestLooplabIgnoresMisspeltHooks(t *testing.T) {
	d := door(looplab.Callbacks{"before_evnt": func(_ context.Context, e *looplab.Event) { e.Cancel(errVeto) }})
	if err := d.Event(t.Context(), "open"); err != nil {
		t.Fatalf("a misspelt hook ran: %v", err)
	}
}
