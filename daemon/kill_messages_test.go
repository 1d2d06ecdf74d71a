package daemon_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// TestKillAcknowledgesNothingUnstored kills the real daemon with SIGKILL while
// phones write to it, again and again, and compares what the sandbox, in a process
// of its own, was told is received with what the log holds: each such message is
// there, once; and in the end there is none that was not received, and none that
// has not reached the endpoints, in order.
//
// SWITCHHOOK_TEST_MESSAGE_KILLS sets how often (10; make soak: 100), SWITCHHOOK_TEST_SEED repeats
// a run.
func TestKillAcknowledgesNothingUnstored(t *testing.T) {
	kills := envInt(t, "SWITCHHOOK_TEST_MESSAGE_KILLS", 10)
	seed := envInt(t, "SWITCHHOOK_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("SWITCHHOOK_TEST_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 2))

	f := newCrashRig(t)
	phones := sandbox.NewClient("http://" + f.air)
	names := []string{"ada", "ben", "cleo", "dov"}
	f.boot()
	digits := make(map[string]string)
	for _, name := range names {
		f.pair(name, "")
		digits[name] = f.find(name).Phone
	}
	f.sink = newSink(t)
	f.serve("single", api.EndpointSpec{}, everything, names...)
	f.serve("gathered", api.EndpointSpec{EndpointChange: api.EndpointChange{
		Bulk: &api.Bulk{Most: 20, Wait: api.Span(5 * time.Millisecond)},
	}}, everything, names...)
	inFlight := 0
	var last uint64 // serial of the mail before
	for range kills {
		stop := write(t, phones, digits)
		got, goal := 0, 1+rng.IntN(40)
		for got < goal {
			got = received(t, phones, last)
		}
		f.daemon.kill()
		f.sink.killed()
		stop()
		waiting, err := phones.Mail(t.Context(), sandbox.MailQuery{Class: sandbox.MailMessage, Waiting: true})
		if err != nil {
			t.Fatal(err)
		}
		inFlight += len(waiting)
		if n := len(waiting); n > 0 {
			last = waiting[n-1].Serial
		}
		f.boot()
	}
	f.awaitMail(phones)
	f.judgeMail(phones, digits, kills, inFlight)
	f.finishSink()
	if code := f.daemon.interrupt(); code != 0 {
		t.Errorf("the daemon stopped with status %d\n%s", code, f.daemon.output())
	}
}

// write lets three phones write to each account, each its next text when the last
// was received, until they are told to stop.
func write(t *testing.T, phones *sandbox.Client, digits map[string]string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, to := range digits {
		for n := range 3 {
			from := fmt.Sprintf("1555000990%d", n)
			all.Go(func() {
				for ctx.Err() == nil {
					// What the server took is in its mail, whether this is answered or not.
					_, _ = phones.Send(ctx, sandbox.SendSpec{From: from, To: to, Text: "hello"})
				}
			})
		}
	}
	return func() { cancel(); all.Wait() }
}

// received is how many messages after a serial the sandbox was told are received.
func received(t *testing.T, phones *sandbox.Client, after uint64) int {
	t.Helper()
	mail, err := phones.Mail(t.Context(), sandbox.MailQuery{Class: sandbox.MailMessage, After: after})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range mail {
		if m.Acknowledged {
			n++
		}
	}
	return n
}

// awaitMail waits until everything has been received.
func (f *crashRig) awaitMail(phones *sandbox.Client) {
	f.t.Helper()
	until := time.Now().Add(patience)
	for {
		waiting, err := phones.Mail(f.t.Context(), sandbox.MailQuery{Class: sandbox.MailMessage, Waiting: true})
		if err != nil {
			f.t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		if time.Now().After(until) {
			f.t.Fatalf("%d messages are never received, the first %+v\n%s", len(waiting), waiting[0], f.daemon.output())
		}
	}
}

// judgeMail compares the mail with the logs.
func (f *crashRig) judgeMail(phones *sandbox.Client, digits map[string]string, kills, inFlight int) {
	f.t.Helper()
	heard := make(map[string]map[string]int)
	for name, phone := range digits {
		heard[phone] = make(map[string]int)
		for i, e := range f.events(name, 0) {
			if e.Seq != uint64(i+1) {
				f.t.Fatalf("%s: event %d of the log has seq %d", name, i+1, e.Seq)
			}
			if e.Type == record.MessageText {
				heard[phone][e.Data.Message.ID]++
			}
		}
	}
	mail, err := phones.Mail(f.t.Context(), sandbox.MailQuery{Class: sandbox.MailMessage})
	if err != nil {
		f.t.Fatal(err)
	}
	again := 0
	for _, m := range mail {
		if m.Kind == sandbox.KindSettingsKey {
			continue
		}
		if n := heard[m.To][m.ID]; m.Acknowledged && n != 1 {
			f.t.Errorf("message %s is acknowledged and stands %d times in the log: %+v", m.ID, n, m)
		}
		if !m.Acknowledged {
			f.t.Errorf("message %s was never received: %+v", m.ID, m)
		}
		if m.Sends > 1 {
			again++
		}
	}
	if inFlight == 0 || again == 0 {
		f.t.Errorf("no kill hit a message on its way (%d in flight, %d delivered again): the test proves nothing", inFlight, again)
	}
	f.t.Logf("%d kills, %d messages, %d on their way at a kill, %d delivered again", kills, len(mail), inFlight, again)
}
