package main

import (
	"testing"
	"time"
)

func TestMost(t *testing.T) {
	for name, tt := range map[string]struct {
		ms   []int
		want int
	}{
		"none":              {nil, 0},
		"one":               {[]int{7}, 1},
		"a second apart":    {[]int{0, 1000, 2000}, 1},
		"just less":         {[]int{0, 999, 1998}, 2},
		"at one moment":     {[]int{5, 5, 5}, 3},
		"across the second": {[]int{0, 600, 1100, 1500, 1599, 3000}, 4},
		"even pace":         {[]int{0, 250, 500, 750, 1000, 1250, 1500}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			var at []time.Time
			for _, ms := range tt.ms {
				at = append(at, began.Add(time.Duration(ms)*time.Millisecond))
			}
			if got := most(at, time.Second); got != tt.want {
				t.Errorf("most is %d, want %d", got, tt.want)
			}
		})
	}
}

func TestTally(t *testing.T) {
	u := &under{up: newTally()}
	for _, line := range []string{
		`level=INFO msg="connection changed" instance=a from=4 to=10 event=login_accepted`,
		`level=INFO msg="connection changed" instance=b from=4 to=10 event=login_accepted`,
		`level=INFO msg="connection changed" instance=a from=10 to=11 event=connection_lost`,
		`level=INFO msg="connection changed" instance=a from=11 to=1 event=retry_due`,
		`level=INFO msg="something else" from=4 to=10 `,
	} {
		u.read(line)
	}
	if u.up.up != 1 {
		t.Errorf("%d are up, want 1", u.up.up)
	}
}
