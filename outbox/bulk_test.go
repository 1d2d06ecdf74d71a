//nolint:forbidigo // in a bubble
package outbox

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/record"
)

func bulk() record.Endpoint {
	ep := endpoint("a")
	ep.Bulk = &record.Bulk{Most: 50, Wait: 500 * time.Millisecond}
	return ep
}

// batches says what was sent when: "0s:1-50".
func (s *fakeSender) batches(since time.Time) (out []string) {
	for _, r := range s.requests() {
		out = append(out, fmt.Sprintf("%v:%d-%d", r.at.Sub(since), r.seqs[0], r.seq))
	}
	return out
}

func TestBulkGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(bulk(), 0)
		o := run(t, log, send, nil)
		began := time.Now()
		for range 7 { // 70 events in 600 ms: 50 make it full, the rest waits its time
			o.commit(ep.Stream, 10)
			time.Sleep(100 * time.Millisecond)
		}
		o.drained("", time.Second)
		equal(t, "batches", send.batches(began), []string{"400ms:1-50", "1s:51-70"})
		o.commit(ep.Stream, 120) // a backlog does not wait
		time.Sleep(time.Second)
		got := send.requests()[2:]
		if len(got) != 3 || len(got[0].seqs) != 50 || len(got[1].seqs) != 50 || len(got[2].seqs) != 20 || got[2].at.Sub(got[0].at) > 500*time.Millisecond {
			t.Errorf("backlog %v", send.batches(began)[2:])
		}
		if got[1].prev != 120 || got[2].prev != 170 {
			t.Errorf("prev %d, %d", got[1].prev, got[2].prev)
		}
	})
}

// Only what is meant for the endpoint counts, and one event alone waits no
// longer than asked.
func TestBulkCountsWhatIsCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		ep := log.add(bulk(), 0)
		o := run(t, log, send, func(c *Config) { c.Carries = carried })
		began := time.Now()
		o.commit(ep.Stream, 1)
		log.commitKind(ep.Stream, record.QRIssued, 60)
		o.Notify(ep.Stream)
		time.Sleep(200 * time.Millisecond)
		o.commit(ep.Stream, 1)
		time.Sleep(time.Second)
		equal(t, "batches", send.batches(began), []string{"500ms:1-62"})
		if got := send.requests()[0].seqs; len(got) != 2 {
			t.Errorf("sent %v", got)
		}
	})
}

// A batch that failed is repeated as it was, whatever has come since and
// whatever becomes of the daemon; then the rest follows.
func TestBatchIsRepeatedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(down)
		ep := log.add(bulk(), 0)
		log.commit(ep.Stream, 3)
		o := run(t, log, send, nil)
		time.Sleep(time.Second)
		o.commit(ep.Stream, 10)
		time.Sleep(time.Minute)
		if err := o.stop(); err != nil {
			t.Fatal(err)
		}
		n := len(send.requests())
		for _, r := range send.requests() {
			equal(t, "batch", r.seqs, upTo(3))
		}
		if lane := log.lane("a"); lane.BatchTo != 3 || n < 3 {
			t.Fatalf("stored %+v after %d tries", lane, n)
		}
		send.set(nil)
		o = run(t, log, send, nil)
		o.drained("", time.Minute)
		got := send.requests()[n:]
		if len(got) != 2 || got[0].seq != 3 || got[1].seqs[0] != 4 || got[1].seq != 13 {
			t.Errorf("sent %v", send.batches(time.Now()))
		}
	})
}

// Behind a full batch the time of what is left counts from when it was seen.
func TestBulkWhileARequestIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{}
		send.set(func(context.Context, request) Verdict {
			time.Sleep(300 * time.Millisecond)
			return Verdict{Outcome: Delivered}
		})
		ep := log.add(bulk(), 0)
		o := run(t, log, send, nil)
		began := time.Now()
		o.commit(ep.Stream, 50)
		time.Sleep(100 * time.Millisecond)
		o.commit(ep.Stream, 1) // seen at 100 ms: goes at 600 ms
		time.Sleep(2 * time.Second)
		equal(t, "batches", send.batches(began), []string{"0s:1-50", "600ms:51-51"})
	})
}

// A batch is bounded by what it takes, too: it goes at once when it is full, and
// again with the same events. One event alone may be larger.
func TestBulkIsBoundedByItsLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{answer: down}
		ep := bulk()
		ep.Bulk.Wait = time.Minute
		log.add(ep, 0)
		log.commit(ep.Stream, 12)
		for i := range 12 {
			log.events[ep.Stream][i].Message = &record.Message{Text: strings.Repeat("x", 1<<20)}
		}
		log.events[ep.Stream][4].Data = make([]byte, 5<<20)
		o := run(t, log, send, nil)
		began := time.Now()
		time.Sleep(70 * time.Second)
		if got := send.batches(began); len(got) < 2 || !strings.HasSuffix(got[0], ":1-3") || !strings.HasSuffix(got[1], ":1-3") {
			t.Errorf("not the same again: %v", got)
		}
		send.set(nil)
		n := len(send.requests())
		o.Retry("a")
		time.Sleep(time.Second)
		var got []string
		for _, r := range send.requests()[n:] {
			got = append(got, fmt.Sprintf("%d-%d", r.seqs[0], r.seq))
		}
		equal(t, "batches", got, []string{"1-3", "4-4", "5-5", "6-8", "9-11", "12-12"})
	})
}

// A probe does not wait for more, however little there is: others wait for it.
func TestBulkProbeGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, send := newFakeLog(), &fakeSender{answer: down}
		ep := bulk()
		ep.Stream, ep.Bulk.Wait = "", time.Minute
		log.add(ep, 0)
		o := run(t, log, send, func(c *Config) { c.Carries = carried })
		o.commit("i-0", 1)
		time.Sleep(time.Hour)
		if o.Endpoints("a")[0].State != "failing" {
			t.Fatalf("%+v", o.Endpoints("a"))
		}
		n := len(send.requests())
		log.commit("i-1", 1)
		log.commitKind("i-1", record.QRIssued, 60) // not for it, which only a look shows
		o.Notify("i-1")
		time.Sleep(time.Second)
		if got := send.requests()[n:]; len(got) != 1 || got[0].stream != "i-1" {
			t.Errorf("sent %v", got)
		}
	})
}
