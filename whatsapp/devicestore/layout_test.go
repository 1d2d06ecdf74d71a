package devicestore_test

import (
	"encoding/binary"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// drawing reads the key layout from the comment in layout.go: the parts of a key
// by its tag.
func drawing(t *testing.T) map[byte][]string {
	source, err := os.ReadFile("layout.go")
	check(t, err)
	line := regexp.MustCompile(`(?m)^//\t(\w)((?: (?:[<{][^ ]+)*)) {2,}\S`)
	source = regexp.MustCompile(`(?m)\n//\t {20,}`).ReplaceAll(source, []byte("  ")) // a drawing too wide for its legend
	part := regexp.MustCompile(`<\w+>|\{\w+:\d+\}`)
	drawn := map[byte][]string{}
	for _, m := range line.FindAllStringSubmatch(string(source), -1) {
		if drawn[m[1][0]] != nil {
			t.Errorf("tag %s is drawn twice", m[1])
		}
		drawn[m[1][0]] = append([]string{}, part.FindAllString(m[2], -1)...)
	}
	return drawn
}

// fits takes a key apart as drawn and returns what is left over or missing.
func fits(key string, parts []string) string {
	rest := key[1:]
	for _, p := range parts {
		var n uint64
		var width int
		if p[0] == '<' {
			n, width = binary.Uvarint([]byte(rest))
		} else {
			n, _ = strconv.ParseUint(strings.TrimSuffix(p[strings.IndexByte(p, ':')+1:], "}"), 10, 64)
		}
		if width < 0 || uint64(len(rest)-width) < n {
			return "too short for " + p
		}
		rest = rest[width+int(n):]
	}
	if rest != "" {
		return strconv.Itoa(len(rest)) + " bytes too long"
	}
	return ""
}

// writeEverything leaves at least one key of every kind behind.
func writeEverything(t testing.TB, s store.AllStores) {
	t.Helper()
	ctx := t.Context()
	chat, user := types.NewJID("120363000000000000", types.GroupServer), lid("55", 3)
	check(t, s.PutIdentity(ctx, "55_1:3", [32]byte{1}))
	check(t, s.PutSession(ctx, "55_1:3", []byte("session")))
	check(t, s.PutSenderKey(ctx, chat.String(), "55_1:3", []byte("sender key")))
	must(s.GetOrGenPreKeys(ctx, 2))
	check(t, s.PutAppStateSyncKey(ctx, []byte{0, 1}, store.AppStateSyncKey{Data: []byte("data"), Timestamp: 1}))
	check(t, s.PutAppStateVersion(ctx, "regular", 1, [128]byte{1}))
	check(t, s.PutAppStateMutationMACs(ctx, "regular", 1, []store.AppStateMutationMAC{{IndexMAC: []byte("i"), ValueMAC: []byte("v")}}))
	_, _, err := s.PutPushName(ctx, user, "Bob")
	check(t, err)
	check(t, s.PutPinned(ctx, chat, true))
	check(t, s.PutMessageSecret(ctx, chat, user, "3EB0", []byte("secret")))
	check(t, s.PutPrivacyTokens(ctx, store.PrivacyToken{User: user, Token: []byte("token"), Timestamp: seconds(1)}))
	check(t, s.PutBufferedEvent(ctx, [32]byte{1}, []byte("plaintext"), time.Now()))
	check(t, s.PutLIDMapping(ctx, user, pn("49", 3)))
}

func TestKeysAreAsDrawn(t *testing.T) {
	drawn := drawing(t)
	equal(t, "kinds of key drawn", len(drawn), 19)
	r, d, m := paired(t)
	s := d.Sessions.(store.AllStores)
	writeEverything(t, s)
	check(t, buffered(t, s, ownPN.User+":0", 9, announcement(inline("A"))))
	arrival := devicestore.Arrival{Chat: lid("55", 0), Sender: lid("55", 3), ID: "3EB0", At: time.Now()}
	must(r.Deliver(t.Context(), arrival, m.Apply))
	found := map[byte]bool{}
	for key, value := range m.snapshot() {
		parts, ok := drawn[key[0]]
		if !ok {
			t.Errorf("key %q is not drawn", key)
			continue
		}
		found[key[0]] = true
		if fault := fits(key, parts); fault != "" {
			t.Errorf("key %q is not %c %v: %s", key, key[0], parts, fault)
		}
		if value[0] != 1 {
			t.Errorf("value under %q begins with %d, not with its version", key, value[0])
		}
	}
	for tag := range drawn {
		if !found[tag] {
			t.Errorf("no key has the tag %c", tag)
		}
	}
}

// However a remote party chooses its names, two different names never meet.
func TestNamesDoNotCollide(t *testing.T) {
	s, m := all(t)
	ctx := t.Context()
	names := []string{
		"", "1", ":", "1:", "1:2", "1:2:3", "12:3", "\x00", "\x01", "1\x00", "\x011:2", "1_1:2", "_1:2",
		strings.Repeat("a", 127), strings.Repeat("a", 128), strings.Repeat("a", 300),
	}
	for _, a := range names {
		check(t, s.PutSession(ctx, a, []byte("session "+a)))
		check(t, s.PutIdentity(ctx, a, [32]byte{byte(len(a))}))
		for _, b := range names {
			check(t, s.PutSenderKey(ctx, a, b, []byte(a+" / "+b)))
			check(t, s.PutMessageSecret(ctx, types.NewJID(a, "g.us"), types.NewJID(b, "lid"), a, []byte(a+" by "+b)))
		}
	}
	equal(t, "keys", len(m.snapshot()), 2*len(names)+2*len(names)*len(names))
	for _, a := range names {
		equal(t, "session", string(must(s.GetSession(ctx, a))), "session "+a)
		for _, b := range names {
			equal(t, "sender key", string(must(s.GetSenderKey(ctx, a, b))), a+" / "+b)
		}
	}
}
