package whatsapp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// notOurs are the library's events that say nothing about the connection: what
// happens in an account, which other issues turn into events of their own.
var notOurs = strings.Fields(`
	AppState AppStateSyncComplete Archive Blocklist BusinessName CallAccept CallOffer CallOfferNotice CallPreAccept
	CallReject CallRelayLatency CallTerminate CallTransport ChatPresence ClearChat Contact DeleteChat DeleteForMe
	FBMessage GroupInfo HistorySync IdentityChange JoinedGroup LabelAssociationChat LabelAssociationMessage LabelEdit
	MarkChatAsRead MediaRetry Message Mute NewsletterJoin NewsletterLeave NewsletterLiveUpdate NewsletterMuteChange
	OfflineSyncCompleted OfflineSyncPreview Picture Pin Presence PrivacySettings PushName PushNameSetting Receipt Star
	UnarchiveChatsSetting UndecryptableMessage UnknownCallEvent UserAbout UserStatusMute
`)

// harmless are about the connection, and change nothing: the phone that scanned
// is too old, and the code can be scanned again.
var harmless = []string{"QRScannedWithoutMultidevice"}

// parts are structs of the package that are parts of events.
var parts = []string{"BlocklistChange", "MediaRetryError", "NewsletterMessageMeta"}

// TestEveryEventIsClassified fails when the module brings an event that nobody
// has thought about.
func TestEveryEventIsClassified(t *testing.T) {
	known := make(map[string]string)
	add := func(class string, names ...string) {
		for _, name := range names {
			if was, twice := known[name]; twice && was != class {
				t.Errorf("%s is %s and %s", name, was, class)
			}
			known[name] = class
		}
	}
	for event := range connectionEvents() {
		add("a fact", reflect.TypeOf(event).Elem().Name())
	}
	add("not ours", notOurs...)
	add("harmless", harmless...)
	add("a part", parts...)
	declared := declaredEvents(t)
	for _, name := range declared {
		if known[name] == "" {
			t.Errorf("events.%s is new: make it a fact, or list it with a reason", name)
		}
		delete(known, name)
	}
	for name, class := range known {
		t.Errorf("events.%s, %s, is gone", name, class)
	}
	if len(declared) < 50 {
		t.Errorf("found %d events only", len(declared))
	}
}

// declaredEvents reads the exported structs of the module's types/events.
func declaredEvents(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "go.mau.fi/whatsmeow").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "types", "events", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events in %s: %v", out, err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if _, ok := spec.Type.(*ast.StructType); ok && spec.Name.IsExported() {
				names[spec.Name.Name] = true
			}
			return false
		})
	}
	return slices.Sorted(maps.Keys(names))
}
