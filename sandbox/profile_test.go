package sandbox_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/appstate"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/sandbox"
)

// settings is what a companion knows of its account's settings, in memory.
type settings struct {
	store.NoopStore
	mu       sync.Mutex
	keys     map[string]store.AppStateSyncKey // guarded by mu, like the rest
	versions map[string]uint64
	hashes   map[string][128]byte
	macs     map[string][]byte
	locked   bool // keeps no key
}

func newSettings() *settings {
	return &settings{
		keys: make(map[string]store.AppStateSyncKey), versions: make(map[string]uint64),
		hashes: make(map[string][128]byte), macs: make(map[string][]byte),
	}
}

func (s *settings) PutAppStateSyncKey(_ context.Context, id []byte, key store.AppStateSyncKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.locked {
		s.keys[string(id)] = key
	}
	return nil
}

func (s *settings) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, known := s.keys[string(id)]; known {
		return &key, nil
	}
	return nil, nil
}

func (s *settings) GetLatestAppStateSyncKeyID(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.keys {
		return []byte(id), nil
	}
	return nil, nil
}

func (s *settings) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[name], s.hashes[name] = version, hash
	return nil
}

func (s *settings) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[name], s.hashes[name], nil
}

func (s *settings) PutAppStateMutationMACs(_ context.Context, name string, _ uint64, all []store.AppStateMutationMAC) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range all {
		s.macs[name+string(m.IndexMAC)] = m.ValueMAC
	}
	return nil
}

func (s *settings) GetAppStateMutationMAC(_ context.Context, name string, index []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.macs[name+string(index)], nil
}

// lock has the companion keep no key, and forget those it has; or keep them again.
func (s *settings) lock(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = on
	clear(s.keys)
}

// settle pairs a companion of someone that keeps its account's settings.
func (r *rig) settle(t *testing.T) (*writer, *settings) {
	t.Helper()
	s := newSettings()
	w := r.enrolWith(t, someone, func(c *whatsmeow.Client) { c.Store.AppState, c.Store.AppStateKeys = s, s })
	synctest.Wait()
	return w, s
}

func (w *writer) rename(name string) error {
	return w.client.SendAppState(w.t.Context(), appstate.BuildSettingPushName(name))
}

// isCalled holds what someone's account says of itself.
func (r *rig) isCalled(t *testing.T, want sandbox.Profile) {
	t.Helper()
	synctest.Wait()
	if got, err := r.network.Profile(t.Context(), someone); err != nil || got != want {
		t.Errorf("the account is called %+v, %v, want %+v", got, err, want)
	}
}

// told are the new names that a companion was told since.
func (w *writer) told() (names []string) {
	synctest.Wait()
	for len(w.others) > 0 {
		if e, ok := (<-w.others).(*events.PushNameSetting); ok {
			names = append(names, e.Action.GetName())
		}
	}
	return names
}

func TestProfile(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{})
		w, _ := r.settle(t)
		second, _ := r.settle(t)
		other := r.enrol(t, contact)
		defer w.hangUp()
		defer second.hangUp()
		defer other.hangUp()
		r.isCalled(t, sandbox.Profile{})
		for _, name := range []string{"The Shop", "Köök 24/7"} {
			if err := w.rename(name); err != nil {
				t.Fatal(err)
			}
			r.isCalled(t, sandbox.Profile{Name: name})
			if w.device.PushName != name || second.device.PushName != name {
				t.Errorf("companions call it %q and %q", w.device.PushName, second.device.PushName)
			}
		}
		if got := strings.Join(second.told(), ", "); got != "The Shop, Köök 24/7" && got != "Köök 24/7" {
			t.Errorf("the other companion was told %q", got)
		}
		if err := w.client.SendPresence(t.Context(), types.PresenceUnavailable); err != nil {
			t.Fatal(err)
		}
		for _, about := range []string{"Open from 9 to 5", "12345", "away", ""} {
			if err := w.client.SetStatusMessage(t.Context(), about); err != nil {
				t.Fatal(err)
			}
			r.isCalled(t, sandbox.Profile{Name: "Köök 24/7", Announced: "Köök 24/7", About: about})
			seen, err := other.client.GetUserInfo(t.Context(), []types.JID{pn(someone)})
			if err != nil || seen[pn(someone)].Status != about {
				t.Errorf("another sees %+v, %v", seen, err)
			}
		}
	})
}

func TestProfileRefused(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{})
		w, _ := r.settle(t)
		defer w.hangUp()
		for how, want := range map[sandbox.Profiles]struct{ name, about error }{
			sandbox.ProfilesRefused:      {whatsmeow.ErrIQRateOverLimit, whatsmeow.ErrIQRateOverLimit},
			sandbox.ProfilesUnacceptable: {whatsmeow.ErrAppStateUpdate, whatsmeow.ErrIQNotAcceptable},
		} {
			r.behaves(t, someone, sandbox.Behaviour{Profiles: how})
			if err := w.rename("The Shop"); !errors.Is(err, want.name) {
				t.Errorf("%s: %v", how, err)
			}
			if err := w.client.SetStatusMessage(t.Context(), "open"); !errors.Is(err, want.about) {
				t.Errorf("%s: %v", how, err)
			}
		}
		r.behaves(t, someone, sandbox.Behaviour{Profiles: sandbox.ProfilesSilent})
		for _, ask := range []func(context.Context) error{
			func(ctx context.Context) error {
				return w.client.SendAppState(ctx, appstate.BuildSettingPushName("The Shop"))
			},
			func(ctx context.Context) error { return w.client.SetStatusMessage(ctx, "open") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("silent: %v", err)
			}
			cancel()
		}
		r.behaves(t, someone, sandbox.Behaviour{})
		if err := w.client.SetStatusMessage(t.Context(), strings.Repeat("ä", 140)); !errors.Is(err, whatsmeow.ErrIQNotAcceptable) {
			t.Errorf("140 characters: %v", err)
		}
		r.isCalled(t, sandbox.Profile{})
		if err := r.network.Behave(t.Context(), someone, sandbox.Behaviour{Profiles: "odd"}); !errors.Is(err, sandbox.ErrBadBehaviour) {
			t.Errorf("an odd behaviour: %v", err)
		}
	})
}

// TestSettingsConflict: a companion that was not told of a change makes another; it
// is refused, given what it has missed, and then taken.
func TestSettingsConflict(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{Profiles: sandbox.ProfilesUntold})
		first, _ := r.settle(t)
		second, kept := r.settle(t)
		defer first.hangUp()
		defer second.hangUp()
		for _, name := range []string{"one", "two", "three"} {
			if err := first.rename(name); err != nil {
				t.Fatal(err)
			}
		}
		if got := second.told(); len(got) != 0 {
			t.Errorf("it was told %q", got)
		}
		if err := second.rename("four"); err != nil {
			t.Fatal(err)
		}
		r.isCalled(t, sandbox.Profile{Name: "four"})
		if got := strings.Join(second.told(), " "); got != "one two three four" {
			t.Errorf("it has learned %q", got)
		}
		if got := maps.Clone(kept.versions)["critical_block"]; got != 4 {
			t.Errorf("it is at version %d", got)
		}
		if err := first.rename("five"); err != nil {
			t.Fatal(err)
		}
		r.isCalled(t, sandbox.Profile{Name: "five"})
	})
}

// TestSettingsAtOnce: companions of one account change its name at the same time, and
// what they and the phone have in the end is the same. They are not told of each
// other's changes meanwhile: whatsmeow would apply them beside its own.
func TestSettingsAtOnce(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{Profiles: sandbox.ProfilesUntold})
		var all []*writer
		for range 3 {
			w, _ := r.settle(t)
			all = append(all, w)
		}
		defer func() {
			for _, w := range all {
				w.hangUp()
			}
		}()
		taken := 0
		for round := range 5 {
			var group sync.WaitGroup
			var mu sync.Mutex
			for i, w := range all {
				group.Go(func() {
					err := w.rename(strings.Repeat("x", round*3+i+1))
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						taken++
					case !errors.Is(err, whatsmeow.ErrAppStateUpdate): // twice in a row another was faster
						t.Error(err)
					}
				})
			}
			group.Wait()
			synctest.Wait()
		}
		if taken < 5 {
			t.Errorf("%d changes were taken", taken)
		}
		r.behaves(t, someone, sandbox.Behaviour{})
		if err := r.network.Rename(t.Context(), someone, "In the end"); err != nil {
			t.Fatal(err)
		}
		r.isCalled(t, sandbox.Profile{Name: "In the end", Announced: "In the end"})
		for i, w := range all {
			if w.device.PushName != "In the end" {
				t.Errorf("companion %d calls it %q", i, w.device.PushName)
			}
		}
	})
}

// TestRename is the owner's doing, on the phone: its companions are told, those that
// had no key, too.
func TestRename(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		keyless, _ := r.settle(t) // as everybody is, see openNetwork
		defer keyless.hangUp()
		if err := keyless.rename("The Shop"); err == nil || !strings.Contains(err.Error(), "no app state keys") {
			t.Errorf("without a key: %v", err)
		}
		r.behaves(t, someone, sandbox.Behaviour{})
		if err := r.network.Rename(t.Context(), someone, "From the phone"); err != nil {
			t.Fatal(err)
		}
		r.isCalled(t, sandbox.Profile{Name: "From the phone", Announced: "From the phone"})
		if got := keyless.device.PushName; got != "From the phone" {
			t.Errorf("the companion calls it %q", got)
		}
		if err := r.network.Rename(t.Context(), someone, "Again"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(keyless.told(), " "); got != "Again" && got != "From the phone Again" {
			t.Errorf("it was told %q", got)
		}
		for _, bad := range []string{"", " ", strings.Repeat("x", 26), "\xff"} {
			if err := r.network.Rename(t.Context(), someone, bad); !errors.Is(err, sandbox.ErrBadName) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// TestKeyAskedFor: a companion that has lost the key asks its phone for it, when
// there is something that it cannot read.
func TestKeyAskedFor(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{})
		w, s := r.settle(t)
		second, _ := r.settle(t)
		w.hangUp()
		s.lock(true)
		w.connect() // with nothing in memory
		synctest.Wait()
		s.lock(false)
		defer w.hangUp()
		defer second.hangUp()
		if err := second.rename("The Shop"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.device.PushName; got != "The Shop" {
			t.Errorf("it calls the account %q", got)
		}
	})
}

// TestHostileSettings are refused, and end nothing.
func TestHostileSettings(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		r.behaves(t, someone, sandbox.Behaviour{})
		w, _ := r.settle(t)
		defer w.hangUp()
		patch := func(blob []byte, more int) []byte {
			one := &waServerSync.SyncdMutation{Record: &waServerSync.SyncdRecord{Value: &waServerSync.SyncdValue{Blob: blob}}}
			p := &waServerSync.SyncdPatch{}
			for range more {
				p.Mutations = append(p.Mutations, one)
			}
			raw, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		collection := func(attrs waBinary.Attrs, content any) waBinary.Node {
			return waBinary.Node{Tag: "collection", Attrs: attrs, Content: content}
		}
		push := func(raw []byte) waBinary.Node {
			return collection(waBinary.Attrs{"name": "regular", "version": 0}, []waBinary.Node{{Tag: "patch", Content: raw}})
		}
		regular := collection(waBinary.Attrs{"name": "regular"}, nil)
		for name, children := range map[string][]waBinary.Node{
			"unknown":  {collection(waBinary.Attrs{"name": "odd"}, nil)},
			"nameless": {collection(nil, nil)},
			"no such":  {{Tag: "odd", Attrs: waBinary.Attrs{"name": "regular"}}},
			"negative": {collection(waBinary.Attrs{"name": "regular", "version": "-1"}, nil)},
			"a word":   {collection(waBinary.Attrs{"name": "regular", "version": "x"}, nil)},
			"many":     {regular, regular, regular, regular, regular, regular},
		} {
			if answer, err := w.syncs(children...); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
				t.Errorf("%s: %v, %v", name, answer, err)
			}
		}
		for name, raw := range map[string][]byte{
			"no patch": []byte("odd"), "empty": patch(nil, 0), "short": patch(make([]byte, 63), 1),
			"long": patch(make([]byte, 65<<10), 1), "many": patch(make([]byte, 64), 101),
		} {
			answer, err := w.syncs(push(raw))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got, _ := answer.GetOptionalChildByTag("sync", "collection", "error")
			if got.AttrGetter().Int("code") != 400 {
				t.Errorf("%s: %v", name, answer.XMLString())
			}
		}
		// Whatever version a companion believes in, it gets an answer.
		for _, version := range []string{"0", "7", "9223372036854775807"} {
			answer, err := w.syncs(collection(waBinary.Attrs{"name": "critical_block", "version": version}, nil))
			if _, ok := answer.GetOptionalChildByTag("sync", "collection"); err != nil || !ok {
				t.Errorf("version %s: %v", version, err)
			}
		}
		r.isCalled(t, sandbox.Profile{})
	})
}

func (w *writer) syncs(children ...waBinary.Node) (*waBinary.Node, error) {
	return w.client.DangerousInternals().SendIQ(w.t.Context(), whatsmeow.DangerousInfoQuery{
		Namespace: "w:sync:app:state", Type: "set", To: types.ServerJID, Content: []waBinary.Node{{Tag: "sync", Content: children}},
	})
}

// TestProfileOutlastsTheSandbox in its file, and over the control API.
func TestProfileOutlastsTheSandbox(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "sandbox.db")
	for i := range 2 {
		n, err := sandbox.Open(sandbox.Config{StateFile: state})
		if err != nil {
			t.Fatal(err)
		}
		r := serveTCP(t, n)
		far := sandbox.NewClient("http://" + r.addr)
		if i == 0 {
			if err := far.Rename(t.Context(), contact, "Maria"); err != nil {
				t.Fatal(err)
			}
			if err := far.Rename(t.Context(), contact, ""); !errors.Is(err, sandbox.ErrBadName) {
				t.Errorf("no name: %v", err)
			}
			if err := far.Rename(t.Context(), "12", "Maria"); !errors.Is(err, sandbox.ErrBadPhone) {
				t.Errorf("no phone: %v", err)
			}
			if _, err := far.Profile(t.Context(), "4915112349999"); !errors.Is(err, sandbox.ErrUnknownPhone) {
				t.Errorf("nobody's: %v", err)
			}
		}
		if got, err := far.Profile(t.Context(), contact); err != nil || got != (sandbox.Profile{Name: "Maria", Announced: "Maria"}) {
			t.Errorf("round %d: %+v, %v", i, got, err)
		}
		far.HTTP.CloseIdleConnections()
		r.stop()
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
