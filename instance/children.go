package instance

import (
	"fmt"
	"runtime/debug"
	"time"
)

// goodbye bounds the waits for a goroutine that heeds no context: at the end of
// Run, where the daemon has 10 s for everything, and before the next dial.
const goodbye = 2 * time.Second

// child runs fn beside the loop; Run does not return before it has. A panic in
// fn becomes the loop's own, where the supervisor can catch it.
func (i *Instance) child(fn func()) {
	i.children.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				i.crash(fmt.Sprintf("%v\n%s", p, debug.Stack()))
			}
		}()
		fn()
	})
}

// crash hands a child's panic to the loop; once that has ended it is only
// logged.
func (i *Instance) crash(what string) {
	select {
	case <-i.leaving:
		i.log.Error("connection panicked while it ended", "panic", what)
		return
	default:
	}
	select {
	case i.crashed <- what:
	default: // one is enough
	}
}

// waitForChildren waits for the children to end, and then no longer than
// goodbye: what hangs must not hold up the daemon's stop.
func (i *Instance) waitForChildren() {
	gone := make(chan struct{})
	go func() {
		i.children.Wait()
		close(gone)
	}()
	limit := time.NewTimer(goodbye)
	defer limit.Stop()
	select {
	case <-gone:
	case <-limit.C:
		i.log.Warn("a connection does not end; it is left behind")
	}
}
