package sandbox_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"

	"github.com/switchhook/switchhook/sandbox"
)

// roomyGap is for tests on the machine's clock: when that is busy, a client needs
// longer than usual to handle its last node.
const roomyGap = 250 * time.Millisecond

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// rig is a network that is being served, and the way to it.
type rig struct {
	t       testing.TB
	network *sandbox.Network
	addr    string // of the TCP listener, if it is one
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	http    *http.Client
	stop    func()
}

func openNetwork(t testing.TB, config sandbox.Config) *sandbox.Network {
	t.Helper()
	n, err := sandbox.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	// The companions of most tests keep no sessions: they could not read the key.
	if err := n.Behave(t.Context(), "", sandbox.Behaviour{Profiles: sandbox.ProfilesKeyless}); err != nil {
		t.Fatal(err)
	}
	return n
}

// serveTCP serves a network on a free loopback port until stop or the test's end.
func serveTCP(t testing.TB, n *sandbox.Network) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, n, l, func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", l.Addr().String())
	})
	r.addr = l.Addr().String()
	return r
}

// servePipe is serveTCP for bubbles.
func servePipe(t testing.TB, n *sandbox.Network) *rig {
	l := sandbox.NewPipeListener()
	return serve(t, n, l, l.DialContext)
}

func serve(t testing.TB, n *sandbox.Network, l net.Listener,
	dial func(ctx context.Context, network, addr string) (net.Conn, error),
) *rig {
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, l) }()
	transport := &http.Transport{DialContext: dial, DialTLSContext: dial, ResponseHeaderTimeout: patience}
	stop := sync.OnceFunc(func() {
		cancel()
		transport.CloseIdleConnections()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("Serve does not return")
		}
	})
	t.Cleanup(stop)
	return &rig{t: t, network: n, dial: dial, http: &http.Client{Transport: transport}, stop: stop}
}

// newRig gives a test a network of its own on loopback, beside other tests.
func newRig(t *testing.T) *rig {
	t.Helper()
	t.Parallel()
	return serveTCP(t, openNetwork(t, sandbox.Config{Gap: roomyGap}))
}

// session is one whatsmeow client, good for one connection.
type session struct {
	t      testing.TB
	client *whatsmeow.Client
	events chan any
}

// start makes a client for the device and connects it.
func (r *rig) start(t testing.TB, device *store.Device) *session {
	t.Helper()
	s, err := r.dialIn(t, device)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	return s
}

func (r *rig) dialIn(t testing.TB, device *store.Device) (*session, error) {
	return r.prepare(t, device, func(*whatsmeow.Client) error { return nil })
}

// prepare is dialIn with something to be done before the client connects.
func (r *rig) prepare(t testing.TB, device *store.Device, before func(*whatsmeow.Client) error) (*session, error) {
	client := whatsmeow.NewClient(device, waLog.Noop)
	client.EnableAutoReconnect = false
	client.DisableLoginAutoReconnect = true
	client.SetPreLoginHTTPClient(r.http)
	client.SetWebsocketHTTPClient(r.http)
	s := &session{t: t, client: client, events: make(chan any, 64)}
	client.AddEventHandler(func(event any) {
		select {
		case s.events <- event:
		default:
			t.Errorf("too many events: %T", event)
		}
	})
	if err := before(client); err != nil {
		return nil, err
	}
	return s, client.ConnectContext(t.Context())
}

// await returns the next event, which must be a T.
func await[T any](s *session) T {
	s.t.Helper()
	select {
	case event := <-s.events:
		wanted, ok := event.(T)
		if !ok {
			s.t.Fatalf("got event %T %+v, want %T", event, event, wanted)
		}
		return wanted
	case <-time.After(patience):
		var wanted T
		s.t.Fatalf("no %T", wanted)
		panic("unreachable")
	}
}

// pair makes the device a companion of the phone and logs it in.
func (r *rig) pair(t testing.TB, digits string, device *store.Device) *session {
	t.Helper()
	s := r.start(t, device)
	code := await[*events.QR](s).Codes[0]
	if _, err := r.network.Scan(t.Context(), digits, code); err != nil {
		t.Fatalf("scan: %v", err)
	}
	s.paired()
	return r.logIn(t, device)
}

// paired waits until the client has done its part of the pairing and has been
// asked to connect again. A test that ends sooner cancels the client with a frame
// on its way, and whatsmeow's reader then waits for ever to hand it over.
func (s *session) paired() *events.PairSuccess {
	s.t.Helper()
	success := await[*events.PairSuccess](s)
	await[*events.ManualLoginReconnect](s)
	return success
}

// logIn connects a paired device.
func (r *rig) logIn(t testing.TB, device *store.Device) *session {
	t.Helper()
	s := r.start(t, device)
	await[*events.Connected](s)
	return s
}

// only returns the one device there is.
func (r *rig) only() sandbox.Device {
	r.t.Helper()
	devices, err := r.network.Devices(r.t.Context())
	if err != nil || len(devices) != 1 {
		r.t.Fatalf("devices: %+v, %v", devices, err)
	}
	return devices[0]
}

// none fails if there is a device.
func (r *rig) none() {
	r.t.Helper()
	if devices, err := r.network.Devices(r.t.Context()); err != nil || len(devices) != 0 {
		r.t.Fatalf("devices: %+v, %v", devices, err)
	}
}

func stateFile(t testing.TB) string { return filepath.Join(t.TempDir(), "sandbox.db") }

// memory is a device's store. It keeps what a login needs and swallows the rest.
type memory struct {
	store.NoopStore
	mu       sync.Mutex
	uploaded int
}

// prekeys are dealt to every device, because making 812 for each takes longer
// than all that is tested with them.
var prekeys = sync.OnceValue(func() []*keys.PreKey {
	made := make([]*keys.PreKey, 812)
	for i := range made {
		made[i] = keys.NewPreKey(uint32(i + 1))
	}
	return made
})

func (m *memory) GetOrGenPreKeys(_ context.Context, count uint32) ([]*keys.PreKey, error) {
	if int(count) > len(prekeys()) {
		return nil, errors.New("too many prekeys")
	}
	return prekeys()[:count], nil
}

func (m *memory) MarkPreKeysAsUploaded(_ context.Context, upTo uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uploaded = int(upTo)
	return nil
}

func (m *memory) UploadedPreKeyCount(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.uploaded, nil
}

func newDevice() *store.Device {
	m := &memory{}
	identity := keys.NewKeyPair()
	secret := make([]byte, 32)
	rand.Read(secret)
	return &store.Device{
		Log: waLog.Noop, NoiseKey: keys.NewKeyPair(), IdentityKey: identity,
		SignedPreKey: identity.CreateSignedPreKey(1), RegistrationID: 4711, AdvSecretKey: secret,
		Identities: m, Sessions: m, PreKeys: m, SenderKeys: m, AppStateKeys: m, AppState: m, Contacts: m,
		ChatSettings: m, MsgSecrets: m, PrivacyTokens: m, EventBuffer: m, LIDs: m, Container: m,
	}
}

// copied is a device as a restart would find it: the same keys and address,
// whatever the client that holds the original does to it.
func copied(device *store.Device) *store.Device {
	c := *device
	id := *device.ID
	c.ID = &id
	return &c
}

// refuseCAT is an access token that cannot be had again.
func refuseCAT(context.Context) error { return errors.New("no access token") }

// linkFinishNodes finish a linking by code that has not begun.
func linkFinishNodes() []waBinary.Node {
	return []waBinary.Node{{
		Tag: "link_code_companion_reg", Attrs: waBinary.Attrs{"stage": "companion_finish"}, Content: []waBinary.Node{
			{Tag: "companion_identity_public", Content: keys.NewKeyPair().Pub[:]},
			{Tag: "link_code_pairing_ref", Content: []byte("x")},
		},
	}}
}
