package bus_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

// follower is a durable consumer that acknowledges what it gets.
type follower struct {
	t  *testing.T
	c  jetstream.Consumer
	js jetstream.JetStream
}

func follow(t *testing.T, info bus.Info) *follower {
	t.Helper()
	js, err := jetstream.New(connect(t, info.URL, nats.UserInfo(info.User, info.Password),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))) // of a server that was killed
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream", func() bool {
		_, err := js.Stream(patient(t), bus.StreamName)
		return err == nil
	})
	c, err := js.CreateOrUpdateConsumer(patient(t), bus.StreamName, jetstream.ConsumerConfig{
		Durable: "follower", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1 << 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &follower{t, c, js}
}

// take gets messages until one of that sequence has come, and notes each by its own.
func (f *follower) take(into map[uint64]string, until uint64) {
	f.t.Helper()
	it, err := f.c.Messages(jetstream.PullMaxMessages(64))
	if err != nil {
		f.t.Fatal(err)
	}
	defer it.Stop()
	ctx := patient(f.t)
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			f.t.Fatalf("after %d events: %v", len(into), err)
		}
		meta, err := m.Metadata()
		if err == nil {
			err = m.Ack()
		}
		if err != nil {
			f.t.Fatal(err)
		}
		seq, id := meta.Sequence.Stream, m.Headers().Get(bus.HeaderID)
		if was, ok := into[seq]; ok && was != id {
			f.t.Errorf("message %d was %s, and is %s now", seq, was, id)
		}
		into[seq] = id
		if seq >= until {
			return
		}
	}
}

// complete holds what was got against what the log has.
func complete(t *testing.T, got map[uint64]string, want []string) {
	t.Helper()
	ids := make([]string, len(want))
	for i := range ids {
		ids[i] = got[uint64(i+1)]
	}
	same(t, ids, want)
}

// TestLostTail has a server come back without the last messages that a consumer has had:
// a power cut takes what the disk had not synced. They are published again, under the
// same sequences.
func TestLostTail(t *testing.T) {
	cfg, log, got := embedded(t), newLog(), map[uint64]string{}
	run := func(events int) {
		t.Helper()
		log.addMany(events, 3)
		b := start(t, cfg, log)
		info, err := b.Info()
		if err != nil {
			t.Fatal(err)
		}
		f := follow(t, info)
		f.take(got, uint64(len(log.ids())))
		b.published(log)
		same(t, stored(t, b.reader()), log.ids())
		b.stop()
	}
	run(100)
	msgs, err := filepath.Glob(filepath.Join(cfg.Dir, "jetstream", "*", "streams", bus.StreamName, "msgs"))
	if err != nil || len(msgs) != 1 {
		t.Fatalf("the messages are in %v (%v)", msgs, err)
	}
	kept := filepath.Join(t.TempDir(), "msgs")
	if err := os.CopyFS(kept, os.DirFS(msgs[0])); err != nil {
		t.Fatal(err)
	}
	run(50)
	if err := os.RemoveAll(msgs[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(msgs[0], os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	run(50)
	complete(t, got, log.ids())
}
