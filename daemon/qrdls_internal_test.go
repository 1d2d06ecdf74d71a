package daemon

import "testing"

// TestTokensProveThemselves: what was made here is known, and nothing else.
func TestTokensProveThemselves(t *testing.T) {
	here, there := qrdls{seal: []byte("here")}, qrdls{seal: []byte("there")}
	seen := make(map[string]bool)
	for range 200 {
		token := here.newToken()
		if len(token) != 24 || seen[token] || !here.proved(token) || there.proved(token) {
			t.Fatalf("%s: seen %t, proved %t, elsewhere %t", token, seen[token], here.proved(token), there.proved(token))
		}
		seen[token] = true
		for i := range token {
			other := []byte(token)
			other[i] = 'a'
			if token[i] == 'a' {
				other[i] = 'b'
			}
			if here.proved(string(other)) {
				t.Errorf("%s proves itself, as %s does", other, token)
			}
		}
	}
	for _, token := range []string{"", "a", "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvw=", "ABCDEFGHIJKLMNOPQRSTUVWX"} {
		if here.proved(token) {
			t.Errorf("%q proves itself", token)
		}
	}
}
