//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

// TestLogKeepsSecrets reads everything that a whole life has logged, at debug
// level.
func TestLogKeepsSecrets(t *testing.T) {
	inWorld(t, whatsapp.Config{}, func(t *testing.T, w *world) {
		agent := "Front desk"
		code, err := w.Generate(t.Context(), &agent)
		if err != nil {
			t.Fatal(err)
		}
		secrets := strings.Split(code.Text, ",")
		w.pair()
		session, err := w.store.Session("desk")
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, ofSession(session)...)
		w.fault(sandbox.FaultDrop)
		time.Sleep(time.Minute)
		w.fault(sandbox.FaultReplaced)
		w.reach(fsm.AuthenticatedClosed)
		if _, err := w.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.network.RefuseConnections(true)
		w.fault(sandbox.FaultDrop)
		time.Sleep(time.Minute)
		w.network.RefuseConnections(false)
		time.Sleep(time.Minute)
		w.reach(fsm.Authenticated)
		w.fault(sandbox.FaultLoggedOut)
		w.reach(fsm.NotAuthenticated)
		w.pair()
		if _, err := w.Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := w.log.String()
		if strings.Count(log, "\n") < 30 || !strings.Contains(log, "level=DEBUG") {
			t.Fatalf("little was logged:\n%s", log)
		}
		for _, secret := range secrets {
			if len(secret) < 6 {
				t.Errorf("%q is no secret to look for", secret)
			}
			if strings.Contains(log, secret) {
				t.Errorf("%q stands in the log", secret)
			}
		}
		for _, word := range []string{"@s.whatsapp.net", "@lid", "<iq", "<failure", "<success"} {
			if strings.Contains(log, word) {
				t.Errorf("%q stands in the log", word)
			}
		}
	})
}

// ofSession is what of a session may be read nowhere.
func ofSession(s *record.Session) (all []string) {
	lid, _, _ := strings.Cut(s.LID, ":")
	all = append(all, phone, s.JID, s.LID, lid, s.ID)
	for _, key := range [][]byte{s.NoiseKey, s.IdentityKey, s.SignedPreKey, s.AdvSecret, s.Account} {
		all = append(all, hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key))
	}
	return all
}

// TestAnnounced is what the far end hears of us.
func TestAnnounced(t *testing.T) {
	inWorld(t, whatsapp.Config{Version: "2.3001.42"}, func(t *testing.T, w *world) {
		agent := "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
		if _, err := w.Generate(t.Context(), &agent); err != nil {
			t.Fatal(err)
		}
		w.pair()
		d := w.devices()[0]
		if d.System != "Linux" || d.Kind != "FIREFOX" || d.Client.AppVersion != "2.3001.42" || d.Client.Platform != "WEB" {
			t.Errorf("announced %+v", d)
		}
	})
}
