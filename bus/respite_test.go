package bus

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRespite is how often a server is started again where that helps nothing.
func TestRespite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r respite
		if !r.over() {
			t.Error("the first start has to wait")
		}
		for i, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			r.begin()
			time.Sleep(time.Duration(want)*time.Second - time.Nanosecond) //nolint:forbidigo // in a bubble
			if r.over() {
				t.Errorf("start %d comes before %d s", i+1, want)
			}
			time.Sleep(time.Nanosecond) //nolint:forbidigo // in a bubble
			if !r.over() {
				t.Errorf("start %d comes after %d s", i+1, want)
			}
		}
	})
}
