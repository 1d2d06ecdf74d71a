package sandbox

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	start := time.Unix(1_000_000_000, 0)
	for _, test := range []struct {
		name   string
		at     []int // seconds after start
		since  int
		counts map[int]int // by seconds after since
		length int
		most   int
		ever   int
	}{
		{name: "never"},
		{name: "once", at: []int{0}, counts: map[int]int{0: 1}, length: 1, most: 1, ever: 1},
		{name: "a burst", at: []int{5, 5, 5}, since: 5, counts: map[int]int{0: 3}, length: 1, most: 3, ever: 3},
		{name: "a pause", at: []int{0, 0, 4}, counts: map[int]int{0: 2, 4: 1}, length: 5, most: 2, ever: 2},
		{name: "a clock set back", at: []int{9, 3}, since: 9, counts: map[int]int{0: 2}, length: 1, most: 2, ever: 2},
		{
			name: "the oldest falls out", at: []int{0, 0, 1, rateSpan}, since: 1,
			counts: map[int]int{0: 1, rateSpan - 1: 1}, length: rateSpan, most: 1, ever: 2,
		},
		{name: "all fall out", at: []int{0, 0, 5 * rateSpan}, since: 5 * rateSpan, counts: map[int]int{0: 1}, length: 1, most: 1, ever: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r rate
			for _, second := range test.at {
				r.note(start.Add(time.Duration(second) * time.Second))
			}
			v := r.view()
			if len(v.PerSecond) != test.length || v.Most != test.most || v.MostEver != test.ever {
				t.Fatalf("%d seconds, most %d, ever %d: want %d, %d, %d",
					len(v.PerSecond), v.Most, v.MostEver, test.length, test.most, test.ever)
			}
			if test.length > 0 && !v.Since.Equal(start.Add(time.Duration(test.since)*time.Second)) {
				t.Errorf("since %v", v.Since)
			}
			for second, count := range v.PerSecond {
				if count != test.counts[second] {
					t.Errorf("second %d: %d, want %d", second, count, test.counts[second])
				}
			}
		})
	}
}
