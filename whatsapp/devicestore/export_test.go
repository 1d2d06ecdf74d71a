package devicestore

// Peek is peek.
var Peek = peek

// OccupyMakers keeps prekeys from being made until the function it returns is
// called.
func OccupyMakers() (release func()) {
	for range cap(makers) {
		makers <- struct{}{}
	}
	return func() {
		for range cap(makers) {
			<-makers
		}
	}
}

// Waiting reports whether somebody waits for prekeys to be made.
func (c *Container) Waiting() bool {
	k := c.active.Load()
	k.preKeys.mu.Lock()
	defer k.preKeys.mu.Unlock()
	return k.preKeys.taken
}

// NewIdle makes a keyring that does nothing.
func NewIdle(b Backend) any { return newKeyring(b, nil, nil) }
