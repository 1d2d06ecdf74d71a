package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
)

// vendorClients is where the vendor's clients are installed, and the walks through them.
const vendorClients = "../docs/greenapi-clients"

// vendorRunner is Node, with the vendor's clients installed. CI has both; elsewhere the
// test is skipped without them.
func vendorRunner(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missingf(t, "there is no node here: %v", err)
	}
	for _, name := range []string{"whatsapp-api-client", "whatsapp-api-client-js-v2"} {
		if _, err := os.Stat(filepath.Join(vendorClients, "node_modules", "@green-api", name, "package.json")); err != nil {
			missingf(t, "run npm ci in docs/greenapi-clients: %v", err)
		}
	}
	return node
}

// seen is what a walk showed of its steps, in order.
type seen map[string][]map[string]any

// walkVendor walks a new instance through a client, doing what people do meanwhile:
// somebody scans the code, and the contact writes back.
func walkVendor(t *testing.T, script string) (*rig, api.Entry, seen) {
	t.Helper()
	node := vendorRunner(t)
	d := runDaemon(t, shortDir(t), nil)
	e := d.add("shop", "")
	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "read"}); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(t.TempDir(), "me.jpg")
	if err := os.WriteFile(picture, photo(t, color.White), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Dir = vendorClients
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "API_URL="+d.d.URL(), fmt.Sprintf("ID_INSTANCE=%d", e.IDInstance),
		"API_TOKEN_INSTANCE="+e.APIToken, "CONTACT="+contact, "PICTURE="+picture)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := make(seen)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "show ")
		if !ok {
			continue // the client's own
		}
		var line struct {
			Step string         `json:"step"`
			What map[string]any `json:"what"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		s[line.Step] = append(s[line.Step], line.What)
		var failed error
		switch line.Step {
		case "qr":
			_, failed = d.admin.Scan(ctx, "shop", "")
		case "sendFileByUpload":
			_, failed = d.admin.Write(ctx, "shop", api.Letter{From: contact, Text: "yes, thanks"})
		}
		if failed != nil {
			cancel()
			t.Errorf("after %s: %v", line.Step, failed)
		}
	}
	if err := cmd.Wait(); err != nil || lines.Err() != nil || t.Failed() {
		t.Fatalf("%s: %v, %v, having shown\n%v\n%s", script, err, lines.Err(), s, errs.Bytes())
	}
	return d, e, s
}

// holds checks a value in what was last shown of a step; nil is null, which is there.
func (s seen) holds(t *testing.T, step, key string, want any) {
	t.Helper()
	all := s[step]
	if len(all) == 0 {
		t.Errorf("%s was not shown", step)
		return
	}
	last := all[len(all)-1]
	if got, ok := last[key]; !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %s %v", step, last, key, want)
	}
}

// like is holds for a text that has something in it.
func (s seen) like(t *testing.T, step, key, want string) {
	t.Helper()
	for _, last := range s[step] {
		if strings.Contains(fmt.Sprint(last[key]), want) {
			return
		}
	}
	t.Errorf("%s: %v, want %s with %q", step, s[step], key, want)
}

// whole checks what both clients show, and where it has led.
func (s seen) whole(t *testing.T, d *rig, e api.Entry) {
	t.Helper()
	s.holds(t, "notLinked", "stateInstance", "notAuthorized")
	s.holds(t, "setSettings", "saveSettings", true)
	s.holds(t, "qr", "type", "qrCode")
	s.like(t, "qr", "message", "iVBORw0KGgo") // a PNG
	s.holds(t, "notification", "typeWebhook", "stateInstanceChanged")
	s.holds(t, "deleteNotification", "result", true)
	s.holds(t, "deletedTwice", "result", false)
	s.holds(t, "getStateInstance", "stateInstance", "authorized")
	s.holds(t, "linked", "type", "alreadyLogged")
	s.holds(t, "getSettings", "incomingWebhook", "yes")
	s.like(t, "getSettings", "wid", "@c.us")
	s.holds(t, "getWaSettings", "stateInstance", "authorized")
	s.holds(t, "getAvatar", "existsWhatsapp", true)
	s.like(t, "outgoingMessageStatus", "status", "read")
	s.like(t, "incomingMessageReceived", "messageData", "yes, thanks")
	s.holds(t, "wrongToken", "status", 401.0)
	s.holds(t, "wrongID", "status", 403.0)
	s.holds(t, "noText", "status", 400.0)
	s.holds(t, "unknownMethod", "status", 404.0)
	s.holds(t, "reboot", "isReboot", true)
	s.holds(t, "logout", "isLogout", true)
	s.holds(t, "loggedOut", "stateInstance", "notAuthorized")
	if now := d.find(e.Name); now.State != fsm.NoConnection || now.CanRestore {
		t.Errorf("after the logout it is %+v", now.Info)
	}
	inbox, err := d.admin.Inbox(t.Context(), contact)
	if err != nil {
		t.Fatal(err)
	}
	for step, want := range map[string]api.Received{
		"sendMessage":      {Type: "text", Text: "Your parcel is at the desk."},
		"sendFileByUpload": {Type: "document", Text: "The invoice.", FileName: "invoice.pdf", MIME: "application/pdf", Bytes: 18},
	} {
		id, _ := s[step][0]["idMessage"].(string)
		var got api.Received
		for _, r := range inbox {
			if r.ID == id {
				got = api.Received{Type: r.Type, Text: r.Text, FileName: r.FileName, MIME: r.MIME, Bytes: r.Bytes}
			}
		}
		if got != want {
			t.Errorf("%s arrived as %+v, want %+v, of %+v", step, got, want, inbox)
		}
	}
}

// TestVendorClient1: the vendor's first client for JavaScript works as it is published.
func TestVendorClient1(t *testing.T) {
	d, e, s := walkVendor(t, "v1.mjs")
	s.whole(t, d, e)
	s.holds(t, "getDeviceInfo", "battery", 0.0)
	s.holds(t, "avatarByNumber", "existsWhatsapp", true)
	if got := s["textByNumber"]; len(got) != 1 || got[0]["idMessage"] == "" {
		t.Errorf("by number: %v", got)
	}
}

// TestVendorClient2: the vendor's second client for JavaScript works as it is published.
func TestVendorClient2(t *testing.T) {
	d, e, s := walkVendor(t, "v2.mjs")
	s.whole(t, d, e)
	s.holds(t, "notAPicture", "setProfilePicture", false)
	s.holds(t, "notAPicture", "urlAvatar", "")
	s.holds(t, "setProfilePicture", "setProfilePicture", true)
	s.holds(t, "setProfilePicture", "reason", nil)
	s.like(t, "setProfilePicture", "urlAvatar", d.d.URL()+"/media/")
	s.holds(t, "getWaSettings", "avatar", s["setProfilePicture"][0]["urlAvatar"])
	s.holds(t, "tooSoon", "status", 429.0)
	s.like(t, "tooSoon", "error", "Too Many Requests")
	s.like(t, "outgoingAPIMessageReceived", "idMessage", fmt.Sprint(s["sendMessage"][0]["idMessage"]))
	s.like(t, "outgoingAPIMessageReceived", "idMessage", fmt.Sprint(s["sendFileByUpload"][0]["idMessage"]))
}

// TestVendorExamples: the examples of docs/greenapi.md in JavaScript are in the walks
// that are run.
func TestVendorExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/greenapi.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)\n```js\n(.*?)```\n").FindAllSubmatch(doc, -1)
	if len(examples) < 2 {
		t.Fatalf("there are %d", len(examples))
	}
	var walks []byte
	for _, name := range []string{"v1.mjs", "v2.mjs"} {
		text, err := os.ReadFile(filepath.Join(vendorClients, name))
		if err != nil {
			t.Fatal(err)
		}
		walks = append(walks, text...)
	}
	for _, ex := range examples {
		if !bytes.Contains(walks, ex[1]) {
			t.Errorf("nothing runs\n%s", ex[1])
		}
	}
}
