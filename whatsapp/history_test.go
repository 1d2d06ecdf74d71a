//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp"
)

var past = sandbox.HistorySpec{
	Conversations: []sandbox.HistoryConversation{
		{Chat: "15550004001", Messages: []sandbox.HistoryMessage{{Text: "long ago"}}}, {Chat: "15550004002"}, {Chat: "15550004003"},
	},
}

var names = sandbox.HistorySpec{
	Type: "push_name", PushNames: []sandbox.HistoryName{{Phone: "15550004001", Name: "Ben"}, {Phone: "15550004002", Name: "Cy"}},
}

func (r *rig) history(spec sandbox.HistorySpec, download bool) {
	r.t.Helper()
	spec.Download, spec.NoWait = download, true
	if _, err := r.network.SyncHistory(r.t.Context(), phone, spec); err != nil {
		r.t.Fatal(err)
	}
}

// TestHistory stores what the phone tells of the past; it is no event.
func TestHistory(t *testing.T) {
	for name, download := range map[string]bool{"inline": false, "download": true} {
		t.Run(name, func(t *testing.T) {
			inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
				a := r.pair()
				defer a.Close()
				before := a.Gauges()
				r.history(past, download)
				r.history(names, download)
				time.Sleep(time.Second)
				if told := r.told(); len(told) != 0 {
					t.Errorf("told %+v", told)
				}
				if g := a.Gauges(); !g.Known || g.Chats != before.Chats+3 || g.Contacts != before.Contacts+2 {
					t.Errorf("gauges %+v, before %+v\n%s", g, before, r.log)
				}
			})
		})
	}
}

// TestHistoryLater fetches on the next connection what could not be fetched.
func TestHistoryLater(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{Downloads: sandbox.DownloadsSlow}); err != nil {
			t.Fatal(err)
		}
		r.history(past, true)
		time.Sleep(time.Second)
		a.Close()
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{}); err != nil {
			t.Fatal(err)
		}
		b := r.login()
		defer b.Close()
		time.Sleep(time.Second)
		if g := b.Gauges(); g.Chats < 3 {
			t.Errorf("gauges %+v\n%s", g, r.log)
		}
	})
}

// TestHistoryGone gives up what WhatsApp no longer has, and goes on with the next.
func TestHistoryGone(t *testing.T) {
	inRig(t, whatsapp.Config{}, func(t *testing.T, r *rig) {
		a := r.pair()
		defer a.Close()
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{Downloads: sandbox.DownloadsGone}); err != nil {
			t.Fatal(err)
		}
		r.history(names, true)
		time.Sleep(time.Second)
		if err := r.network.Behave(t.Context(), phone, sandbox.Behaviour{}); err != nil {
			t.Fatal(err)
		}
		r.history(past, true)
		time.Sleep(time.Second)
		if g := a.Gauges(); g.Chats < 3 {
			t.Errorf("gauges %+v\n%s", g, r.log)
		}
	})
}
