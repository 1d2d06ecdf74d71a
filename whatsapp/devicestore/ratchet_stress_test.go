package devicestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/libsignal/protocol"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// storm is a conversation in which everything of ann's goes wrong.
type storm struct {
	*testing.T

	ann, bob *party
	rng      *rand.Rand

	mu     sync.Mutex
	sent   []*waBinary.Node // by ann and not read by bob yet; guarded by mu, like used
	used   map[string]bool  // message keys that ann has used
	coming []*waBinary.Node // to ann and not acknowledged
	want   int              // messages that bob has sent
}

// Sends and decryptions at the same moment, commits that fail before or after
// they have written, connections that end anywhere: no message key is used twice,
// every message is readable, and every message is in the log once.
func TestRatchetsInAStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	ann, bob := couple(t)
	s := &storm{T: t, ann: ann, bob: bob, rng: rand.New(rand.NewPCG(seed, 1)), used: map[string]bool{}}
	for range 25 {
		s.bobSends(4)
		s.connection(s.rng.IntN(6))
		s.bobReads()
	}
	for range 3 { // fair weather
		s.connection(-1)
		s.bobReads()
	}
	equal(t, "not acknowledged", len(s.coming), 0)
	equal(t, "log", len(strings.Fields(ann.in.logged())), s.want)
}

func (s *storm) bobSends(n int) {
	for range n {
		s.want++
		id := fmt.Sprintf("M%03d", s.want)
		s.coming = append(s.coming, s.bob.stanza(id, s.bob.encrypt(s.ann, text(id))))
	}
}

// connection is one of ann's: she receives in order and sends from two places,
// until it fails.
func (s *storm) connection(fault int) {
	s.ann.restart()
	in := s.ann.listen()
	rig, at := s.ann.rig.Container, s.rng.IntN(8)
	var wg sync.WaitGroup
	s.ann.keys.set(func(m *memory) {
		m.failNext, m.failAfter = nil, nil
		m.onApply = func() {
			if at--; at != 0 {
				return
			}
			switch fault {
			case 0, 1:
				s.ann.keys.set(func(m *memory) { m.failNext = errDisk })
			case 2, 3:
				s.ann.keys.set(func(m *memory) { m.failAfter = errDisk })
			case 4:
				wg.Go(rig.Close)
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 4 {
				s.annSends()
			}
		})
	}
	before := len(strings.Fields(in.acks()))
	for i, node := range s.coming {
		s.ann.receive(node)
		if len(strings.Fields(in.acks())) != before+i+1 {
			break // the line is cut, and the rest comes again
		}
	}
	wg.Wait()
	acked := strings.Fields(in.acks())
	s.coming = slices.DeleteFunc(s.coming, func(n *waBinary.Node) bool {
		id, _ := n.Attrs["id"].(string)
		return slices.Contains(acked, id)
	})
	logged := in.logged()
	for _, id := range acked {
		if !strings.Contains(logged, id+"=") {
			s.Errorf("%s is acknowledged and not in the log", id)
		}
	}
}

func (s *storm) annSends() {
	plaintext := must(proto.Marshal(&waE2E.Message{Conversation: proto.String("hi")}))
	nodes, _, err := s.ann.cli.DangerousInternals().EncryptMessageForDevices(
		s.Context(), []types.JID{s.bob.lid}, "id", plaintext, nil, nil)
	if err != nil || len(nodes) == 0 {
		return // refused: nothing went out
	}
	node := &nodes[0].GetChildren()[0]
	sealed, _ := node.Content.([]byte)
	m := must(protocol.NewSignalMessageFromBytes(sealed, store.SignalProtobufSerializer.SignalMessage))
	key := fmt.Sprintf("%x %d", m.SenderRatchetKey().Serialize(), m.Counter())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used[key] {
		s.Errorf("message key %s was used twice", key)
	}
	s.used[key] = true
	s.sent = append(s.sent, node)
}

// bobReads reads in any order.
func (s *storm) bobReads() {
	s.rng.Shuffle(len(s.sent), func(i, j int) { s.sent[i], s.sent[j] = s.sent[j], s.sent[i] })
	for _, node := range s.sent {
		node.Attrs["v"] = "2"
		_, hash, err := s.bob.cli.DangerousInternals().DecryptDM(context.Background(), node, s.ann.lid, false, seconds(1))
		check(s.T, err)
		check(s.T, s.bob.cli.Store.EventBuffer.ClearBufferedEventPlaintext(s.Context(), *hash))
	}
	s.sent = nil
}
