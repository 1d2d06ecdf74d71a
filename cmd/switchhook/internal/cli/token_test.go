package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTokenIsKept: whoever comes from the hosted service keeps id and token, and the
// token never stands on a command line.
func TestTokenIsKept(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("d75b3a66374942c5b3c019c698abc2067e151558acbd412345\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{
		{"instance add till --id-instance 1101555001 --api-token-file " + file, 0, "1101555001", ""},
		{"instance show till", 0, "d75b3a66374942c5b3c019c698abc2067e151558acbd412345\n", ""},
		{"instance token rotate till", 0, strings.Repeat("f", 50), ""},
		{"instance token rotate till --api-token-file " + file, 0, "d75b3a66", ""},
		{"instance add till2 --id-instance x", 2, "", "it takes a whole number"},
	})
	if err := os.WriteFile(file, []byte("two\nlines"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.play(t, []line{{"instance token rotate till --api-token-file " + file, 1, "", "must hold one line, the apiTokenInstance"}})
}
