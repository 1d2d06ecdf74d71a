package greenapi

import (
	"testing"
	"time"
)

func TestPaceForgets(t *testing.T) {
	p := pace{every: picturePace}
	now := time.Unix(0, 0)
	for id := range int64(100_000) {
		turn, _ := p.enter(id, now)
		turn.spend(now)
		p.leave(id, turn, now)
		now = now.Add(10 * time.Millisecond)
	}
	if n := len(p.turns); n > 2*sweepLeast {
		t.Errorf("%d turns for 1000 in ten seconds", n)
	}
	// A turn that is under way is not forgotten, however old.
	turn, _ := p.enter(-1, now)
	turn.spend(now)
	now = now.Add(time.Hour)
	for id := range int64(3 * sweepLeast) {
		other, _ := p.enter(id, now)
		p.leave(id, other, now)
	}
	if other, wait := p.enter(-1, now); other != nil || wait != picturePace {
		t.Error("two turns at once")
	}
	p.leave(-1, turn, now)
	if other, _ := p.enter(-1, now); other == nil {
		t.Error("no turn is free")
	}
}

func TestSlots(t *testing.T) {
	s := slots{most: 3, each: 2}
	var done []func()
	for _, id := range []int64{1, 1, 2} {
		d, err := s.take(id)
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, d)
	}
	if _, err := s.take(3); err == nil {
		t.Error("more than there are")
	}
	done[2]()
	if _, err := s.take(1); err == nil {
		t.Error("more than one may have")
	}
	for _, d := range done[:2] {
		d()
	}
	if s.all != 0 || len(s.of) != 0 {
		t.Errorf("%d left, %v", s.all, s.of)
	}
}
