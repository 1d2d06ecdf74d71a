package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

// TestReader is what the subscribe-only account can do.
func TestReader(t *testing.T) {
	log := newLog()
	log.addMany(10, 2)
	b := start(t, embedded(t), log)
	b.published(log)
	nc, ctx := b.reader(), patient(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(ctx); err != nil {
		t.Errorf("account info: %v", err)
	}
	if name, err := js.StreamNameBySubject(ctx, "switchhook.ev.>"); err != nil || name != bus.StreamName {
		t.Errorf("stream by subject: %q, %v", name, err)
	}
	s, err := js.Stream(ctx, bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := s.GetLastMsgForSubject(ctx, "switchhook.ev.i01.>"); err != nil || m.Header.Get(bus.HeaderID) != "i01/1/5" {
		t.Errorf("last message: %v, %v", m, err)
	}

	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "mine", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "switchhook.ev.i00.>",
	})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(5)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m := range batch.Messages() {
		if err := m.DoubleAck(ctx); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if info, err := c.Info(ctx); err != nil || n != 5 || info.NumAckPending != 0 || info.NumPending != 0 {
		t.Errorf("%d messages, then %+v, %v", n, info, err)
	}
	if err := s.DeleteConsumer(ctx, "mine"); err != nil {
		t.Errorf("delete a consumer: %v", err)
	}
}

// TestReaderCannot is what the subscribe-only account must not be able to do.
func TestReaderCannot(t *testing.T) {
	log := newLog()
	log.add("a")
	b := start(t, embedded(t), log)
	b.published(log)

	info, err := b.Info()
	if err != nil {
		t.Fatal(err)
	}
	denied := make(chan error, 100)
	nc := connect(t, info.URL, nats.UserInfo(info.User, info.Password),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	for _, subject := range []string{
		"switchhook.ev.a.connection.10", "switchhook.cmd.a.close", "other", "_INBOX.someone",
		"$JS.API.STREAM.DELETE.SWITCHHOOK", "$JS.API.STREAM.PURGE.SWITCHHOOK", "$JS.API.STREAM.UPDATE.SWITCHHOOK",
		"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.MSG.DELETE.SWITCHHOOK", "$JS.API.ACCOUNT.PURGE.DAEMON",
		"$SYS.REQ.SERVER.PING", "$JS.API.META.LEADER.STEPDOWN",
	} {
		if err := nc.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("publish on %s: %v", subject, err)
			}
		case <-time.After(patience):
			t.Errorf("publish on %s: not refused", subject)
		}
	}
	for _, subject := range []string{"$SYS.>", "$JS.>", "switchhook.cmd.>", ">"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("subscribe to %s: %v", subject, err)
			}
		case <-time.After(patience):
			t.Errorf("subscribe to %s: not refused", subject)
		}
	}

	// JetStream sends its answers wherever a request says. In an account of
	// their own, readers can have them sent to each other at most.
	ctx := patient(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(ctx, bus.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	const forged = "switchhook.ev.a.connection.13"
	for subject, body := range map[string]string{
		"$JS.API.INFO":                              "",
		"$JS.API.STREAM.INFO.SWITCHHOOK":            "",
		"$JS.API.STREAM.MSG.GET.SWITCHHOOK":         `{"seq":1}`,
		"$JS.API.CONSUMER.MSG.NEXT.SWITCHHOOK.c":    "1",
		"$JS.API.CONSUMER.CREATE.SWITCHHOOK.p":      `{"stream_name":"SWITCHHOOK","config":{"name":"p","ack_policy":"none","deliver_subject":"` + forged + `"}}`,
		"$JS.API.CONSUMER.CREATE.SWITCHHOOK.purge":  `{"stream_name":"SWITCHHOOK","config":{"name":"purge","ack_policy":"none","headers_only":true,"deliver_subject":"$JS.API.STREAM.PURGE.SWITCHHOOK"}}`,
		"$JS.API.CONSUMER.CREATE.SWITCHHOOK.delete": `{"stream_name":"SWITCHHOOK","config":{"name":"delete","ack_policy":"none","headers_only":true,"deliver_subject":"$JS.API.STREAM.DELETE.SWITCHHOOK"}}`,
	} {
		if err := nc.PublishRequest(subject, forged, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	log.add("a") // passes the same server after all of these
	b.Notify()
	b.published(log)
	same(t, stored(t, b.reader()), log.ids())
}
