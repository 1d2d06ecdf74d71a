package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// model is what a store holds, told by plain maps: no file, no layers, no journal.
type model struct {
	instances, sessions, endpoints map[string]string
	device                         map[string]map[string]string // by instance and session
	lanes                          map[[3]string]uint64         // by endpoint, stream and replay
	dead                           map[store.DeadPlace]record.DeadLetter
	nonces                         map[store.Nonce]bool
	imports                        map[string]time.Time
	log                            []record.Event
	heads                          map[string]uint64
}

func newModel() *model {
	return &model{
		instances: map[string]string{}, sessions: map[string]string{}, endpoints: map[string]string{},
		device: map[string]map[string]string{}, lanes: map[[3]string]uint64{},
		dead: map[store.DeadPlace]record.DeadLetter{}, nonces: map[store.Nonce]bool{},
		imports: map[string]time.Time{}, heads: map[string]uint64{},
	}
}

func (m *model) dropSession(instance string) {
	delete(m.sessions, instance)
	for _, session := range modelSessions {
		delete(m.device, instance+"/"+session)
	}
}

func (m *model) deleteEndpoint(id string) {
	delete(m.endpoints, id)
	maps.DeleteFunc(m.lanes, func(k [3]string, _ uint64) bool { return k[0] == id })
	maps.DeleteFunc(m.dead, func(p store.DeadPlace, _ record.DeadLetter) bool { return p.Endpoint == id })
}

func (m *model) erase(instance string, endpoints ...string) {
	delete(m.instances, instance)
	m.dropSession(instance)
	for _, e := range endpoints {
		m.deleteEndpoint(e)
	}
	maps.DeleteFunc(m.lanes, func(k [3]string, _ uint64) bool { return k[1] == instance })
	maps.DeleteFunc(m.dead, func(p store.DeadPlace, _ record.DeadLetter) bool { return p.Stream == instance })
}

func (m *model) putLane(l record.Lane) {
	place := [3]string{l.Endpoint, l.Stream, l.Replay}
	if !l.Ended || l.Replay == "" {
		m.lanes[place] = l.Acked
		return
	}
	delete(m.lanes, place)
	if !l.Stopped {
		m.drop(func(d record.DeadLetter) bool {
			return d.Endpoint == l.Endpoint && d.Stream == l.Stream && d.From >= l.From && d.To <= l.Until && d.Replay != l.Replay
		})
	}
}

func (m *model) saveLanes(lanes []record.Lane, dead []record.DeadLetter) {
	for _, d := range dead {
		if m.endpoints[d.Endpoint] != "" {
			m.dead[store.PlaceOf(d)] = d
		}
	}
	for _, l := range lanes {
		if m.endpoints[l.Endpoint] != "" || l.Ended {
			m.putLane(l)
		}
	}
}

func (m *model) drop(goes func(record.DeadLetter) bool) {
	maps.DeleteFunc(m.dead, func(_ store.DeadPlace, d record.DeadLetter) bool { return goes(d) })
}

func (m *model) append(e record.Event) {
	m.heads[e.Stream]++
	e.Epoch, e.Seq = 1, m.heads[e.Stream]
	m.log = append(m.log, e)
}

// first is the seq of the first event of a stream that the log holds, 0 without one.
func (m *model) first(stream string) uint64 {
	for _, e := range m.log {
		if e.Stream == stream {
			return e.Seq
		}
	}
	return 0
}

func (m *model) prune(before time.Time, limit uint64) {
	end, _ := slices.BinarySearchFunc(m.log, before, func(e record.Event, at time.Time) int { return e.At.Compare(at) })
	kept := slices.DeleteFunc(slices.Clone(m.log[:end]), func(e record.Event) bool { return e.Seq <= limit })
	m.log = append(kept, m.log[end:]...)
}

// Both sides are shown in lines that people can compare.
func lineOfDead(d record.DeadLetter) string {
	return fmt.Sprintf("dead %+v %s %v", store.PlaceOf(d), d.Reason, d.At.UnixNano())
}

func (m *model) lines() (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for id, name := range m.instances {
		add("instance %s %s", id, name)
	}
	for id, session := range m.sessions {
		add("session %s %s", id, session)
	}
	for id, url := range m.endpoints {
		add("endpoint %s %s", id, url)
	}
	for place, keys := range m.device {
		for k, v := range keys {
			add("device %s %q %q", place, k, v)
		}
	}
	for k, acked := range m.lanes {
		add("lane %q %d", k, acked)
	}
	for _, d := range m.dead {
		out = append(out, lineOfDead(d))
	}
	for n := range m.nonces {
		add("nonce %v", n)
	}
	for export, at := range m.imports {
		add("import %s %v", export, at.Unix())
	}
	for i := range m.log {
		add("event %s %.9s", m.log[i].ID(), m.log[i].Name)
	}
	for stream, seq := range m.heads {
		add("head %s %d", stream, seq)
	}
	slices.Sort(out)
	return out
}

// linesOf are the lines of a store. Its answers must come in the order they promise.
func linesOf(t *testing.T, s *store.Store) (out []string) {
	t.Helper()
	var errs []error
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	note := func(err error) { errs = append(errs, err) }
	instances, err := s.Instances()
	note(err)
	ordered(t, instances, func(a, b record.Instance) int { return cmp.Compare(a.ID, b.ID) })
	for _, in := range instances {
		add("instance %s %s", in.ID, in.Name)
	}
	for _, id := range modelNames {
		session, err := s.Session(id)
		note(err)
		if session != nil {
			add("session %s %s", id, session.ID)
		}
		for _, sid := range modelSessions {
			note(s.Device(id, sid).Scan(nil, func(k, v []byte) error {
				add("device %s/%s %q %q", id, sid, k, v)
				return nil
			}))
		}
		at, err := s.Imported(id)
		note(err)
		if !at.IsZero() {
			add("import %s %v", id, at.Unix())
		}
		if seq := s.Head(id); seq > 0 {
			add("head %s %d", id, seq)
		}
		for _, e := range eventsOf(t, s, id) {
			add("event %s %.9s", e.ID(), e.Name)
		}
	}
	endpoints, err := s.Endpoints()
	note(err)
	for _, e := range endpoints {
		add("endpoint %s %s", e.ID, e.URL)
	}
	lanes, err := s.Lanes()
	note(err)
	for _, l := range lanes {
		add("lane %q %d", [3]string{l.Endpoint, l.Stream, l.Replay}, l.Acked)
	}
	var dead []record.DeadLetter
	for place, more := (store.DeadPlace{}), true; more; {
		page, err := s.DeadLettersAfter("", "", place, 7)
		note(err)
		dead = append(dead, page...)
		if more = len(page) == 7; more {
			place = store.PlaceOf(page[6])
		}
	}
	for _, d := range dead {
		out = append(out, lineOfDead(d))
	}
	nonces, err := s.Nonces(time.Unix(0, 0))
	note(err)
	ordered(t, nonces, func(a, b store.Nonce) int { return a.Until.Compare(b.Until) })
	for _, n := range nonces {
		add("nonce %v", n)
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// eventsOf reads a stream to its end: an answer ends early where memory does.
func eventsOf(t *testing.T, s *store.Store, stream string) (out []record.Event) {
	t.Helper()
	for after := uint64(0); ; {
		events, err := s.Events(stream, after, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			if after > 0 && events[i].Seq != after+1 {
				t.Fatalf("%s follows %d", events[i].ID(), after)
			}
			after = events[i].Seq
		}
		if len(events) == 0 {
			return out
		}
		out = append(out, events...)
	}
}

func ordered[T any](t *testing.T, list []T, order func(a, b T) int) {
	t.Helper()
	if !slices.IsSortedFunc(list, order) {
		t.Errorf("out of order: %v", list)
	}
}

// compare proves that a store holds what the model does.
func (m *model) compare(t *testing.T, s *store.Store, when string) {
	t.Helper()
	got, want := linesOf(t, s), m.lines()
	if slices.Equal(got, want) {
		m.compareLog(t, s, when)
		return
	}
	missing := slices.DeleteFunc(slices.Clone(want), func(l string) bool { return slices.Contains(got, l) })
	over := slices.DeleteFunc(slices.Clone(got), func(l string) bool { return slices.Contains(want, l) })
	t.Fatalf("%s: %d lines, want %d\nmissing: %q\ntoo many: %q", when, len(got), len(want), missing, over)
}

// compareLog reads the log across its streams, page by page.
func (m *model) compareLog(t *testing.T, s *store.Store, when string) {
	t.Helper()
	var got []string
	var streams []string
	for at := uint64(0); ; {
		events, last, err := s.Next(at, 13)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		got, at = append(got, ids(events)...), last
	}
	for _, e := range m.log {
		streams = append(streams, e.Stream)
	}
	slices.Sort(streams)
	if want := ids(m.log); !slices.Equal(got, want) {
		t.Fatalf("%s: the log is %v, want %v", when, got, want)
	}
	if has := slices.Sorted(slices.Values(s.Streams())); !slices.Equal(has, slices.Compact(streams)) {
		t.Fatalf("%s: there are streams %v, want %v", when, has, slices.Compact(streams))
	}
}
