package main

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

// vendors is a UserSig that the vendor's library for JavaScript has made.
const (
	vendors = "eJw1irEOgjAURf-lzYa0pRbSxMnJiKKRBbdqi7wQoLbVKMZ-NwG82z3nfKDITtHTOJDAIgKL8aM2XcAKR6x0ix364FTo3Rx43ShrUYOknMybTMDWgKSJSGIWE76cqHlZdAakIDz9lx5vIOFKaLrfiiFjF3Z454LXWb629ngvEuzpozznZdgMu7px-Qq*P9PLNGI_"
	key     = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e"
	app     = 1400000000
)

// TestUserSig: a UserSig says what one of the vendor's says, signature and all. It need
// not be the same text: another zlib packs otherwise.
func TestUserSig(t *testing.T) {
	made, err := userSig(app, key, admin, time.Unix(1767323045, 0), 604800*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	got, want := unpack(t, made), unpack(t, vendors)
	if want["TLS.sig"] != "c018NK6zL2b2PyO64hLOCppQqT7io1uYZOYtIzMhkro=" || !reflect.DeepEqual(got, want) {
		t.Errorf("it says %v, want %v", got, want)
	}
}

// unpack reads a UserSig.
func unpack(t *testing.T, sig string) (out map[string]any) {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(strings.NewReplacer("*", "+", "-", "/", "_", "=").Replace(sig))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
