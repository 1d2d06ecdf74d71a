package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/internal/filelimit"
	"github.com/switchhook/switchhook/sandbox"
)

// What the child process of TestDiskFull is told: where the sandbox is, and its
// data directory.
const (
	fullDisk    = "DAEMON_TEST_FULL_DISK"
	fullDiskDir = "DAEMON_TEST_FULL_DISK_DIR"
)

// TestDiskFull runs a daemon in a process of its own, whose files may not grow
// beyond a limit for a while: commands fail and say why, /readyz turns red, the
// status says degraded, and when there is room again all of it heals without
// anybody's doing. No event is lost, none comes twice.
func TestDiskFull(t *testing.T) {
	if url := os.Getenv(fullDisk); url != "" {
		fillDisk(t, os.Getenv(fullDiskDir), url)
		return
	}
	dir := shortDir(t)
	child := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.timeout=120s")
	child.Env = append(os.Environ(), fullDisk+"="+sharedSandbox(t), fullDiskDir+"="+dir)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var told []string
	for line := range strings.Lines(string(out)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "event "); ok {
			told = append(told, id)
		}
	}
	s := stored(t, dir)
	var held []string
	for _, stream := range s.Streams() {
		events, err := s.Events(stream, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			held = append(held, events[i].ID())
		}
	}
	for _, id := range told {
		if !slices.Contains(held, id) {
			t.Errorf("%s was told and is not in the file", id)
		}
	}
	slices.Sort(held)
	if len(told) < 10 || len(slices.Compact(slices.Clone(held))) != len(held) {
		t.Errorf("told %d, the file holds %v", len(told), held)
	}
}

// fillDisk is the child.
func fillDisk(t *testing.T, dir, url string) {
	d := runDaemon(t, dir, onSandbox(url))
	phones := sandbox.NewClient(url)
	var written []string // ids of the messages
	d.pair("shop", "")
	d.pair("desk", "")
	acme := d.tenant("acme")
	d.register("acme")
	code := acme.create("hello")
	var scans int64
	// The first limit lets nothing but the first page of a file be written, the second
	// nothing at all.
	for _, limit := range []int64{4 << 10, 1} {
		before := d.find("shop").Seq
		filelimit.Set(t, limit)
		for name, try := range map[string]func(context.Context) error{
			"close": func(ctx context.Context) error { _, err := d.admin.Close(ctx, "desk"); return err },
			"add":   func(ctx context.Context) error { _, err := d.admin.Add(ctx, api.AddSpec{Name: "new"}); return err },
			"save":  func(ctx context.Context) error { _, err := d.admin.Save(ctx, "desk"); return err },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			began := time.Now()
			if err := try(ctx); !errors.Is(err, instance.ErrUnavailable) || time.Since(began) > 5*time.Second {
				t.Errorf("limit %d: %s answers %v after %v", limit, name, err, time.Since(began))
			}
			cancel()
		}
		if got := d.status(t, "/readyz"); got != http.StatusServiceUnavailable {
			t.Errorf("limit %d: /readyz answers %d", limit, got)
		}
		if got := d.status(t, "/healthz"); got != http.StatusOK {
			t.Errorf("limit %d: /healthz answers %d: the daemon would be killed", limit, got)
		}
		// Who scans a code gets on, and is counted when there is room again.
		leads(t, code.DeepLinkURL, "hello")
		scans++
		if got := acme.call("ListPhoneMessageQrdl", "PhoneNumber", number); got.Status != http.StatusServiceUnavailable || got.Code != "ServiceUnavailable" {
			t.Errorf("limit %d: a call is answered with %+v", limit, got)
		}
		if st, err := d.admin.System(t.Context()); err != nil || st.Ready || !strings.Contains(st.Problem, "store cannot be written") {
			t.Errorf("limit %d: the status is %+v, %v", limit, st, err)
		}
		// What arrives now cannot be kept, and is not acknowledged.
		sent, err := phones.Send(t.Context(), sandbox.SendSpec{To: d.find("shop").Phone, Text: "hello", NoWait: true})
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, sent.ID)
		// The connection may be gone already: what it wanted to store could not be.
		_, struck := d.admin.Fault(t.Context(), "shop", "drop", false)
		for !strings.HasPrefix(d.find("shop").Hint, "degraded: ") {
			if t.Context().Err() != nil {
				t.Fatalf("the instance does not say that it is degraded (%v)", struck)
			}
		}
		if now := d.find("shop").Seq; now != before {
			t.Errorf("limit %d: event %d was told though nothing can be stored", limit, now)
		}
		if mail := inquire(t, phones, sent.ID); mail.Acknowledged {
			t.Errorf("limit %d: acknowledged, and nothing can be stored: %+v", limit, mail)
		}
		filelimit.Set(t, filelimit.None)
		d.until("shop", "a connection again", func(e api.Entry) bool { return e.State == fsm.Authenticated && e.Seq > before })
		if got := d.status(t, "/readyz"); got != http.StatusOK {
			t.Errorf("limit %d: there is room again, /readyz answers %d", limit, got)
		}
		d.eventually("the scans", func() bool {
			all, err := d.admin.TenantQRDLs(t.Context(), "acme")
			return err == nil && len(all) == 1 && all[0].Total == scans
		})
		if _, err := d.admin.Close(t.Context(), "desk"); err != nil {
			t.Errorf("limit %d: close afterwards: %v", limit, err)
		}
		if _, err := d.admin.Restore(t.Context(), "desk"); err != nil {
			t.Errorf("limit %d: restore afterwards: %v", limit, err)
		}
	}
	for _, id := range written {
		for !inquire(t, phones, id).Acknowledged {
			if t.Context().Err() != nil {
				t.Fatal("a message is never received though there is room again")
			}
		}
	}
	heard := make(map[string]int)
	for _, name := range []string{"shop", "desk"} {
		for i, e := range d.events(name, 0) {
			if e.Data.Message != nil {
				heard[e.Data.Message.ID]++
			}
			if e.Seq != uint64(i+1) {
				t.Errorf("%s: event %d stands at %d", name, e.Seq, i+1)
			}
			_, _ = fmt.Fprintln(os.Stdout, "event", e.ID)
		}
	}
	for _, id := range written {
		if heard[id] != 1 {
			t.Errorf("message %s stands %d times in the log", id, heard[id])
		}
	}
}

// inquire answers what the sandbox believes of a message.
func inquire(t *testing.T, phones *sandbox.Client, id string) sandbox.MailStatus {
	t.Helper()
	mail, err := phones.Mail(t.Context(), sandbox.MailQuery{IDs: []string{id}})
	if err != nil || len(mail) != 1 {
		t.Fatalf("mail %v, %v", mail, err)
	}
	return mail[0]
}

// status answers the status of a GET.
func (r *rig) status(t *testing.T, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.d.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
