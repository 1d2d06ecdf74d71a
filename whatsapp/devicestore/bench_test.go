package devicestore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/store"

	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// What the store adds to one inbound message: the calls of a decryption, in the
// library's order.
func BenchmarkInboundMessage(b *testing.B) {
	r, d, m := paired(b)
	s := d.Sessions.(store.AllStores)
	ctx := b.Context()
	record := make([]byte, 2000)
	check(b, s.PutSession(ctx, "55_1:3", record))
	check(b, s.PutLIDMapping(ctx, lid("55", 3), pn("49", 3)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var hash [32]byte
		binary.BigEndian.PutUint64(hash[:], uint64(i))
		binary.BigEndian.PutUint64(record, uint64(i))
		check(b, s.PutLIDMapping(ctx, lid("55", 3), pn("49", 3)))
		_, _, err := s.PutPushName(ctx, lid("55", 0), "Bob")
		check(b, err)
		check(b, s.MigratePNToLID(ctx, pn("49", 3), lid("55", 3)))
		must(s.GetBufferedEvent(ctx, hash))
		check(b, s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			must(s.HasSession(ctx, "55_1:3"))
			must(s.GetSession(ctx, "55_1:3"))
			must(s.IsTrustedIdentity(ctx, "55_1:3", [32]byte{1}))
			check(b, s.PutIdentity(ctx, "55_1:3", [32]byte{1}))
			check(b, s.PutSession(ctx, "55_1:3", record))
			return s.PutBufferedEvent(ctx, hash, record[:300], seconds(1))
		}))
		check(b, s.PutMessageSecret(ctx, lid("55", 0), lid("55", 3), fmt.Sprint(i), hash[:]))
		must(r.Deliver(ctx, devicestore.Arrival{
			Chat: lid("55", 0), Sender: lid("55", 3), ID: fmt.Sprint(i), At: seconds(1),
		}, m.Apply))
		check(b, s.ClearBufferedEventPlaintext(ctx, hash))
		m.set(func(m *memory) { // keep the map small: its Scan sorts
			m.applies = nil
			for k := range m.keys {
				if strings.IndexByte("bexd", k[0]) >= 0 {
					delete(m.keys, k)
				}
			}
		})
	}
}

// nothing is a Backend without keys, which costs nothing itself.
type nothing struct{}

func (nothing) Get([]byte) ([]byte, error)                     { return nil, nil }
func (nothing) Scan([]byte, func(_, _ []byte) error) error     { return nil }
func (nothing) Apply(context.Context, map[string][]byte) error { return nil }

// Deliver alone: a message's held writes, its mark, the mark's and the chat's
// lookups.
func BenchmarkDeliver(b *testing.B) {
	r := newRig(b)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	check(b, d.Save(b.Context()))
	c := devicestore.New(func(string) devicestore.Backend { return nothing{} }, &owner{}, nil)
	s := must(c.Load(r.owner.saved[0])).Sessions.(store.AllStores)
	record := make([]byte, 2000)
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		check(b, s.DoDecryptionTxn(ctx, func(ctx context.Context) error {
			check(b, s.PutSession(ctx, "55_1:3", record))
			return s.PutBufferedEvent(ctx, [32]byte{1}, record[:300], seconds(1))
		}))
		b.StartTimer()
		must(c.Deliver(ctx, arrival(fmt.Sprint(i)), nothing{}.Apply))
	}
}

// What a device costs that is loaded and does nothing: with the library's own
// Device and its keys, and what this package adds.
func BenchmarkIdleDevice(b *testing.B) {
	r := newRig(b)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	check(b, d.Save(b.Context()))
	const devices = 2000
	idle := func(load func() any) float64 {
		var before, after runtime.MemStats
		kept := make([]any, devices)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = load()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(kept)
		return float64(after.HeapAlloc-before.HeapAlloc) / devices
	}
	backend := func(string) devicestore.Backend { return nothing{} }
	for b.Loop() {
		whole := idle(func() any {
			c := devicestore.New(backend, r.owner, nil)
			must(c.Load(r.owner.saved[0]))
			return c
		})
		ring := idle(func() any { return devicestore.NewIdle(nothing{}) })
		b.ReportMetric(whole, "B/device")
		b.ReportMetric(ring, "B/keyring")
	}
}

func BenchmarkUnchangedIdentity(b *testing.B) {
	s, _ := all(b)
	check(b, s.PutIdentity(b.Context(), "55_1:3", [32]byte{1}))
	b.ReportAllocs()
	for b.Loop() {
		check(b, s.PutIdentity(b.Context(), "55_1:3", [32]byte{1}))
	}
}

func BenchmarkFirstPreKeys(b *testing.B) {
	for b.Loop() {
		s, m := all(b)
		m.costs(b, 1, "812 prekeys", func() { must(s.GetOrGenPreKeys(b.Context(), 812)) })
	}
}
