package devicestore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mau.fi/libsignal/groups"
	"go.mau.fi/libsignal/protocol"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// inbox is what a daemon is to a party: its handler of events, its log and its
// line. The log is in the party's map, under keys of its own, so that a commit is
// one step and survives a restart.
type inbox struct {
	p *party

	mu     sync.Mutex
	fail   error                             // of the next commit
	before func(e *events.Message)           // called before Deliver
	during func(ctx context.Context)         // called in the commit
	shape  func(m *devicestore.Arrival) bool // answers false where nothing is delivered
	acked  []string                          // what went over the line
	cut    bool                              // nothing goes over it any more
	last   struct {
		duplicate bool
		err       error
	} // of the last Deliver
}

const logTag = "#"

// listen gives a party an inbox; it is kept over restarts.
func (p *party) listen() *inbox {
	if p.in == nil {
		p.in = &inbox{p: p}
	}
	p.in.setCut(false)
	p.rig.OnFailure(func(error) { p.in.setCut(true) })
	p.cli.Log = wire{waLog.Noop, p.in}
	p.cli.SynchronousAck = true
	p.cli.ManualHistorySyncDownload = true
	p.cli.RemoveEventHandlers()
	p.cli.AddEventHandlerWithSuccessStatus(p.in.handle)
	return p.in
}

// setCut locks, as goroutines of a client from before a restart may still write to the
// line.
func (in *inbox) setCut(cut bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cut = cut
}

func (in *inbox) handle(e any) bool {
	m, ok := e.(*events.Message)
	if !ok {
		return true
	}
	if in.before != nil {
		in.before(m)
	}
	a := devicestore.Arrival{
		Chat: m.Info.Chat, Sender: m.Info.Sender, ID: m.Info.ID, At: m.Info.Timestamp, Part: m.UnavailableRequestID != "",
	}
	if in.shape != nil && !in.shape(&a) {
		return true
	}
	duplicate, err := in.p.rig.Deliver(in.p.t.Context(), a, in.commit(m.Info.ID, m.Message.GetConversation()))
	in.last.duplicate, in.last.err = duplicate, err
	return err == nil
}

// commit is the daemon's: the event and the device's keys at once.
func (in *inbox) commit(id, text string) func(context.Context, map[string][]byte) error {
	return func(ctx context.Context, writes map[string][]byte) error {
		if in.during != nil {
			in.during(ctx)
		}
		if err := in.fail; err != nil {
			in.fail = nil
			return err
		}
		if in.p.keys.has(logTag + id) {
			in.p.t.Errorf("message %s was committed twice", id)
		}
		all := maps.Clone(writes)
		all[logTag+id] = []byte(text + "\x01")
		return in.p.keys.Apply(ctx, all)
	}
}

// logged returns what was committed, by id.
func (in *inbox) logged() string {
	var out []string
	for k, v := range in.p.keys.snapshot() {
		if id, ok := strings.CutPrefix(k, logTag); ok {
			out = append(out, id+"="+strings.TrimSuffix(string(v), "\x01"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (in *inbox) acks() string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return strings.Join(in.acked, " ")
}

// wire is the line: a client without a socket complains of each node that it
// would have sent.
type wire struct {
	waLog.Logger

	in *inbox
}

func (w wire) Warnf(format string, args ...any) {
	w.in.mu.Lock()
	defer w.in.mu.Unlock()
	if w.in.cut {
		return
	}
	switch {
	case strings.HasPrefix(format, "Failed to send receipt"):
		w.in.acked = append(w.in.acked, fmt.Sprint(args[0]))
	case strings.HasPrefix(format, "Failed to send acknowledgement for protocol"):
		w.in.acked = append(w.in.acked, "protocol:"+fmt.Sprint(args[0]))
	case strings.HasPrefix(format, "Failed to send acknowledgement"):
		w.in.acked = append(w.in.acked, "ack:"+fmt.Sprint(args[1]))
	}
}

// encrypt encrypts a message for another party.
func (p *party) encrypt(to *party, m *waE2E.Message) *waBinary.Node {
	return p.encryptRaw(to, must(proto.Marshal(m)))
}

func (p *party) encryptRaw(to *party, plaintext []byte) *waBinary.Node {
	p.t.Helper()
	node, _, err := p.cli.DangerousInternals().EncryptMessageForDevice(p.t.Context(), plaintext, to.lid, nil, nil, nil)
	check(p.t, err)
	return node
}

func text(s string) *waE2E.Message {
	return &waE2E.Message{
		Conversation:       proto.String(s),
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: []byte("secret of " + s)},
	}
}

// stanza is a message as it comes from the server.
func (p *party) stanza(id string, parts ...*waBinary.Node) *waBinary.Node {
	node := &waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{"from": p.lid, "id": id, "t": "1700000000", "type": "text"}}
	var children []waBinary.Node
	for _, enc := range parts {
		enc.Attrs["v"] = "2"
		children = append(children, *enc)
	}
	node.Content = children
	return node
}

// receive handles a message as the library does.
func (p *party) receive(node *waBinary.Node) {
	p.cli.DangerousInternals().HandleEncryptedMessage(p.t.Context(), node)
}

// steady makes two parties that know each other, with inboxes.
func steady(t *testing.T) (ann, bob *party) {
	ann, bob = couple(t)
	ann.listen()
	bob.listen()
	ann.receive(bob.stanza("FIRST", bob.encrypt(ann, text("hello"))))
	equal(t, "first", ann.in.logged(), "FIRST=hello")
	return ann, bob
}

// A message costs one commit, which holds all of it, and nothing of it is on disk
// before; the acknowledgement comes after.
func TestOneCommitPerMessage(t *testing.T) {
	ann, bob := steady(t)
	for i := range 5 {
		id, body := fmt.Sprintf("M%d", i), fmt.Sprintf("text %d", i)
		node := bob.stanza(id, bob.encrypt(ann, text(body)))
		before, acks := ann.keys.snapshot(), ann.in.acks()
		ann.in.during = func(context.Context) {
			equal(t, "on disk before the commit", maps.EqualFunc(ann.keys.snapshot(), before, same), true)
			equal(t, "acknowledged before the commit", ann.in.acks(), acks)
		}
		ann.keys.costs(t, 1, "a message with a secret", func() { ann.receive(node) })
		equal(t, "acknowledged", ann.in.acks(), acks+" "+id)
		secret, _, err := ann.cli.Store.MsgSecrets.GetMessageSecret(t.Context(), bob.lid, bob.lid, id)
		equal(t, "secret", fmt.Sprint(string(secret), err), "secret of "+body+"<nil>")
		equal(t, "plaintext on disk", ann.plaintexts(), 0)
		ann.keys.costs(t, 0, "the same again", func() { ann.receive(node) })
		if i == 2 {
			ann.restart()
			ann.listen()
		}
	}
	ann.in.during = nil
	ann.keys.costs(t, 1, "a message without a secret", func() {
		ann.receive(bob.stanza("PLAIN", bob.encrypt(ann, &waE2E.Message{Conversation: proto.String("plain")})))
	})
	counts := must(ann.rig.Counts(t.Context()))
	equal(t, "counts", counts, devicestore.Counts{Chats: 1})
}

func same(a, b []byte) bool { return string(a) == string(b) }

// plaintexts counts what is buffered on disk with its text.
func (p *party) plaintexts() (n int) {
	for k, v := range p.keys.snapshot() {
		if k[0] == 'b' && v[1] == 1 {
			n++
		}
	}
	return n
}

// A commit fails: nothing is written or acknowledged then or later, and the same
// ciphertext decrypts again after a restart.
func TestFailedCommit(t *testing.T) {
	ann, bob := steady(t)
	one, two := bob.stanza("ONE", bob.encrypt(ann, text("one"))), bob.stanza("TWO", bob.encrypt(ann, text("two")))
	before := ann.keys.snapshot()
	ann.in.fail = errDisk
	ann.keys.costs(t, 0, "a failed commit", func() { ann.receive(one) })
	equal(t, "error", fmt.Sprint(ann.in.last.err), "deliver: commit: disk on fire")
	equal(t, "the line was cut", ann.in.cut, true)
	ann.keys.costs(t, 0, "what comes after it", func() {
		ann.receive(two)
		_, err := ann.fanOut(bob)
		equal(t, "a send", err, errNobody)
	})
	equal(t, "acknowledged", ann.in.acks(), "FIRST")
	equal(t, "nothing is written", maps.EqualFunc(ann.keys.snapshot(), before, same), true)

	ann.restart()
	ann.listen()
	ann.keys.costs(t, 2, "both again", func() {
		ann.receive(one)
		ann.receive(two)
	})
	equal(t, "log", ann.in.logged(), "FIRST=hello ONE=one TWO=two")
	equal(t, "acknowledged", ann.in.acks(), "FIRST ONE TWO")
	bob.decrypt(ann, must(ann.fanOut(bob)), ann.count)
}

// A send takes what is held to disk, with the plaintext; then the commit fails,
// and the message that comes again is found there.
func TestFlushBySendThenFailedCommit(t *testing.T) {
	ann, bob := steady(t)
	node := bob.stanza("ONE", bob.encrypt(ann, text("one")))
	var sent *waBinary.Node
	ann.in.before = func(*events.Message) {
		ann.keys.costs(t, 1, "a send meanwhile", func() { sent = must(ann.fanOut(bob)) })
		equal(t, "plaintext on disk", ann.plaintexts(), 1)
		ann.in.fail = errDisk
		ann.in.before = nil
	}
	ann.receive(node)
	equal(t, "failed", ann.in.last.err != nil, true)
	ann.restart()
	ann.listen()
	bob.decrypt(ann, sent, ann.count)
	ann.receive(node)
	equal(t, "log", ann.in.logged(), "FIRST=hello ONE=one")
	equal(t, "acknowledged", ann.in.acks(), "FIRST ONE")
	equal(t, "plaintext on disk", ann.plaintexts(), 0)

	two := bob.stanza("TWO", bob.encrypt(ann, text("two")))
	ann.in.before = func(*events.Message) { sent = must(ann.fanOut(bob)) }
	ann.keys.costs(t, 2, "a send meanwhile and the commit", func() { ann.receive(two) })
	bob.decrypt(ann, sent, ann.count)
	equal(t, "plaintext on disk", ann.plaintexts(), 0)
}

// The same message in another ciphertext is committed once and acknowledged twice.
func TestDuplicate(t *testing.T) {
	ann, bob := steady(t)
	check(t, ann.cli.Store.LIDs.PutLIDMapping(t.Context(), bob.lid, pn("491700000002", 3)))
	ann.receive(bob.stanza("ONE", bob.encrypt(ann, text("one"))))
	again := bob.stanza("ONE", bob.encrypt(ann, text("one")))
	ann.keys.costs(t, 1, "a duplicate", func() { ann.receive(again) })
	equal(t, "duplicate", ann.in.last.duplicate, true)
	equal(t, "plaintext on disk", ann.plaintexts(), 0)

	byNumber := bob.stanza("ONE", bob.encrypt(ann, text("one")))
	byNumber.Attrs["from"] = pn("491700000002", 3)
	ann.keys.costs(t, 1, "one by phone number", func() { ann.receive(byNumber) })
	equal(t, "duplicate", ann.in.last.duplicate, true)
	ann.restart()
	ann.listen()
	ann.receive(bob.stanza("ONE", bob.encrypt(ann, text("one"))))
	equal(t, "duplicate after a restart", ann.in.last.duplicate, true)
	equal(t, "acknowledged", ann.in.acks(), "FIRST"+strings.Repeat(" ONE", 4))
	equal(t, "log", ann.in.logged(), "FIRST=hello ONE=one")
	equal(t, "chats", must(ann.rig.Counts(t.Context())).Chats, 1)

	ann.keys.set(func(m *memory) { m.failNext = errDisk })
	failing := bob.stanza("ONE", bob.encrypt(ann, text("one")))
	ann.receive(failing)
	equal(t, "not acknowledged when its Apply fails", ann.in.acks(), "FIRST"+strings.Repeat(" ONE", 4))
}

// A message that the daemon makes no event of is durable before it is
// acknowledged; if that fails, it is not acknowledged.
func TestNoDeliver(t *testing.T) {
	ann, bob := steady(t)
	ann.in.shape = func(*devicestore.Arrival) bool { return false }
	ann.keys.costs(t, 1, "an ignored message", func() { ann.receive(bob.stanza("ONE", bob.encrypt(ann, text("one")))) })
	equal(t, "acknowledged", ann.in.acks(), "FIRST ONE")
	equal(t, "plaintext on disk", ann.plaintexts(), 0)

	ann.keys.costs(t, 0, "rubbish", func() { ann.receive(bob.stanza("BAD", bob.encryptRaw(ann, []byte{0xFF}))) })
	equal(t, "refused", ann.in.acks(), "FIRST ONE ack:BAD")
	ann.keys.costs(t, 2, "the message after it", func() { ann.receive(bob.stanza("TWO", bob.encrypt(ann, text("two")))) })

	three := bob.stanza("THREE", bob.encrypt(ann, text("three")))
	ann.keys.set(func(m *memory) { m.failNext = errDisk })
	ann.receive(three)
	equal(t, "acknowledged", ann.in.acks(), "FIRST ONE ack:BAD TWO")
	ann.restart()
	ann.listen().shape = nil
	ann.receive(three)
	equal(t, "log", ann.in.logged(), "FIRST=hello THREE=three")
}

// The disk cannot be read or written while a message is being decrypted: the
// library must not acknowledge it, nor ask its sender for it again.
func TestUnreadableDisk(t *testing.T) {
	ann, bob := steady(t)
	one := bob.stanza("ONE", bob.encrypt(ann, text("one")))
	for _, tag := range []byte{'b', 's', 'i', 'l'} {
		ann.keys.set(func(m *memory) {
			m.onGet = func(key string) {
				if key[0] == tag {
					m.set(func(m *memory) { m.failGet = errDisk })
				}
			}
		})
		ann.receive(one)
		ann.keys.set(func(m *memory) { m.onGet, m.failGet = nil, nil })
		ann.receive(one)
		equal(t, "acknowledged", ann.in.acks(), "FIRST")
		ann.restart()
		ann.listen()
	}
	ann.receive(one)
	equal(t, "log", ann.in.logged(), "FIRST=hello ONE=one")
}

// A group message with its sender key costs one Apply more, the next ones one
// commit each.
func TestGroupMessages(t *testing.T) {
	ann, bob := steady(t)
	group := types.NewJID("120363000000000000", types.GroupServer)
	name := protocol.NewSenderKeyName(group.String(), bob.lid.SignalAddress())
	builder := groups.NewGroupSessionBuilder(bob.cli.Store, store.SignalProtobufSerializer)
	key := must(builder.Create(t.Context(), name))
	say := func(id, s string, first ...*waBinary.Node) *waBinary.Node {
		padded := append(must(proto.Marshal(text(s))), 1)
		sealed := must(groups.NewGroupCipher(builder, name, bob.cli.Store).Encrypt(t.Context(), padded))
		enc := &waBinary.Node{Tag: "enc", Attrs: waBinary.Attrs{"type": "skmsg"}, Content: sealed.SignedSerialize()}
		node := bob.stanza(id, append(first, enc)...)
		node.Attrs["from"], node.Attrs["participant"] = group, bob.lid
		return node
	}
	share := bob.encrypt(ann, &waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{
		GroupID: proto.String(group.String()), AxolotlSenderKeyDistributionMessage: key.Serialize(),
	}})

	ann.in.before = func(e *events.Message) {
		ann.in.shape = func(*devicestore.Arrival) bool { return e.Message.GetSenderKeyDistributionMessage() == nil }
	}
	ann.keys.costs(t, 2, "the first message", func() { ann.receive(say("G1", "one", share)) })
	ann.keys.costs(t, 1, "the second", func() { ann.receive(say("G2", "two")) })
	equal(t, "log", ann.in.logged(), "FIRST=hello G1=one G2=two")
	equal(t, "chats", must(ann.rig.Counts(t.Context())).Chats, 2)
}
