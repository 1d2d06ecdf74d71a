package sandbox_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/sandbox"
)

const contact = "4915112340001"

// vault is a device's store, in memory, with all that messages need.
type vault struct {
	memory
	mu       sync.Mutex
	sessions map[string][]byte
	prekeys  map[uint32]*keys.PreKey
	extra    uint32
	lids     map[string]string // number to hidden number
	names    map[types.JID]string
	buffer   map[[32]byte]*store.BufferedEvent
}

func newVault() *vault {
	v := &vault{
		sessions: make(map[string][]byte), prekeys: make(map[uint32]*keys.PreKey), extra: 10_000,
		lids: make(map[string]string), names: make(map[types.JID]string), buffer: make(map[[32]byte]*store.BufferedEvent),
	}
	for _, k := range prekeys() {
		v.prekeys[k.KeyID] = k
	}
	return v
}

func (v *vault) IsTrustedIdentity(context.Context, string, [32]byte) (bool, error) { return true, nil }

func (v *vault) GetSession(_ context.Context, address string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions[address], nil
}

func (v *vault) HasSession(_ context.Context, address string) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions[address] != nil, nil
}

func (v *vault) GetManySessions(_ context.Context, addresses []string) (map[string][]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found := make(map[string][]byte)
	for _, a := range addresses {
		found[a] = v.sessions[a]
	}
	return found, nil
}

func (v *vault) PutSession(_ context.Context, address string, session []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sessions[address] = session
	return nil
}

func (v *vault) PutManySessions(_ context.Context, sessions map[string][]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.Copy(v.sessions, sessions)
	return nil
}

// lose makes the store forget its sessions.
func (v *vault) lose() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.sessions)
}

func (v *vault) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.extra++
	k := keys.NewPreKey(v.extra)
	v.prekeys[v.extra] = k
	return k, nil
}

func (v *vault) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.prekeys[id], nil
}

func (v *vault) RemovePreKey(_ context.Context, id uint32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.prekeys, id)
	return nil
}

func (v *vault) PutLIDMapping(_ context.Context, lid, pn types.JID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lids[pn.User] = lid.User
	return nil
}

func (v *vault) PutManyLIDMappings(ctx context.Context, mappings []store.LIDMapping) error {
	for _, m := range mappings {
		if err := v.PutLIDMapping(ctx, m.LID, m.PN); err != nil {
			return err
		}
	}
	return nil
}

func (v *vault) GetLIDForPN(_ context.Context, pn types.JID) (types.JID, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if lid := v.lids[pn.User]; lid != "" {
		return types.JID{User: lid, Device: pn.Device, Server: types.HiddenUserServer}, nil
	}
	return types.EmptyJID, nil
}

func (v *vault) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	found := make(map[types.JID]types.JID)
	for _, pn := range pns {
		if lid, _ := v.GetLIDForPN(ctx, pn); !lid.IsEmpty() {
			found[pn] = lid
		}
	}
	return found, nil
}

func (v *vault) PutPushName(_ context.Context, user types.JID, name string) (bool, string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.names[user]
	v.names[user] = name
	return old != name, old, nil
}

func (v *vault) GetBufferedEvent(_ context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.buffer[hash], nil
}

func (v *vault) PutBufferedEvent(_ context.Context, hash [32]byte, plain []byte, at time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.buffer[hash] = &store.BufferedEvent{Plaintext: plain, InsertTime: time.Now(), ServerTime: at}
	return nil
}

func (v *vault) DoDecryptionTxn(ctx context.Context, f func(context.Context) error) error {
	return f(ctx)
}

func (v *vault) ClearBufferedEventPlaintext(_ context.Context, hash [32]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.buffer[hash]; e != nil {
		v.buffer[hash] = &store.BufferedEvent{InsertTime: e.InsertTime, ServerTime: e.ServerTime}
	}
	return nil
}

// writer is a companion that writes and is written to.
type writer struct {
	*rig
	t      testing.TB
	vault  *vault
	device *store.Device
	client *whatsmeow.Client
	setUp  func(*whatsmeow.Client)

	messages chan *events.Message
	receipts chan *events.Receipt
	others   chan any
	refuse   func(any) bool // decides that an event was not handled; nil never
}

func newWriterDevice() (*store.Device, *vault) {
	d, v := newDevice(), newVault()
	d.Identities, d.Sessions, d.PreKeys, d.LIDs, d.Contacts, d.EventBuffer = v, v, v, v, v, v
	d.PushName = "Companion"
	return d, v
}

// enrol pairs a companion with a phone and logs it in.
func (r *rig) enrol(t testing.TB, digits string) *writer {
	t.Helper()
	return r.enrolWith(t, digits, nil)
}

// enrolWith is enrol for a client that is set up before it connects.
func (r *rig) enrolWith(t testing.TB, digits string, setUp func(*whatsmeow.Client)) *writer {
	t.Helper()
	device, v := newWriterDevice()
	s := r.start(t, device)
	code := await[*events.QR](s).Codes[0]
	if _, err := r.network.Scan(t.Context(), digits, code); err != nil {
		t.Fatalf("scan: %v", err)
	}
	s.paired()
	w := &writer{rig: r, t: t, vault: v, device: device, setUp: setUp}
	w.connect()
	return w
}

// connect logs in, with a client of its own.
func (w *writer) connect() {
	w.t.Helper()
	w.device = copied(w.device)
	w.client = whatsmeow.NewClient(w.device, waLog.Noop)
	w.client.EnableAutoReconnect = false
	w.client.SynchronousAck = true
	w.client.EnableDecryptedEventBuffer = true
	w.client.ManualHistorySyncDownload = true // or a goroutine waits for ever for more of it
	w.client.SetWebsocketHTTPClient(w.http)
	w.client.SetMediaHTTPClient(w.http)
	w.messages, w.receipts = make(chan *events.Message, 4096), make(chan *events.Receipt, 4096)
	w.others = make(chan any, 4096)
	if w.setUp != nil {
		w.setUp(w.client)
	}
	// The channels are the connection's: a later one has others.
	messages, receipts, others, refuse := w.messages, w.receipts, w.others, w.refuse
	connected := make(chan struct{})
	w.client.AddEventHandlerWithSuccessStatus(func(event any) bool {
		switch e := event.(type) {
		case *events.Connected:
			close(connected)
		case *events.Message:
			if refuse != nil && refuse(e) {
				return false
			}
			messages <- e
		case *events.Receipt:
			receipts <- e
		default:
			others <- e
		}
		return true
	})
	if err := w.client.ConnectContext(w.t.Context()); err != nil {
		w.t.Fatalf("connect: %v", err)
	}
	select {
	case <-connected:
	case <-time.After(patience):
		w.t.Fatal("not connected")
	}
}

// hangUp disconnects when nothing is on its way any more: whatsmeow's reader waits
// for ever to hand over what comes in while it is being cancelled.
func (w *writer) hangUp() {
	w.t.Helper()
	for range 2 {
		if err := w.ping(); err != nil {
			w.t.Errorf("ping: %v", err)
		}
		w.until("its mail is out", func() bool {
			mail, err := w.network.Mail(context.Background(), sandbox.MailQuery{Companion: w.device.ID.String(), Waiting: true})
			return err != nil || !slices.ContainsFunc(mail, func(m sandbox.MailStatus) bool { return m.Sends == 0 })
		})
	}
	w.client.Disconnect()
}

// ping returns when the network has read what was sent before.
func (w *writer) ping() error {
	_, err := w.client.DangerousInternals().SendIQ(context.Background(), whatsmeow.DangerousInfoQuery{
		Namespace: "w:p", Type: "get", To: types.ServerJID,
	})
	return err
}

// drop hangs up, and waits until the network has noticed.
func (w *writer) drop() {
	w.t.Helper()
	w.hangUp()
	w.until("it is gone", func() bool {
		for _, d := range w.devices() {
			if d.JID == w.device.ID.String() {
				return !d.Connected
			}
		}
		return true
	})
}

func (r *rig) devices() []sandbox.Device {
	r.t.Helper()
	devices, err := r.network.Devices(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return devices
}

// until waits for what no channel tells of.
func (w *writer) until(what string, so func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !so() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

func next[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		var v T
		t.Fatalf("no %T", v)
		panic("unreachable")
	}
}

// occurrence waits for an event of a kind that has no channel of its own.
func occurrence[T any](w *writer) T {
	w.t.Helper()
	for {
		if e, ok := next(w.t, w.others).(T); ok {
			return e
		}
	}
}

// send makes a phone send, and fails the test if that cannot be.
func (r *rig) send(t testing.TB, spec sandbox.SendSpec) sandbox.Sent {
	t.Helper()
	sent, err := r.network.Send(t.Context(), spec)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	return sent
}

// mailOf returns what the sandbox believes of one message.
func (r *rig) mailOf(t testing.TB, id string) sandbox.MailStatus {
	t.Helper()
	mail, err := r.network.Mail(t.Context(), sandbox.MailQuery{IDs: []string{id}, Class: sandbox.MailMessage})
	if err != nil || len(mail) != 1 {
		t.Fatalf("mail of %s: %+v, %v", id, mail, err)
	}
	return mail[0]
}

func words(s string) *waE2E.Message { return &waE2E.Message{Conversation: proto.String(s)} }

func pn(digits string) types.JID { return types.NewJID(digits, types.DefaultUserServer) }

func is(err, want error) bool { return errors.Is(err, want) }
