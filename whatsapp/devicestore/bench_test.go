package devicestore_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"
)

// What the store adds to one inbound message: the calls of a decryption, in the
// library's order.
func BenchmarkInboundMessage(b *testing.B) {
	s, m := all(b)
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
			return s.PutBufferedEvent(ctx, hash, record[:300], time.Now())
		}))
		check(b, s.ClearBufferedEventPlaintext(ctx, hash))
		m.set(func(m *memory) { // keep the map small: its Scan sorts
			m.applies = nil
			for k := range m.keys {
				if k[0] == 'b' || k[0] == 'e' {
					delete(m.keys, k)
				}
			}
		})
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
