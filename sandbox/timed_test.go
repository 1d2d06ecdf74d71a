package sandbox_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/sandbox"
)

// inBubble runs a test with a network of its own on a clock of its own.
func inBubble(t *testing.T, config sandbox.Config, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := servePipe(t, openNetwork(t, config))
		test(t, r)
	})
}

// startShowing connects an unpaired device with whatsmeow's own QR channel.
func (r *rig) startShowing(t testing.TB, device *store.Device) (*session, <-chan whatsmeow.QRChannelItem) {
	t.Helper()
	var codes <-chan whatsmeow.QRChannelItem
	s, err := r.prepare(t, device, func(c *whatsmeow.Client) (err error) {
		codes, err = c.GetQRChannel(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, codes
}

func TestTenIdleMinutes(t *testing.T) {
	inBubble(t, sandbox.Config{StateFile: stateFile(t)}, func(t *testing.T, r *rig) {
		s := r.pair(t, "", newDevice())
		time.Sleep(10 * time.Minute) //nolint:forbidigo // in a bubble
		synctest.Wait()
		if len(s.events) > 0 {
			t.Errorf("event %T", <-s.events)
		}
		if !r.only().Connected {
			t.Error("connection is gone")
		}
		s.client.Disconnect()
	})
}

func TestLastNodeComesBeforeTheGap(t *testing.T) {
	inBubble(t, sandbox.Config{Gap: 80 * time.Millisecond}, func(t *testing.T, r *rig) {
		s := r.pair(t, someone, newDevice())
		began := time.Now()
		r.fault(t, sandbox.FaultReplaced)
		if took := time.Since(began); took != 80*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		await[*events.StreamReplaced](s)
	})
}

func TestNoGap(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.pair(t, someone, newDevice())
		began := time.Now()
		err := r.network.Fault(t.Context(), sandbox.Target{Phone: someone}, sandbox.FaultStreamEnd,
			sandbox.FaultOptions{NoGap: true})
		if took := time.Since(began); err != nil || took != 0 {
			t.Errorf("closed after %v: %v", took, err)
		}
		await[*events.Disconnected](s)
	})
}

func TestRestartComesAfterAPause(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s := r.start(t, newDevice())
		code := await[*events.QR](s).Codes[0]
		began := time.Now()
		if _, err := r.network.Scan(t.Context(), "", code); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("restart after %v", took)
		}
		s.paired()
	})
}

func TestCodesRunOut(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		s, codes := r.startShowing(t, newDevice())
		began := time.Now()
		shown := 0
		for item := range codes {
			if item.Event == "code" {
				shown++
			} else if item.Event != "timeout" {
				t.Errorf("channel ended with %+v", item)
			}
		}
		synctest.Wait() // the channel closes before the client hangs up
		if took := time.Since(began); shown != 6 || took != 160*time.Second {
			t.Errorf("%d codes in %v", shown, took)
		}
		await[*events.QR](s)
	})
}

func TestServerClosesWhenCodesRanOut(t *testing.T) {
	inBubble(t, sandbox.Config{PairingWindow: 15 * time.Second, Codes: 1}, func(t *testing.T, r *rig) {
		s := r.start(t, newDevice())
		began := time.Now()
		if codes := await[*events.QR](s).Codes; len(codes) != 1 {
			t.Errorf("%d codes", len(codes))
		}
		await[*events.Disconnected](s)
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

func TestSilentClientsAreDropped(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		began := time.Now()
		c := r.openSocket(t)
		c.readToEnd()
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("dropped after %v", took)
		}
	})
}
