//nolint:forbidigo // its sleeps are in bubbles
package whatsapp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

const (
	soakSize  = 20
	soakSteps = 1000 // SWITCHHOOK_TEST_SOAK changes it: make soak plays 10,000
)

// TestSoak plays random commands, scans, messages, faults and restarts on twenty
// instances, and then holds the log: every transition by the table, no gap in any
// stream, nobody stuck, every message in it that the sandbox was told is received,
// and no goroutine or socket left. SWITCHHOOK_TEST_SEED repeats a run.
func TestSoak(t *testing.T) {
	withoutRaceDetector(t)
	steps, seed := soakSteps, uint64(time.Now().UnixNano())
	if v, err := strconv.Atoi(os.Getenv("SWITCHHOOK_TEST_SOAK")); err == nil {
		steps = v
	}
	if v, err := strconv.ParseUint(os.Getenv("SWITCHHOOK_TEST_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("%d steps, SWITCHHOOK_TEST_SEED=%d", steps, seed)
	inHerd(t, soakSize, func(t *testing.T, h *herd) {
		s := &soak{herd: h, rng: rand.New(rand.NewPCG(seed, 0)), did: make(map[string]int)}
		for range steps {
			s.step()
			if t.Failed() {
				break
			}
		}
		s.settle()
		s.judge()
		t.Logf("did %v; %d messages acknowledged, %d events", s.did, s.acknowledged, s.events)
	})
}

type soak struct {
	*herd
	rng *rand.Rand
	did map[string]int

	under        sync.WaitGroup // commands under way
	acknowledged int
	events       int
}

func (s *soak) one() *member { return s.members[s.rng.IntN(len(s.members))] }

// give runs a command beside the steps and holds how long its answer takes.
func (s *soak) give(name string, m *member, limit time.Duration, command func(context.Context, *instance.Instance) error) {
	i := m.Instance
	s.under.Go(func() {
		began := time.Now()
		err := command(context.Background(), i)
		if took := time.Since(began); took > limit {
			s.t.Errorf("%s of %s was answered after %v: %v", name, m.id, took, err)
		}
	})
}

func (s *soak) step() {
	m := s.one()
	kinds := []struct {
		name   string
		weight int
		do     func(*member)
	}{
		{"generate", 8, s.generate},
		{"link", 3, s.link},
		{"scan", 14, s.scan},
		{"restore", 8, s.simple("restore", 15*time.Second, func(ctx context.Context, i *instance.Instance) error { _, err := i.Restore(ctx); return err })},
		{"close", 3, s.simple("close", 2*time.Second, func(ctx context.Context, i *instance.Instance) error { _, err := i.Close(ctx); return err })},
		{"disconnect", 2, s.simple("disconnect", 15*time.Second, func(ctx context.Context, i *instance.Instance) error { _, err := i.Disconnect(ctx); return err })},
		{"save", 2, s.simple("save", 2*time.Second, func(ctx context.Context, i *instance.Instance) error { return i.Save(ctx) })},
		{"clear", 1, s.simple("clear", 2*time.Second, func(ctx context.Context, i *instance.Instance) error { _, err := i.Clear(ctx); return err })},
		{"send", 6, s.send},
		{"message", 25, s.message},
		{"fault", 14, s.fault},
		{"heal", 2, s.heal},
		{"restart", 2, func(m *member) { s.halt(m, false); s.run(m) }},
		{"kill", 2, func(m *member) { s.halt(m, true); s.run(m) }},
		{"wait", 8, func(*member) { time.Sleep(time.Duration(s.rng.IntN(20_000)) * time.Millisecond) }},
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	at := s.rng.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			s.did[k.name]++
			k.do(m)
			break
		}
	}
	if s.rng.IntN(200) == 0 { // the daemon, all of it
		s.did["daemon restart"]++
		s.close()
		s.open()
	}
	time.Sleep(time.Duration(s.rng.IntN(400)) * time.Millisecond)
}

func (s *soak) simple(name string, limit time.Duration, do func(context.Context, *instance.Instance) error) func(*member) {
	return func(m *member) { s.give(name, m, limit, do) }
}

func (s *soak) generate(m *member) {
	s.give("generate", m, 15*time.Second, func(ctx context.Context, i *instance.Instance) error {
		_, err := i.Generate(ctx, nil)
		return err
	})
}

func (s *soak) link(m *member) {
	s.give("link", m, 15*time.Second, func(ctx context.Context, i *instance.Instance) error {
		_, err := i.LinkPhone(ctx, m.phone, nil)
		return err
	})
}

// scan takes whatever code is on show anywhere.
func (s *soak) scan(*member) {
	for _, m := range s.members {
		st := m.Status()
		switch {
		case st.PairingCode != nil:
			s.under.Go(func() { _, _ = s.network.TypeCode(context.Background(), m.phone, st.PairingCode.Text) })
			return
		case st.Code != nil:
			s.under.Go(func() { _, _ = s.network.Scan(context.Background(), m.phone, st.Code.Text) })
			return
		}
	}
}

func (s *soak) send(m *member) {
	to := s.one().phone
	s.give("send", m, 15*time.Second, func(ctx context.Context, i *instance.Instance) error {
		_, err := i.Send(ctx, instance.Text{To: to, Body: "hello"})
		return err
	})
}

// message lets a phone write to a member, now and then the same thing twice. An
// error says that the member has no companion now.
func (s *soak) message(m *member) {
	spec := sandbox.SendSpec{
		From: fmt.Sprintf("155500099%02d", s.rng.IntN(5)), To: m.phone, Text: "hello", NoWait: true,
		LIDAddressed: s.rng.IntN(2) == 0, Repeat: s.rng.IntN(10) == 0,
	}
	_, _ = s.network.Send(context.Background(), spec)
}

// fault plays any fault on a member, or on the network. An error says that it
// cannot strike there now.
func (s *soak) fault(m *member) {
	kinds := sandbox.FaultKinds()
	kind := kinds[s.rng.IntN(len(kinds))]
	opts := sandbox.FaultOptions{
		NoGap: s.rng.IntN(2) == 0, Times: 1 + s.rng.IntN(3), Later: s.rng.IntN(3) == 0,
		Expire: time.Duration(1+s.rng.IntN(120)) * time.Second,
	}
	target := sandbox.Target{Phone: m.phone}
	if code := m.Status().Code; code != nil {
		target = sandbox.Target{Code: code.Text}
	}
	if s.rng.IntN(10) == 0 {
		target = sandbox.Target{}
	}
	s.under.Go(func() { _ = s.network.Fault(context.Background(), target, kind.Kind, opts) })
}

func (s *soak) heal(m *member) {
	for _, target := range []sandbox.Target{{}, {Phone: m.phone}} {
		_ = s.network.Fault(context.Background(), target, sandbox.FaultHeal, sandbox.FaultOptions{})
	}
}

// settle ends what goes wrong, lets everybody come to rest, and finds who does
// not.
func (s *soak) settle() {
	s.under.Wait()
	for _, m := range s.members {
		s.heal(m)
	}
	time.Sleep(15 * time.Minute)
	stuck := make(map[string]time.Time)
	for _, m := range s.members {
		if rec := m.Status().Record; rec.State == fsm.Connecting || rec.State == fsm.SocketOpen || rec.State == fsm.Starting {
			stuck[m.id] = rec.Since
		}
		if st := m.Status(); st.Degraded != "" {
			s.t.Errorf("%s is degraded: %s", m.id, st.Degraded)
		}
	}
	time.Sleep(time.Minute)
	for _, m := range s.members {
		rec := m.Status().Record
		if since, was := stuck[m.id]; was && rec.Since.Equal(since) {
			s.t.Errorf("%s is stuck in %d", m.id, rec.State)
		}
		// What can come back has: everything was healed a quarter of an hour ago.
		if rec.State == fsm.AuthenticatedClosed && rec.Cause.Retries() {
			s.t.Errorf("%s is still in 11 (%s), attempt %d, retry at %v", m.id, rec.Cause, rec.Attempts, rec.RetryAt)
		}
	}
}

// judge holds every stream, and the mail against it.
func (s *soak) judge() {
	heard := make(map[string]map[string]int) // by member, by message
	for _, m := range s.members {
		heard[m.phone] = s.judgeStream(m)
	}
	mail, err := s.network.Mail(context.Background(), sandbox.MailQuery{Class: sandbox.MailMessage})
	if err != nil {
		s.t.Fatal(err)
	}
	companions := make(map[string]int) // that got the same message, one after another: each may tell of it
	for _, letter := range mail {
		companions[letter.To+letter.ID]++
	}
	for _, letter := range mail {
		if letter.Kind == sandbox.KindSettingsKey {
			continue // from phone to companion, and nobody else's business
		}
		switch n := heard[letter.To][letter.ID]; {
		case letter.Acknowledged && n == 0:
			s.t.Errorf("message %s was acknowledged by %s and is not in the log: %+v", letter.ID, letter.To, letter)
		case n > 1 && companions[letter.To+letter.ID] < 2:
			s.t.Errorf("message %s of %s stands %d times in the log: %+v", letter.ID, letter.To, n, letter)
		case letter.Acknowledged:
			s.acknowledged++
		}
	}
}

// judgeStream walks a member's log by the table and counts its messages.
func (s *soak) judgeStream(m *member) map[string]int {
	state, session := fsm.NoConnection, false
	heard := make(map[string]int)
	var seq uint64
	for {
		events, err := s.store.Events(m.id, seq, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(events) == 0 {
			return heard
		}
		for _, e := range events {
			s.events++
			if seq++; e.Seq != seq {
				s.t.Fatalf("%s: event %d has seq %d", m.id, seq, e.Seq)
			}
			switch {
			case e.Transition != nil:
				row, legal := fsm.Next(state, session, e.Transition.Event)
				if !legal || e.Transition.From != state || e.Transition.To != row.To {
					s.t.Errorf("%s: %d>%d by %s in %d, with a session: %v", m.id, e.Transition.From, e.Transition.To, e.Transition.Event, state, session)
				}
				state, session = e.Transition.To, (session || row.Makes) && !row.Drops
			case e.Message != nil && e.Kind != record.MessageReceipt && e.Kind != record.MessageSent:
				heard[e.Message.ID]++
			}
		}
	}
}
