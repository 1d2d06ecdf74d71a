//go:build !linux

package store

import "go.etcd.io/bbolt"

// release does nothing here; see resident_linux.go.
func release(*bbolt.DB) {}
