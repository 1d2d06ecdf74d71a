package witi_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/dialecttest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// received is what a receiver makes of a body, as the vendor's samples do: look
// at the text before the first comma, undo the wrappings, parse each event.
func received(body []byte) (events []map[string]any, err error) {
	text := string(body)
	var list []string
	switch {
	case strings.HasPrefix(text, "BULKGZ,"):
		packed, err := base64.StdEncoding.DecodeString(text[len("BULKGZ,"):])
		if err != nil {
			return nil, err
		}
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		const most = 1 << 24
		plain, err := io.ReadAll(io.LimitReader(z, most+1))
		if err != nil {
			return nil, err
		}
		if len(plain) > most {
			return nil, errors.New("it is too large")
		}
		text = "BULK," + string(plain)
		fallthrough
	case strings.HasPrefix(text, "BULK,"):
		if err := json.Unmarshal([]byte(text[len("BULK,"):]), &list); err != nil {
			return nil, err
		}
	default:
		list = []string{base64.StdEncoding.EncodeToString(body)}
	}
	for _, item := range list {
		plain, err := base64.StdEncoding.DecodeString(item)
		if err != nil {
			return nil, err
		}
		var ev map[string]any
		if err := json.Unmarshal(plain, &ev); err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}

// story is what a pairing looks like: a code, and the walk to 10.
func story() []*record.Event {
	shown := event(1, record.QRIssued)
	shown.Code = &record.Code{Text: "2@pairing,code", TTL: 20 * time.Second, ExpiresAt: noon.Add(20 * time.Second)}
	out := []*record.Event{&shown}
	for i, to := range []fsm.State{fsm.Starting, fsm.Authenticated} {
		ev := event(uint64(i+2), record.ConnectionChanged)
		ev.Transition = &fsm.Transition{To: to, At: ev.At}
		ev.Info = stored(to, true)
		ev.Info.PushName = "Ação <&> ✓" // beyond ASCII, and what JSON likes to escape
		out = append(out, &ev)
	}
	return out
}

func bulkEndpoint(version string) *record.Endpoint {
	return &record.Endpoint{Version: version, Bulk: &record.Bulk{Most: 50, Wait: 500 * time.Millisecond}}
}

func TestBulk(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("of %d", n), func(t *testing.T) {
			plain, err := encoder.Encode(bulkEndpoint("1.0"), story()[:n])
			if err != nil {
				t.Fatal(err)
			}
			dialecttest.Golden(t, filepath.Join("testdata", "postbacks", fmt.Sprintf("bulk_%d.golden", n)), append(bytes.Clone(plain.Body), '\n'))
			packed, err := encoder.Encode(bulkEndpoint("1.1"), story()[:n])
			if err != nil {
				t.Fatal(err)
			}
			unset, err := encoder.Encode(bulkEndpoint(""), story()[:n])
			if err != nil || !bytes.Equal(unset.Body, plain.Body) {
				t.Errorf("without a version it is not 1.0: %v", err)
			}
			for _, p := range []record.PostBack{plain, packed} {
				if p.ContentType != "text/plain; charset=utf-8" || p.Query != "" {
					t.Errorf("content type %s, query %q", p.ContentType, p.Query)
				}
				checkReceived(t, p.Body, story()[:n])
			}
			if !bytes.HasPrefix(packed.Body, []byte("BULKGZ,eJ")) { // 78 9C, zlib's usual beginning
				t.Errorf("it begins with %.12s", packed.Body)
			}
		})
	}
}

// checkReceived proves that a receiver finds the events of the body to be those
// that would come one by one, in order.
func checkReceived(t *testing.T, body []byte, want []*record.Event) {
	t.Helper()
	got, err := received(body)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d events arrive of %d, %v", len(got), len(want), err)
	}
	for i, ev := range want {
		single, _, err := encode(ev)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := received(single)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got[i]) != fmt.Sprint(alone[0]) || got[i]["id"] != ev.ID() {
			t.Errorf("event %d arrives as %v, alone as %v", i, got[i], alone[0])
		}
	}
}

// The packed form is what other packers make, too: a body that zlib itself has
// packed (level 6, by Python's zlib) is taken by the test's receiver, so that
// what the receiver takes is not ours alone.
func TestReceiverTakesAnothersPacking(t *testing.T) {
	other, err := os.ReadFile(filepath.Join("testdata", "postbacks", "bulk_other.txt"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := received(bytes.TrimSpace(other))
	if err != nil || len(events) != 3 || events[0]["id"] != "i1/1/1" || events[2]["id"] != "i1/1/3" {
		t.Errorf("%v, %v", events, err)
	}
}

func TestBulkOnlyForThoseWhoAsked(t *testing.T) {
	if _, err := encoder.Encode(&record.Endpoint{Version: "1.1"}, story()); err == nil {
		t.Error("three events were made one")
	}
	if p, err := encoder.Encode(&record.Endpoint{Version: "1.1"}, story()[:1]); err != nil || p.ContentType != "application/json" || p.Body[0] != '{' {
		t.Errorf("a single event: %s, %v", p.ContentType, err)
	}
	for _, ep := range []*record.Endpoint{{}, bulkEndpoint("1.0")} {
		if _, err := encoder.Encode(ep, nil); err == nil {
			t.Error("a request of nothing")
		}
	}
	if _, err := encoder.Encode(bulkEndpoint("2.0"), story()); err == nil || !strings.Contains(err.Error(), `"2.0"`) {
		t.Errorf("another version: %v", err)
	}
	foreign := event(4, record.MessageText)
	if _, err := encoder.Encode(bulkEndpoint("1.0"), append(story(), &foreign)); err == nil {
		t.Error("a batch holds what the format does not carry")
	}
}

// Requests of several endpoints are made at once and share the packers.
func TestBulkAtOnce(t *testing.T) {
	want, err := encoder.Encode(bulkEndpoint("1.1"), story())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := encoder.Encode(bulkEndpoint("1.1"), story()); err != nil || !bytes.Equal(got.Body, want.Body) {
					t.Errorf("the same events make another body: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzBulk packs events and expects them back, and gives the receiver what is
// no body: it says so and does not fall.
func FuzzBulk(f *testing.F) {
	for _, version := range []string{"1.0", "1.1"} {
		p, err := encoder.Encode(bulkEndpoint(version), story())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Body, "Ana", uint8(3))
		f.Add(p.Body, "Ana", uint8(131))
	}
	for _, body := range []string{"", "BULK,", "BULK,[]", "BULKGZ,", "BULKGZ,eJyL", `BULK,["e30="]`, "{}"} {
		f.Add([]byte(body), "\x00\xff\u2028</script>", uint8(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, name string, n uint8) {
		_, _ = received(body)
		version, events := "1.0", make([]*record.Event, n%8+1)
		if n >= 128 {
			version = "1.1"
		}
		for i := range events {
			ev := event(uint64(i+1), record.ConnectionChanged)
			ev.Transition, ev.Info = &fsm.Transition{To: fsm.Starting, At: ev.At}, stored(fsm.Starting, true)
			ev.Info.PushName = name
			events[i] = &ev
		}
		p, err := encoder.Encode(bulkEndpoint(version), events)
		if err != nil {
			t.Fatal(err)
		}
		checkReceived(t, p.Body, events)
	})
}
