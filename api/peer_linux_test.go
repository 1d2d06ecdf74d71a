package api_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// nobody is a user that is neither root nor ours.
const nobody = 65534

// Even on a socket that everybody can reach, the kernel's word on who connects
// decides.
func TestOtherUsersAreRefusedOverTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	_, a := rooms(t)
	path := overUnix(t, a)
	for p, mode := range map[string]os.FileMode{path: 0o777, filepath.Dir(path): 0o755} {
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
	}
	for uid, want := range map[int]int{0: http.StatusOK, nobody: http.StatusForbidden} {
		if got := statusAs(t, path, uid); got != want {
			t.Errorf("uid %d: %d, want %d", uid, got, want)
		}
	}
}

// statusAs asks as another user, with the right token: none helps here.
func statusAs(t *testing.T, path string, uid int) int {
	t.Helper()
	c := dialAs(t, path, uid)
	defer c.Close()
	r, err := http.NewRequest(http.MethodGet, "http://localhost/api/v1/system", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if err := r.Write(c); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// dialAs connects as another user: on a thread of its own, which takes that
// user's rights and ends with them.
func dialAs(t *testing.T, path string, uid int) net.Conn {
	t.Helper()
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		const keep = ^uintptr(0)
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
			done <- result{nil, errno}
			return
		}
		c, err := net.Dial("unix", path)
		done <- result{c, err}
	}()
	res := <-done
	if res.err != nil {
		t.Fatal(res.err)
	}
	return res.c
}
