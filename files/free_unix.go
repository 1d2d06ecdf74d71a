//go:build linux || darwin

package files

import "syscall"

// free is what the disk of a directory has left for users without privileges.
func free(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // it has another type on darwin
}
