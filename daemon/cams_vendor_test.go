package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// camsClients is where the vendor's clients are, and the walks through them.
const camsClients = "../docs/cams-clients"

// camsNumber is a number that the tests register.
const camsNumber = "8615800000000"

// camsText holds what encodings stumble over.
const camsText = "Olá! שלום 你好 안녕 & (a+b)*c~ 100% \"quoted\" 'single' \\ 👩‍👩‍👧 #1?\r\nsecond line"

// missingf skips a test for want of something; CI has it all.
func missingf(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// camsRig is a daemon with a tenant and its key, and the environment of a client.
type camsRig struct {
	*rig
	tenant api.NewTenant
	env    []string
}

func newCamsRig(t *testing.T) *camsRig {
	t.Helper()
	d := runDaemon(t, shortDir(t), nil)
	tenant, err := d.admin.AddTenant(t.Context(), api.TenantSpec{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.admin.AddNumber(t.Context(), "acme", camsNumber); err != nil {
		t.Fatal(err)
	}
	return &camsRig{d, tenant, append(
		os.Environ(), "no_proxy=127.0.0.1", "CAMS_URL="+d.d.URL(), "PHONE_NUMBER="+camsNumber, "MESSAGE="+camsText,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+tenant.NewKey.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+tenant.Secret,
	)}
}

// run runs a program and answers what it prints and how it ends.
func (d *camsRig) run(t *testing.T, dir, name string, args ...string) (out, errs []byte, err error) {
	t.Helper()
	return runClient(t, d.env, dir, name, args...)
}

// runClient runs a program in an environment and answers what it prints and how it ends.
func runClient(t *testing.T, env []string, dir, name string, args ...string) (out, errs []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	return out, stderr.Bytes(), err
}

// shown reads the steps that a walk has printed.
func shown(t *testing.T, out []byte) seen {
	t.Helper()
	s := make(seen)
	lines := bufio.NewScanner(bytes.NewReader(out))
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
	}
	return s
}

// walk runs a walk and checks what each of its clients shows.
func (d *camsRig) walk(t *testing.T, clients []string, dir, name string, args ...string) {
	t.Helper()
	out, errs, err := d.run(t, dir, name, args...)
	if err != nil {
		t.Fatalf("%v, having shown\n%s%s", err, out, errs)
	}
	s := shown(t, out)
	for _, client := range clients {
		s.code(t, d.d.URL(), client)
	}
	var created, updated, deleted int
	for _, ev := range d.events(d.tenant.Tenant.ID, 0) {
		switch ev.Type {
		case record.QRDLCreated:
			created++
		case record.QRDLUpdated:
			updated++
		case record.QRDLDeleted:
			deleted++
		default: // scans may be told later, and together
		}
	}
	if n := len(clients); created != n || updated != n || deleted != n {
		t.Errorf("%d created, %d updated and %d deleted by %d clients", created, updated, deleted, n)
	}
}

// code checks the life of a code as one client has seen it.
func (s seen) code(t *testing.T, daemon, client string) {
	t.Helper()
	data := func(step string) map[string]any {
		for _, what := range s[client+"."+step] {
			if all, ok := what["Data"].(map[string]any); ok {
				return all
			}
		}
		t.Errorf("%s.%s showed no data: %v", client, step, s[client+"."+step])
		return nil
	}
	created, updated := data("create"), data("update")
	for step, want := range map[string]struct {
		data        map[string]any
		text, image string
	}{"create": {created, camsText, "PNG"}, "update": {updated, camsText + "!", "SVG"}} {
		link, _ := want.data["DeepLinkUrl"].(string)
		image, _ := want.data["QrImageUrl"].(string)
		if want.data["PhoneNumber"] != camsNumber || want.data["PrefilledMessage"] != want.text || want.data["GenerateQrImage"] != want.image ||
			!strings.HasPrefix(link, daemon+"/m/") || !strings.HasPrefix(image, daemon+"/m/") {
			t.Errorf("%s.%s: %v", client, step, want.data)
		}
	}
	if created["QrdlCode"] != updated["QrdlCode"] || created["DeepLinkUrl"] == updated["DeepLinkUrl"] {
		t.Errorf("%s: %v became %v", client, created, updated)
	}
	for _, step := range []string{"create", "list", "update", "delete"} {
		s.holds(t, client+"."+step, "Code", "OK")
	}
	if list := s[client+".list"]; len(list) != 1 || len(list[0]["Data"].([]any)) != 1 {
		t.Errorf("%s.list: %v", client, list)
	}
	s.holds(t, client+".opened", "status", 302.0)
	s.leads(t, client+".opened", camsText)
	s.holds(t, client+".image", "status", 200.0)
	s.like(t, client+".image", "type", "image/png")
	s.holds(t, client+".former", "status", 410.0)
	s.holds(t, client+".updated", "status", 302.0)
	s.leads(t, client+".updated", camsText+"!")
	s.holds(t, client+".gone", "status", 410.0)
	for step, want := range map[string]string{"deletedTwice": "InvalidQrdlCode", "wrongSecret": "SignatureDoesNotMatch"} {
		s.holds(t, client+"."+step, "status", 400.0)
		s.holds(t, client+"."+step, "code", want)
	}
}

// leads checks that a link has led to WhatsApp with a text.
func (s seen) leads(t *testing.T, step, text string) {
	t.Helper()
	for _, what := range s[step] {
		location, _ := what["location"].(string)
		u, err := url.Parse(location)
		if err == nil && u.Scheme+"://"+u.Host+u.Path == "https://wa.me/"+camsNumber && u.Query().Get("text") == text {
			return
		}
	}
	t.Errorf("%s: %v", step, s[step])
}

// TestCAMSClientsNode: the vendor's clients for JavaScript work as they are published,
// by V3 and V1, GET and POST.
func TestCAMSClientsNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		missingf(t, "there is no node here: %v", err)
	}
	for _, name := range []string{"cams20200606", "pop-core"} {
		if _, err := os.Stat(filepath.Join(camsClients, "node", "node_modules", "@alicloud", name, "package.json")); err != nil {
			missingf(t, "run npm ci in docs/cams-clients/node: %v", err)
		}
	}
	newCamsRig(t).walk(t, []string{"v3", "v1", "popGet", "popPost"}, filepath.Join(camsClients, "node"), node, "walk.mjs")
}

// TestCAMSClientsGo: so do those for Go.
func TestCAMSClientsGo(t *testing.T) {
	program := filepath.Join(t.TempDir(), "walk")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = filepath.Join(camsClients, "go")
	if out, err := build.CombinedOutput(); err != nil {
		missingf(t, "run go mod download in docs/cams-clients/go: %v\n%s", err, out)
	}
	newCamsRig(t).walk(t, []string{"v3", "v1", "old"}, "", program)
}

// TestCAMSScript: docs/cams-clients/qrdl.sh signs what the daemon takes, and ends with
// curl's status where it is refused.
func TestCAMSScript(t *testing.T) {
	for _, name := range []string{"bash", "curl", "openssl", "od"} {
		if _, err := exec.LookPath(name); err != nil {
			missingf(t, "there is no %s here: %v", name, err)
		}
	}
	d := newCamsRig(t)
	play := func(args ...string) (body map[string]any, ok bool) {
		t.Helper()
		out, errs, err := d.run(t, camsClients, "bash", append([]string{"qrdl.sh"}, args...)...)
		if jsonErr := json.Unmarshal(out, &body); jsonErr != nil {
			t.Fatalf("%v, %v\n%s%s", err, jsonErr, out, errs)
		}
		return body, err == nil
	}
	body, ok := play("CreatePhoneMessageQrdl", "PhoneNumber="+camsNumber, "GenerateQrImage=SVG", "PrefilledMessage="+camsText)
	data, _ := body["Data"].(map[string]any)
	code, _ := data["QrdlCode"].(string)
	if !ok || data["PrefilledMessage"] != camsText || code == "" {
		t.Fatalf("%v", body)
	}
	if body, ok := play("UpdatePhoneMessageQrdl", "PhoneNumber="+camsNumber, "QrdlCode="+code, "GenerateQrImage=PNG", "PrefilledMessage=a=b"); !ok ||
		body["Data"].(map[string]any)["PrefilledMessage"] != "a=b" {
		t.Errorf("%v", body)
	}
	if body, ok := play("ListPhoneMessageQrdl", "PhoneNumber="+camsNumber); !ok || len(body["Data"].([]any)) != 1 {
		t.Errorf("%v", body)
	}
	if body, ok := play("DeletePhoneMessageQrdl", "PhoneNumber="+camsNumber, "QrdlCode="+code); !ok {
		t.Errorf("%v", body)
	}
	if body, ok := play("DeletePhoneMessageQrdl", "PhoneNumber="+camsNumber, "QrdlCode="+code); ok || body["Code"] != "InvalidQrdlCode" {
		t.Errorf("%v", body)
	}
	for what, c := range map[string]struct {
		args []string
		env  string
		says string
	}{
		"no operation":      {nil, "", "OPERATION is CreatePhoneMessageQrdl"},
		"another operation": {[]string{"createPhoneMessageQrdl"}, "", "OPERATION is CreatePhoneMessageQrdl"},
		"no quotes":         {[]string{"CreatePhoneMessageQrdl", "PrefilledMessage=Hello", "there"}, "", "quote a VALUE that has spaces"},
		"no key":            {[]string{"ListPhoneMessageQrdl"}, "ALIBABA_CLOUD_ACCESS_KEY_ID=", "set ALIBABA_CLOUD_ACCESS_KEY_ID:"},
		"a path":            {[]string{"ListPhoneMessageQrdl"}, "CAMS_URL=http://127.0.0.1:1/cams", "CAMS_URL has a path"},
	} {
		wrong := *d
		if wrong.env = slices.Clone(d.env); c.env != "" {
			wrong.env = append(wrong.env, c.env)
		}
		out, errs, err := wrong.run(t, camsClients, "bash", append([]string{"qrdl.sh"}, c.args...)...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || len(out) != 0 || !bytes.Contains(errs, []byte(c.says)) {
			t.Errorf("%s: %v\n%s%s", what, err, out, errs)
		}
	}
	d.env = append(d.env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+strings.Repeat("x", 100))
	if body, ok := play("ListPhoneMessageQrdl", "PhoneNumber="+camsNumber); ok || body["Code"] != "SignatureDoesNotMatch" {
		t.Errorf("%v", body)
	}
	resp, err := web.Get(data["DeepLinkUrl"].(string))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusGone {
		t.Errorf("the link of a deleted code: %s", resp.Status)
	}
}

// TestCAMSExamples: the examples of docs/cams.md in JavaScript and Go are in the walks
// that are run.
func TestCAMSExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/cams.md")
	if err != nil {
		t.Fatal(err)
	}
	var walks []byte
	for _, pattern := range []string{"node/*.mjs", "go/*.go"} {
		names, err := filepath.Glob(filepath.Join(camsClients, pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			walks = append(walks, text...)
		}
	}
	var kinds []string
	for _, ex := range regexp.MustCompile("(?s)\n```(js|go)\n(.*?)```\n").FindAllSubmatch(doc, -1) {
		kinds = append(kinds, string(ex[1]))
		if !bytes.Contains(walks, ex[2]) {
			t.Errorf("nothing runs\n%s", ex[2])
		}
	}
	if !slices.Contains(kinds, "js") || !slices.Contains(kinds, "go") {
		t.Errorf("there are examples in %v", kinds)
	}
}
