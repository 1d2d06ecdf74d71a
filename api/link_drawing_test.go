package api

import (
	"testing"
	"testing/synctest"
)

// TestDrawingTakesTurns: however many pictures are asked for, no more are drawn at a
// time than there are places.
func TestDrawingTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := make(drawing, 2)
		d <- struct{}{}
		d <- struct{}{}
		const waiting = 50
		drawn := make(chan error, waiting)
		for range waiting {
			go func() {
				_, _, err := d.draw("https://hook.example/m/x", "png")
				drawn <- err
			}()
		}
		synctest.Wait()
		if n := len(drawn); n != 0 {
			t.Fatalf("%d were drawn without a place", n)
		}
		<-d
		for range waiting {
			if err := <-drawn; err != nil {
				t.Error(err)
			}
		}
		if n := len(d); n != 1 {
			t.Errorf("%d places are taken, want the one that was not given back", n)
		}
	})
}
