//go:build !linux

package main

import "time"

// nap sleeps, to the millisecond or so.
func nap(d time.Duration) { <-time.After(d) }
