package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/fsm"
)

// TestInstancesFromBeforeBecomeGreen: an instance of a database from before the
// dialect has an id and a token when the daemon is ready, and keeps them.
func TestInstancesFromBeforeBecomeGreen(t *testing.T) {
	dir := shortDir(t)
	d := runDaemon(t, dir, nil)
	made := d.add("shop", "")
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "switchhook.db"), 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket([]byte("greenapi")); err != nil {
			return err
		}
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 2})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	first := d.find("shop")
	if first.IDInstance == 0 || first.APIToken == "" || first.IDInstance == made.IDInstance {
		t.Fatalf("at the first start it is %d", first.IDInstance)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, dir, nil)
	if again := d.find("shop"); again.IDInstance != first.IDInstance || again.APIToken != first.APIToken {
		t.Errorf("at the second start it is %d, was %d", again.IDInstance, first.IDInstance)
	}
}

// greenClient is GREEN-API as a client asks a running daemon, of one instance.
type greenClient struct {
	t    *testing.T
	base string
	tail string
}

func (r *rig) green(e api.Entry) greenClient {
	return greenClient{r.t.(*testing.T), fmt.Sprintf("%s/waInstance%d/", r.d.URL(), e.IDInstance), "/" + e.APIToken}
}

// ask plays one method, which must answer 200, and reads its answer.
func (g greenClient) ask(verb, method, body string) map[string]any {
	g.t.Helper()
	status, answer := g.play(verb, method, body)
	if status != http.StatusOK {
		g.t.Fatalf("%s: %d %v", method, status, answer)
	}
	return answer
}

// play keeps the rate as a client does: it comes again when it is told to.
func (g greenClient) play(verb, method, body string) (status int, answer map[string]any) {
	g.t.Helper()
	for {
		req, err := http.NewRequestWithContext(g.t.Context(), verb, g.base+method+g.tail, strings.NewReader(body))
		if err != nil {
			g.t.Fatal(err)
		}
		resp, err := web.Do(req)
		if err != nil {
			g.t.Fatal(err)
		}
		answer = nil
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil {
			g.t.Fatal(err)
		}
		if resp.StatusCode != http.StatusTooManyRequests {
			return resp.StatusCode, answer
		}
		after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil {
			g.t.Fatalf("%s: %d without a time: %v", method, resp.StatusCode, err)
		}
		<-time.After(time.Duration(after) * time.Second)
	}
}

// TestGreenClient walks through the life of an instance over HTTP, as a client of
// GREEN-API does, against the real daemon.
func TestGreenClient(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	var made struct {
		ID    int64  `json:"id_instance"`
		Token string `json:"api_token"`
	}
	if err := json.Unmarshal([]byte(must(t, "instance", "add", "shop", "--json", "--data", d.dir)), &made); err != nil || made.ID < 1e9 || made.Token == "" {
		t.Fatalf("made %d, %v", made.ID, err)
	}
	g := d.green(api.Entry{IDInstance: made.ID, APIToken: made.Token})
	holds := func(verb, method, body, key string, want any) {
		t.Helper()
		if got := g.ask(verb, method, body); got[key] != want {
			t.Fatalf("%s: %v, want %s %v", method, got, key, want)
		}
	}
	holds("GET", "getStateInstance", "", "stateInstance", "notAuthorized")
	holds("GET", "qr", "", "type", "qrCode")
	if _, err := d.admin.Scan(t.Context(), "shop", ""); err != nil {
		t.Fatal(err)
	}
	d.reach("shop", fsm.Authenticated)
	holds("GET", "getStateInstance", "", "stateInstance", "authorized")
	holds("GET", "getStatusInstance", "", "statusInstance", "online")
	holds("GET", "qr", "", "type", "alreadyLogged")
	phone := d.find("shop").Phone
	holds("GET", "getWaSettings", "", "phone", phone)

	holds("POST", "setSettings", `{"stateWebhook":"yes","webhookUrl":"","autoTyping":3}`, "saveSettings", true)
	holds("GET", "getSettings", "", "stateWebhook", "yes")
	holds("GET", "getSettings", "", "wid", phone+"@c.us")
	if status, answer := g.play("POST", "setSettings", `{"stateWebhook":"no","webhookUrl":"http://10.0.0.1/"}`); status != 400 || !strings.Contains(fmt.Sprint(answer["message"]), "webhook.allow_networks") {
		t.Errorf("a private address: %d %v", status, answer)
	}
	holds("GET", "getSettings", "", "stateWebhook", "yes")

	seq := d.find("shop").Seq
	holds("GET", "reboot", "", "isReboot", true)
	d.until("shop", "the end of the reboot", func(e api.Entry) bool { return e.State == fsm.Authenticated && e.Seq > seq })
	if got := walk(d.events("shop", seq)); !slices.Equal(got, []fsm.State{fsm.AuthenticatedClosed, fsm.Connecting, fsm.SocketOpen, fsm.Starting, fsm.Authenticated}) {
		t.Errorf("the reboot went %v", got)
	}
	holds("GET", "getStateInstance", "", "stateInstance", "authorized")
	if sent := g.ask("POST", "sendMessage", `{"chatId":"15559990000@c.us","message":"hello"}`); sent["idMessage"] == "" {
		t.Errorf("sent %v", sent)
	}

	// A restart forgets none of it.
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = runDaemon(t, d.dir, nil)
	d.reach("shop", fsm.Authenticated)
	g = d.green(api.Entry{IDInstance: made.ID, APIToken: made.Token})
	holds("GET", "getSettings", "", "stateWebhook", "yes")

	must(t, "instance", "token", "rotate", "shop", "--data", d.dir)
	if status, _ := g.play("GET", "getStateInstance", ""); status != http.StatusUnauthorized {
		t.Errorf("the old token answers %d", status)
	}
	g = d.green(d.find("shop"))
	holds("GET", "logout", "", "isLogout", true)
	holds("GET", "getStateInstance", "", "stateInstance", "notAuthorized")
	if e := d.find("shop"); e.State != fsm.NoConnection || e.CanRestore {
		t.Errorf("after the logout it is %+v", e.Info)
	}
	if _, err := d.admin.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if status, _ := g.play("GET", "getStateInstance", ""); status != http.StatusForbidden {
		t.Errorf("deleted, it answers %d", status)
	}
}

// TestGreenScan: the socket shows a code and tells of the scan at once. Several
// instances, because an event and the status that it tells of race.
func TestGreenScan(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	for i := range 3 {
		name := fmt.Sprintf("shop%d", i)
		d.add(name, "")
		g := d.green(d.find(name))
		c, _, err := websocket.Dial(t.Context(), g.base+"scanQrCode"+g.tail, nil) //nolint:bodyclose // the library closes it
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		c.SetReadLimit(1 << 20)
		begun := time.Now()
		for kind := ""; kind != "accountData"; {
			_, text, err := c.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var said struct{ Type, WID string }
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			if kind = said.Type; kind == "qrCode" {
				if _, err := d.admin.Scan(t.Context(), name, ""); err != nil {
					t.Fatal(err)
				}
			} else if kind != "accountData" || said.WID != d.find(name).Phone+"@c.us" {
				t.Fatalf("%s: %s after %s", name, text, time.Since(begun))
			}
		}
	}
}
